"""The supervisor's knowledge of a child: its group, its descriptors, its end."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.protocol.channel import Channel
from appliance.protocol.inflight import InFlight, Slot
from appliance.protocol.output_frames import TEXT, Piece, new_mark, pack
from appliance.protocol.page_messages import SetStandInPage, StopAccepting
from appliance.protocol.traces import Trace
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.child_starts import prepare_forked, spawn
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.processes.reaper import reap
from tests.supervisor.processes.child_descriptors import close, open_descriptors

Start = Callable[..., Handle]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start children; they end with the test."""
    made: list[Handle] = []

    def start(*argv: str, role: str = "worker", channel: bool = False, **environment: str) -> Handle:
        made.append(spawn(Role(role), 1, argv, environment=environment, folder=tmp_path, channel=channel))
        return made[-1]

    yield start
    for each in made:
        each.signal_group(signal.SIGKILL)
        assert each.process is not None
        each.process.wait(10)
        close(each)


def read(handle: Handle, stream: str = "stdout") -> bytes:
    """Return the next output of the child; b"" once no process can write more."""
    assert select.select([handle.outputs[stream]], [], [], 10)[0]
    return os.read(handle.outputs[stream], 65_536)


def wait(handle: Handle) -> int:
    """The wait status of a child, as the reaper gets it."""
    return os.waitpid(handle.pid, 0)[1]


def test_a_signal_reaches_the_whole_group(start: Start):
    """A signal goes to what a child has started too, not to the child alone, and to nobody else."""
    parent = start("/bin/sh", "-c", "sleep 1000 & echo begun; wait", PATH=os.defpath)
    assert read(parent) == b"begun\n"
    assert parent.has_group()
    parent.signal_group(signal.SIGTERM)
    assert read(parent) == b""  # the grandchild held the other end of the pipe as well
    parent.ended(wait(parent))
    assert parent.how() == "killed by SIGTERM"
    parent.signal_group(signal.SIGTERM)  # nobody is left who would hear it: nothing is raised


