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
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from appliance.environment.start_failure import start_error
from appliance.logs.project_output.output_lines import OutputLines, loads
from appliance.protocol.channel import Channel
from appliance.protocol.inflight import Reading
from appliance.supervisor.processes.lifeline import Lifeline
from appliance.supervisor.signals import name_of

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence

    from appliance.protocol.inflight import Snapshot
    from appliance.supervisor.loop import Timer
    from appliance.supervisor.steps.analysis import Analysis

ENTRY = Path(__file__).parents[2] / "worker" / "entry.py"
NAMES = MappingProxyType(
    {
        "worker": "a worker of the project",
        "standin": "the stand-in",
        "installer": "the installer",
        "preparation": "the shell for BEFORE_START",
        "preloader": "the preloader",
        "spare": "a worker of the project",
    }
)


@dataclass(eq=False)
class Handle:
    """One child. ``returncode`` is set by the reaper alone: nobody else may wait for it."""

    role: str  # "worker", "standin", "installer", "preparation", "preloader", "spare"
    generation: int
    pid: int  # its process id, and the id of its process group; 0 while a forked one has not said hello
    outputs: dict[str, int]  # "stdout" and "stderr": the read ends of its descriptors 1 and 2
    channel: Channel | None = None
    process: subprocess.Popen[bytes] | None = None  # None for one that was forked by another child
    lifeline: Lifeline | None = None  # has it end with us
    returncode: int | None = None
    words: dict[str, OutputLines] = field(default_factory=lambda: {"stdout": OutputLines(), "stderr": OutputLines()})
    in_flight: Reading | None = None  # of a worker: the requests that run
    silent: dict[str, Snapshot] = field(default_factory=dict)  # the tally when nothing was left to read, a stream
    recorded: int = 0  # the requests that it has told of
    analysis: Analysis | None = None  # of a worker: the look at the project that it serves
    started: float = field(default_factory=time.monotonic)
    ready_at: float | None = None
    served: bool = False  # it has had requests; known when it has ended
    python: str = ""
    reported: bool = False  # it has said why it ends
    ending: bool = False  # it was asked to end
    drained: bool = False  # it has no requests any more
    cause: str = ""  # why it ended, where it has said so, or the kernel tells
    deadline: Timer | None = None

    @property
    def is_forked(self) -> bool:
        """Whether another child has forked it."""
        return self.process is None

    def expect(self, mark: bytes) -> None:
        """What it says in Python will bear this mark (``tagged``)."""
        self.words = {stream: OutputLines(mark) for stream in self.outputs}

    @cached_property
    def readable(self) -> select.poll:
        """Tells which of its outputs have something to read; a look at both is 0.5 µs, a read in vain 1.5."""
        poll = select.poll()
        for descriptor in self.outputs.values():
            poll.register(descriptor, select.POLLIN)
        return poll

    def count(self, slots: int) -> int:
        """Have it count its requests in memory that is shared, of so many at a time; the memory's descriptor."""
        self.in_flight = Reading(slots)
        self.silent = dict.fromkeys(self.outputs, self.in_flight.snapshot())
        return self.in_flight.descriptor

    def only_request(self, stream: str) -> str | None:
        """The id of the one request that can have written what is read now; None if several can, or none."""
        before = self.silent.get(stream)
        return self.in_flight.only_one_since(before) if self.in_flight is not None and before is not None else None

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to it and to what it started."""
        if not self.pid:
            return  # group 0 is our own
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def has_group(self) -> bool:
        """Whether there is a process yet of what it started, in its own group; those that ended wait to be reaped."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True  # not ours to signal any more
        return True

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
        return f"killed by {name_of(-code)}{cause}" if code < 0 else f"exit status {code}{cause}"


def spawn(
    role: str, generation: int, argv: Sequence[str], *, environment: Mapping[str, str], folder: Path, channel: bool
) -> Handle:
    """Start a child in a session of its own: signals of our terminal do not reach it, and its group can be ended whole.

    With ``channel`` the number of its end's descriptor is appended to ``argv``.

    Raises:
        StartError: it can't be started; whatever the kernel or the interpreter refused, nothing is left open.
    """
    try:
        return _spawn(role, generation, argv, environment=environment, folder=folder, channel=channel)
    except Exception as error:
        raise start_error(
            NAMES[role], error, program=argv[0], folder=folder, environment=environment
        ) from error  # fmt: skip


