"""The notes of a handle while its child is alive: its number, its version, its requests, and why it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.protocol.inflight import InFlight, Slot
from appliance.protocol.traces import Trace
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.child_starts import prepare_forked
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.workers.worker_events import Source


class Request:
    """As much of an exchange as counts."""

    slot: Slot | None = None
    trace: Trace | None = None
    started = 0.0
    request_id = "one"


def worker(**known: Any) -> Handle:
    """A worker's handle, without a process."""
    return Handle(Role.WORKER, 1, 4711, {"stdout": -1, "stderr": -1}, **known)


def test_a_spare_becomes_a_worker():
    """A process that was forked ahead is a worker of the generation that needs one, and its start counts from then."""
    spare = Handle(Role.SPARE, 0, 4711, {}, started=0.0)
    before = time.monotonic()
    spare.assign(3)
    assert (spare.role, spare.generation) == ("worker", 3)
    assert before <= spare.started <= time.monotonic()


def test_a_worker_knows_what_it_serves():
    """A worker's handle has the number of its start, the analysis of the project, and what the worker comes from."""
    analysis: Any = SimpleNamespace()
    child = worker()
    child.assign_attempt(5, analysis, Source.SNAPSHOT)
    assert (child.attempt, child.analysis, child.source) == (5, analysis, Source.SNAPSHOT)


def test_what_a_child_reports_is_noted():
    """The handle has what its child has said: its Python, its records in total, that it ends, and why."""
    child = worker()
    child.greeted("3.13.1")
    for requests in (2, 3):
        child.add_recorded(requests)
    before = time.monotonic()
    assert before <= child.became_ready() <= time.monotonic()
    assert (child.python, child.recorded, child.ready_at is not None) == ("3.13.1", 5, True)
    assert (child.reported, child.drained, child.ending, child.cause) == (False, False, False, "")
    child.explained()
    child.mark_drained()
    child.mark_ending()
    child.blame("it accepted no connection")
    assert (child.reported, child.drained, child.ending, child.cause) == (True, True, True, "it accepted no connection")


def test_a_childs_deadline_is_cancelled_by_its_end():
    """The timer that would end a child is cancelled when the child has ended."""
    cancelled: list[str] = []
    timer: Any = SimpleNamespace(cancel=lambda: cancelled.append("timer"))
    child = worker()
    child.set_timer(timer)
    child.ended(0)
    assert cancelled == ["timer"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="not run: the signal of a pipe's end is Linux's")
def test_the_lifeline_of_a_forked_child_ends_it():
    """A child that another one has forked is held by its lifeline from the moment in which its number is known."""
    handle, theirs = prepare_forked(Role.WORKER)
    assert handle.channel is not None
    assert handle.lifeline is not None
    process = subprocess.Popen(["/bin/sh", "-c", "kill -STOP $$"], pass_fds=[theirs[3]], start_new_session=True)
    try:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)  # it runs, and holds its end
        handle.set_pid(process.pid)
        assert (handle.pid, handle.is_forked) == (process.pid, True)
        for descriptor in (*theirs, *handle.outputs.values()):
            os.close(descriptor)
        handle.channel.close()
        handle.lifeline.end()
        assert process.wait(10) == -9
    finally:
        process.kill()
        process.wait()


def test_a_child_without_a_lifeline_has_a_number_too():
    """If a child has no lifeline, its number is still noted."""
    child = worker(lifeline=None)
    child.set_pid(4712)
    assert child.pid == 4712


@pytest.mark.parametrize(
    ("blamed", "explained", "cause"),
    [("", "", ""), ("", "no memory", "no memory"), ("it stood", "", "it stood"), ("it stood", "no memory", "it stood")],
)
def test_the_memory_explains_an_end(blamed: str, explained: str, cause: str):
    """A worker that could not report its end any more has written the reason into its memory; ours counts first."""
    child = worker(cause=blamed)
    memory = InFlight(child.count(8))
    if explained:
        memory.explain(explained)
    child.ended(3 << 8)
    assert (child.cause, child.served) == (cause, False)
    child.close_memory()


def test_the_memory_tells_whether_it_has_served():
    """A worker that has begun a request has served, whether or not the request has ended."""
    child = worker()
    InFlight(child.count(8)).begin(Request(), b"GET /")
    child.ended(3 << 8)
    assert child.served
    child.close_memory()


def test_the_memory_is_closed_once():
    """The memory of a child's requests is closed with its descriptor; another close, or one of none, does nothing."""
    child = worker()
    descriptor = child.count(8)
    child.close_memory()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    child.close_memory()
    assert child.in_flight is None