def test_a_child_that_is_not_there_is_never_signalled(monkeypatch: pytest.MonkeyPatch):
    """Before a forked child has said its number no signal is sent: group 0 is our own."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "killpg", lambda *given: sent.append(given))
    handle, theirs = prepare_forked(Role.WORKER)
    handle.signal_group(signal.SIGKILL)
    assert sent == []
    handle.pid = 4711
    handle.signal_group(signal.SIGKILL)
    assert sent == [(4711, signal.SIGKILL)]
    close(handle, theirs)


@pytest.mark.parametrize(("error", "there"), [(ProcessLookupError, False), (PermissionError, True)])
def test_a_group_of_another_user_causes_no_error(monkeypatch: pytest.MonkeyPatch, error: type[OSError], there: bool):
    """A group that we may not signal is there; one that nobody is in is not; neither is an error."""

    def refuse(*_: int) -> None:
        raise error

    monkeypatch.setattr(os, "killpg", refuse)
    handle = Handle(Role.WORKER, 1, 4711, {})
    assert handle.has_group() is there
    handle.signal_group(signal.SIGTERM)


@pytest.mark.parametrize(
    ("status", "cause", "words"),
    [
        (0, "", "exit status 0"),
        (3 << 8, "", "exit status 3"),
        (3 << 8, "the port is taken", "exit status 3 (the port is taken)"),
        (signal.SIGKILL, "", "killed by SIGKILL"),
        (signal.SIGKILL, "no memory", "killed by SIGKILL (no memory)"),
    ],
)
def test_an_end_is_its_status_or_signal(status: int, cause: str, words: str):
    """An end is described by its exit status or its signal, with the cause if that is known."""
    handle = Handle(Role.WORKER, 1, 4711, {}, cause=cause)
    assert handle.how() == "is running"
    handle.ended(status)
    assert handle.how() == words
    assert Handle(Role.WORKER, 1, 0, {}).how() == "never started"


def test_the_end_of_a_child_cancels_its_deadline(start: Start):
    """A child that has ended is not ended once more by its deadline, and its Popen waits for nobody."""

    class Timer:
        cancelled = False

        def cancel(self) -> None:
            self.cancelled = True

    child = start("/bin/sh", "-c", "exit 7", PATH=os.defpath)
    timer: Any = Timer()
    child.deadline = timer
    child.ended(wait(child))
    assert timer.cancelled
    assert child.process is not None
    assert (child.returncode, child.process.returncode) == (7, 7)
    assert not child.is_forked


def test_both_outputs_are_read_apart(start: Start):
    """Standard output and error are pipes of their own, which the kernel tells apart, and which never block us."""
    child = start("/bin/sh", "-c", "echo one; echo two >&2", PATH=os.defpath)
    wait(child)
    assert {child.outputs["stdout"], child.outputs["stderr"]} == {number for number, _ in child.readable.poll(10_000)}
    assert (read(child), read(child, "stderr")) == (b"one\n", b"two\n")
    assert not any(map(os.get_blocking, child.outputs.values()))
    assert child.readable is child.readable


def test_a_child_has_a_session_of_its_own(start: Start, tmp_path: Path):
    """Signals of our terminal reach no child; its standard input is empty, its folder and variables as asked for."""
    (tmp_path / "input").write_text("ours", encoding="utf-8")
    ours = os.dup(0)
    with (tmp_path / "input").open("rb") as file:
        os.dup2(file.fileno(), 0)
    child = start(
        sys.executable, "-I", "-c",
        "import os, sys; print(os.getsid(0) == os.getpid() == os.getpgrp(), sys.stdin.read() == '', os.environ['A'])\n"
        "print(os.getcwd())",
        A="b",
    )  # fmt: skip
    os.dup2(ours, 0)
    os.close(ours)
    wait(child)
    assert read(child).decode() == f"True True b\n{tmp_path}\n"
    assert (child.role, child.generation) == ("worker", 1)


def test_a_channel_rides_on_the_command_line(start: Start):
    """A child with a channel gets its number last, and holds it, the standard streams and the lifeline alone."""
    child = start(
        sys.executable, "-I", "-c",
        "import os, sys, socket\n"
        "end = socket.socket(fileno=int(sys.argv[-1]))\n"
        "print(len(end.recv(100)) > 5, len(os.listdir('/proc/self/fd')))",
        channel=True,
    )  # fmt: skip
    assert child.channel is not None
    child.channel.send(StopAccepting())
    wait(child)
    assert read(child) == b"True 6\n"  # 0, 1, 2, the channel, the lifeline, and the folder that is listed


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="not run: the score is Linux's")
def test_the_kernel_takes_a_child_first(start: Start):
    """If memory runs out, the kernel ends a child and not the supervisor (proc_pid_oom_score_adj(5))."""
    child = start("/bin/sh", "-c", "read line", PATH=os.defpath)
    assert child.prefer_as_oom_victim()
    assert Path(f"/proc/{child.pid}/oom_score_adj").read_text(encoding="ascii") == "500\n"


def test_a_child_that_has_gone_needs_no_score():
    """A child that ends at once causes no error, though the kernel no longer knows it."""
    assert Handle(Role.WORKER, 1, 2**22 + 1, {}).prefer_as_oom_victim()


def test_a_mark_tells_who_wrote_a_piece():
    """After ``expect`` each output is read by lines that know the mark: they tell who has written a piece."""
    handle = Handle(Role.WORKER, 1, 4711, {"stdout": -1, "stderr": -1})
    mark = new_mark()
    handle.expect(mark)
    assert handle.output_lines.keys() == {"stdout", "stderr"}
    piece = pack(mark, Piece(TEXT, 1.0, 4712, 1, "one", b"text\n"))
    for each in handle.output_lines.values():
        assert [(line.text, line.pid, line.request_id) for line in each.feed(piece)] == [(b"text", 4712, "one")]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="not run: the signal of a pipe's end is Linux's")
def test_the_lifeline_ends_the_group(start: Start):
    """When the supervisor's end of the lifeline closes, the child and what it started are killed."""
    child = start("/bin/sh", "-c", "sleep 1000 & echo begun; wait", PATH=os.defpath)
    assert read(child) == b"begun\n"
    assert child.lifeline is not None
    child.lifeline.end()
    assert read(child) == b""  # both have held the other end of the pipe
    child.ended(wait(child))
    assert child.how() == "killed by SIGKILL"