def _spawn(
    role: str, generation: int, argv: Sequence[str], *, environment: Mapping[str, str], folder: Path, channel: bool
) -> Handle:
    with _Ends() as ends:
        named = [ends.theirs] if channel and ends.connect() else []
        process = subprocess.Popen(  # noqa: S603  argv is ours
            [*argv, *map(str, named)],
            stdin=subprocess.DEVNULL,
            stdout=ends.inputs[0],
            stderr=ends.inputs[1],
            pass_fds=[*named, *ends.held()],
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
        handle = Handle(role, generation, process.pid, ends.outputs, ends.ours, process, ends.lifeline)
        ends.keep()
        ends.lifeline.bind(process.pid)
    _offer_first(process.pid)
    return handle


class _Ends:
    """The descriptors between us and a child that is being started: whatever fails, none is left open."""

    def __init__(self) -> None:
        self.outputs: dict[str, int] = {}  # the ends of its descriptors 1 and 2 that are ours, by name
        self.inputs: list[int] = []
        self.ours: Channel | None = None
        self.theirs = -1
        self.lifeline = Lifeline()
        self._kept = False

    def __enter__(self) -> Self:
        try:
            for name in ("stdout", "stderr"):
                read, write = os.pipe()
                self.outputs[name] = read
                self.inputs.append(write)
                os.set_blocking(read, False)
        except OSError:
            self.__exit__()
            raise
        self.lifeline.open()
        return self

    def connect(self) -> bool:
        """Make a channel."""
        ours, theirs = Channel.pair()
        self.theirs = theirs.detach()
        ours.setblocking(False)  # noqa: FBT003  the standard library's own signature
        self.ours = Channel(ours, loads=loads)
        return True

    def held(self) -> list[int]:
        """What the child is to hold and never to look at."""
        return [self.lifeline.theirs] if self.lifeline.theirs >= 0 else []

    def keep(self) -> None:
        """The child is there: what is ours stays open."""
        self._kept = True

    def __exit__(self, *_: object) -> None:
        for descriptor in self.inputs:
            os.close(descriptor)
        if self.theirs >= 0:
            os.close(self.theirs)
        if not self._kept:
            for descriptor in self.outputs.values():
                os.close(descriptor)
            if self.ours is not None:
                self.ours.close()
            self.lifeline.end()

    def detach(self) -> list[int]:
        """Their ends, for a child that another one forks: the caller's to close."""
        held = [os.dup(descriptor) for descriptor in self.held()]  # the lifeline needs it until there is a pid
        theirs, self.theirs = [self.theirs, *self.inputs, *held], -1
        self.inputs = []
        self._kept = True
        return theirs


def _offer_first(pid: int) -> None:
    """Where memory runs out the kernel shall take a child and not PID 1 (proc_pid_oom_score_adj(5))."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("500", encoding="ascii")


def unborn(role: str) -> tuple[Handle, list[int]]:
    """A child that another one will fork, and the descriptors for it, which are the caller's to close.

    They are its channel, 1 and 2, and where there is a lifeline the end of it that is the child's.

    Raises:
        StartError: there are no descriptors for it.
    """
    try:
        with _Ends() as ends:
            ends.connect()
            return Handle(role, 0, 0, ends.outputs, ends.ours, lifeline=ends.lifeline), ends.detach()
    except OSError as error:
        raise start_error(NAMES[role], error) from error


def spawn_side(role: str, generation: int, python: Path, *, environment: Mapping[str, str], folder: Path) -> Handle:
    """Start the project's side in ``python``: a worker in the project's interpreter, a stand-in in ours.

    A stand-in is isolated (``-I``): nothing that the project put into the environment reaches it. A worker is not: the
    project's own PYTHON* variables are for it.
    """
    flags = ["-I"] if role == "standin" else []
    return spawn(
        role, generation, [str(python), *flags, str(ENTRY)], environment=environment, folder=folder, channel=True
    )


def spawn_installer(argv: Sequence[str], *, environment: Mapping[str, str], folder: Path, job: int) -> Handle:
    """Start our own ``appliance install`` as a child: it may block, and can be ended at any time."""
    command = [sys.executable, "-I", "-m", "appliance", "install", "--report", *argv]
    return spawn("installer", job, command, environment=environment, folder=folder, channel=False)


def adopt_orphans() -> bool:
    """Become a child subreaper (prctl(2)): what a child leaves behind is ours to wait for. False if there is none."""
    if not sys.platform.startswith("linux"):
        return False
    pr_set_child_subreaper = 36
    try:
        import ctypes  # noqa: PLC0415  for this one call

        return bool(ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0) == 0)
    except (ImportError, OSError):  # a libc of another kind
        return False


def reaped() -> list[tuple[int, int]]:
    """(pid, wait status) of each child that has ended since."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except OSError:  # mostly ECHILD
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))
