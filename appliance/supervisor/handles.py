"""What the supervisor knows of a child: pid, role, generation, channel, output, how it ended.

Owns the child's descriptors on this side. Knows nothing of why a child runs. ``spawn`` is the one place that starts
processes.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.channel import Channel
from appliance.logs.words import Words, loads
from appliance.supervisor.signals import name_of
from appliance.tally import Reading

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence

    from appliance.supervisor.analysis import Analysis
    from appliance.supervisor.loop import Timer
    from appliance.tally import Snapshot

BOOT = Path(__file__).parent.parent / "worker" / "boot.py"


@dataclass(eq=False)
class Handle:
    """One child. ``returncode`` is set by the reaper alone: nobody else may wait for it."""

    role: str  # "worker", "standin", "installer", "preparation", "preloader", "spare"
    generation: int
    pid: int  # its process id, and the id of its process group; 0 while a forked one has not said hello
    outputs: dict[str, int]  # "stdout" and "stderr": the read ends of its descriptors 1 and 2
    channel: Channel | None = None
    process: subprocess.Popen[bytes] | None = None  # None for one that was forked by another child
    returncode: int | None = None
    words: dict[str, Words] = field(default_factory=lambda: {"stdout": Words(), "stderr": Words()})
    tally: Reading | None = None  # of a worker: the requests that run
    silent: dict[str, Snapshot] = field(default_factory=dict)  # the tally when nothing was left to read, a stream
    recorded: int = 0  # the requests that it has told of
    analysis: Analysis | None = None  # of a worker: the look at the project that it serves
    started: float = field(default_factory=time.monotonic)
    ready_at: float | None = None
    python: str = ""
    reported: bool = False  # it has said why it ends
    ending: bool = False  # it was asked to end
    cause: str = ""  # why it was killed, where the kernel tells
    deadline: Timer | None = None

    @property
    def is_forked(self) -> bool:
        """Whether another child has forked it."""
        return self.process is None

    def expect(self, mark: bytes) -> None:
        """What it says in Python will bear this mark (``tagged``)."""
        self.words = {stream: Words(mark) for stream in self.outputs}

    @cached_property
    def readable(self) -> select.poll:
        """Tells which of its outputs have something to read; a look at both is 0.5 µs, a read in vain 1.5."""
        poll = select.poll()
        for descriptor in self.outputs.values():
            poll.register(descriptor, select.POLLIN)
        return poll

    def count(self, slots: int) -> int:
        """Have it count its requests in memory that is shared, of so many at a time; the memory's descriptor."""
        self.tally = Reading(slots)
        self.silent = dict.fromkeys(self.outputs, self.tally.snapshot())
        return self.tally.descriptor

    def only_request(self, stream: str) -> str | None:
        """The id of the one request that can have written what is read now; None if several can, or none."""
        before = self.silent.get(stream)
        return self.tally.only_one_since(before) if self.tally is not None and before is not None else None

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to it and to what it started."""
        if not self.pid:
            return  # group 0 is our own
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def ended(self, status: int) -> None:
        """Take the wait status that the reaper got."""
        self.returncode = os.waitstatus_to_exitcode(status)
        if self.process is not None:
            self.process.returncode = self.returncode
        if self.deadline is not None:
            self.deadline.cancel()

    def how(self) -> str:
        """How it ended, in words."""
        code = self.returncode
        if code is None:
            return "runs" if self.pid else "was never there"
        cause = f" ({self.cause})" if self.cause else ""
        return f"killed by {name_of(-code)}{cause}" if code < 0 else f"exit status {code}"


def spawn(
    role: str, generation: int, argv: Sequence[str], *, environment: Mapping[str, str], folder: Path, channel: bool
) -> Handle:
    """Start a child in a session of its own: signals of our terminal do not reach it, and its group can be ended whole.

    With ``channel`` the number of its end's descriptor is appended to ``argv``.

    Raises:
        OSError: the program can't be started.
    """
    ours, theirs = Channel.pair() if channel else (None, None)
    passed = [theirs.fileno()] if theirs else []
    outputs, inputs = _pipes()
    try:
        process = subprocess.Popen(  # noqa: S603  argv is ours
            [*argv, *map(str, passed)],
            stdin=subprocess.DEVNULL,
            stdout=inputs[0],
            stderr=inputs[1],
            pass_fds=passed,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
    except OSError:
        for descriptor in outputs.values():
            os.close(descriptor)
        if ours:
            ours.close()
        raise
    finally:
        for descriptor in inputs:
            os.close(descriptor)
        if theirs:
            theirs.close()
    _offer_first(process.pid)
    if ours:
        ours.setblocking(False)  # noqa: FBT003  the standard library's own signature
    return Handle(role, generation, process.pid, outputs, Channel(ours, loads=loads) if ours else None, process)


def _offer_first(pid: int) -> None:
    """Where memory runs out the kernel shall take a child and not PID 1 (proc_pid_oom_score_adj(5))."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("500", encoding="ascii")


def unborn(role: str) -> tuple[Handle, list[int]]:
    """A child that another one will fork, and the descriptors for it: its channel, 1 and 2; the caller's to close."""
    ours, theirs = Channel.pair()
    ours.setblocking(False)  # noqa: FBT003  as above
    outputs, inputs = _pipes()
    return Handle(role, 0, 0, outputs, Channel(ours, loads=loads)), [theirs.detach(), *inputs]


def _pipes() -> tuple[dict[str, int], list[int]]:
    """The ends of a child's descriptors 1 and 2: ours by name, and the child's."""
    outputs: dict[str, int] = {}
    inputs: list[int] = []
    for name in ("stdout", "stderr"):
        read, write = os.pipe()
        os.set_blocking(read, False)
        outputs[name] = read
        inputs.append(write)
    return outputs, inputs


def spawn_side(role: str, generation: int, python: Path, *, environment: Mapping[str, str], folder: Path) -> Handle:
    """Start the project's side in ``python``: a worker in the project's interpreter, a stand-in in ours.

    A stand-in is isolated (``-I``): nothing that the project put into the environment reaches it. A worker is not: the
    project's own PYTHON* variables are for it.
    """
    flags = ["-I"] if role == "standin" else []
    return spawn(
        role, generation, [str(python), *flags, str(BOOT)], environment=environment, folder=folder, channel=True
    )


def spawn_installer(argv: Sequence[str], *, environment: Mapping[str, str], folder: Path, job: int) -> Handle:
    """Start our own ``appliance install`` as a child: it may block, and can be ended at any time."""
    command = [sys.executable, "-I", "-m", "appliance", "install", "--report", *argv]
    return spawn("installer", job, command, environment=environment, folder=folder, channel=False)


def adopt_orphans() -> bool:
    """Become a child subreaper (prctl(2)): what a child leaves behind is ours to wait for. False if there is none."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes  # noqa: PLC0415  for this one call

    pr_set_child_subreaper = 36
    return bool(ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0) == 0)


def reaped() -> list[tuple[int, int]]:
    """(pid, wait status) of each child that has ended since."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))