def test_the_channel_never_blocks_the_supervisor(start: Start):
    """A message that a child does not read waits in the channel, and the supervisor's send returns."""
    child = start("/bin/sh", "-c", "sleep 1000", PATH=os.defpath, channel=True)
    forked, theirs = prepare_forked(Role.WORKER)
    for each in (child, forked):
        assert each.channel is not None
        assert not os.get_blocking(each.channel.fileno())
        assert not each.channel.send(SetStandInPage({"text": "x" * 1_000_000}, 0.0, 0.0))
    close(forked, theirs)


def test_the_handle_of_a_forked_child_has_no_pid_at_first():
    """The handle of a child that another forks has channel, outputs and lifeline, no pid, and counts as forked."""
    before = open_descriptors()
    handle, theirs = prepare_forked(Role.SPARE)
    assert (handle.pid, handle.generation, handle.role, handle.is_forked) == (0, 0, "spare", True)
    channel, out, err, lifeline = theirs
    os.write(out, b"out")
    os.write(err, b"err")
    assert (read(handle), read(handle, "stderr")) == (b"out", b"err")
    assert os.fstat(lifeline).st_size == 0
    assert handle.channel is not None
    handle.channel.send(StopAccepting())
    assert select.select([channel], [], [], 10)[0]
    child = Channel(socket.socket(fileno=os.dup(channel)))
    child.send(StopAccepting())
    assert list(handle.channel.receive()) == [(StopAccepting(), [])]
    child.close()
    close(handle, theirs)
    assert open_descriptors() == before


def test_output_belongs_to_the_only_running_request():
    """Output belongs to the request that runs alone; if none or several run, it belongs to no request."""
    handle = Handle(Role.WORKER, 1, 4711, {"stdout": -1, "stderr": -1})
    assert handle.only_request("stdout") is None
    tally = InFlight(handle.count(8))

    class Request:
        slot: Slot | None = None
        trace: Trace | None = None
        started = 0.0

        def __init__(self, request_id: str) -> None:
            self.request_id = request_id

    one, two = Request("one"), Request("two")
    assert handle.only_request("stdout") is None
    tally.begin(one, b"GET /")
    assert handle.only_request("stdout") == "one"
    assert handle.only_request("stdin") is None
    tally.begin(two, b"GET /")
    assert handle.only_request("stderr") is None
    assert handle.in_flight is not None
    os.close(handle.in_flight.descriptor)


def test_each_end_is_reaped_once(start: Start, monkeypatch: pytest.MonkeyPatch):
    """Every child that has ended is returned once with its status, then an empty list, also without children."""
    statuses = [(11, 0), (12, 256)]

    def ended(pid: int, options: int) -> tuple[int, int]:
        assert (pid, options) == (-1, os.WNOHANG)
        return statuses.pop(0) if statuses else (0, 0)

    monkeypatch.setattr(os, "waitpid", ended)
    assert reap() == [(11, 0), (12, 256)]
    assert reap() == []

    def nobody(*_: int) -> None:
        raise ChildProcessError

    monkeypatch.setattr(os, "waitpid", nobody)
    assert reap() == []


def test_orphans_are_adopted():
    """A process that has become a subreaper gets what its child leaves behind (prctl(2))."""
    script = (
        "import os\n"
        "from appliance.supervisor.processes.reaper import adopt_orphans\n"
        "assert adopt_orphans()\n"
        "read, write = os.pipe()\n"
        "if not os.fork():\n"
        "    if not os.fork():\n"
        "        os.read(read, 1)\n"
        "        os._exit(7)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "os.write(write, b'x')\n"
        "print(os.waitstatus_to_exitcode(os.wait()[1]))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30)
    assert (ran.stdout, ran.stderr) == ("7\n", "")


@pytest.mark.parametrize(("role", "names_the_limit"), [("recorder", True), ("standin", True), ("worker", False)])
def test_the_end_of_a_child_without_threads_names_the_limit(start: Start, role: str, names_the_limit: bool):
    """A child of ours that could start no thread has that as its reason; the same code of a worker is the project's."""
    child = start(sys.executable, "-c", "raise SystemExit(75)", role=role)
    child.ended(wait(child))
    assert child.how().startswith("exit status 75")
    assert ("the limit of processes" in child.how()) == names_the_limit
