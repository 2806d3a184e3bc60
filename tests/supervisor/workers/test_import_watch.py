"""The watch over a worker that imports: an endless import is served, one that hangs reported; with fake processes."""

from __future__ import annotations

import time
from typing import Any

import pytest

from appliance.protocol.messages import ServeUnfinishedImport
from appliance.supervisor.processes.children import RECHECK_S
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.workers.import_watch import UNFINISHED_S, ImportWatch
from tests.supervisor.fakes import FakeChildren, FakeLoop, handle

TIMEOUT_S = 30.0


class Watched:
    """A worker that imports."""

    def __init__(self) -> None:
        self.loop, self.children = FakeLoop(), FakeChildren()
        self.worker = self.children.add(handle())
        self.debugged = False
        self.hung: list[tuple[Handle, str]] = []
        parts: Any = (self.loop, self.children, self)
        self.watch = ImportWatch(
            *parts, timeout_s=TIMEOUT_S, no_timeout=lambda _: self.debugged, hangs=lambda *each: self.hung.append(each)
        )
        self.watch.begin(self.worker)

    def ask(self, _child: Handle, callback: Any) -> None:
        """As the stack dumps'."""
        callback("stacks")


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_an_import_that_lasts_is_asked_to_serve(watched: Watched):
    """The worker is asked again and again, and no more once it is ready."""
    watched.loop.advance(UNFINISHED_S * 2)
    assert watched.children.messages(ServeUnfinishedImport) == [watched.worker] * 2
    watched.worker.became_ready()
    watched.loop.advance(UNFINISHED_S * 4)
    assert len(watched.children.messages(ServeUnfinishedImport)) == 2


def test_an_import_that_hangs_is_reported_with_its_stacks(watched: Watched):
    """A worker that is not ready in time is reported once."""
    watched.loop.advance(TIMEOUT_S * 3)
    assert watched.hung == [(watched.worker, "stacks")]


def test_a_worker_that_is_ready_does_not_hang(watched: Watched):
    """A worker that is ready, is being ended, or is followed by another one is not reported."""
    watched.watch.begin(other := watched.children.add(handle()))
    other.became_ready()
    watched.watch.begin(ended := watched.children.add(handle()))
    ended.mark_ending()
    watched.loop.advance(TIMEOUT_S * 3)
    assert watched.hung == []


def test_a_worker_without_a_timeout_is_checked_again(watched: Watched):
    """While a debugger has stopped the worker it does not hang; after that it does."""
    watched.debugged = True
    watched.loop.advance(TIMEOUT_S * 3)
    assert watched.hung == []
    watched.debugged = False
    watched.loop.advance(RECHECK_S)
    assert watched.hung == [(watched.worker, "stacks")]


def test_the_time_while_no_child_is_read_does_not_count(watched: Watched):
    """While the log is full a worker waits for its output, or its message waits: after that it has its whole time."""
    watched.children.last_unread = time.monotonic()
    watched.loop.advance(TIMEOUT_S * 3)
    assert watched.hung == []
    watched.children.last_unread = float("-inf")
    watched.loop.advance(TIMEOUT_S)
    assert watched.hung == [(watched.worker, "stacks")]
