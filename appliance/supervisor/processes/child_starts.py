"""Start the processes of children. If a start is refused, no descriptor stays open.

Runs in the supervisor, where no other module starts a process. ``spawn`` sends the project's side what it needs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from appliance.environment.start_failure import start_error
from appliance.logs.project_output.output_lines import loads
from appliance.protocol.channel import Channel
from appliance.protocol.record import Record
from appliance.supervisor.processes.child_roles import TITLES, Role
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.processes.lifeline import Lifeline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ENTRY = Path(__file__).parents[2] / "worker" / "entry.py"


class Options(Record):
    """The differences of one child from others.

    Attributes:
        name: the companion's.
        open_input: the child's standard input ends with the supervisor; otherwise the input is empty.
        outlives: the child ends by itself, after the supervisor.
        ends_alone: when the child is asked to end, it ends its own children itself; processes that it leaves are ended
            afterwards.
    """

    name: str = ""
    open_input: bool = False
    outlives: bool = False
    ends_alone: bool = False


_NO_OPTIONS = Options()


def spawn(
    role: Role,
    generation: int,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    channel: bool,
    options: Options = _NO_OPTIONS,
) -> Handle:
    """Start a child in its own session: signals of our terminal do not reach it, and its whole group can be killed.

    With ``channel`` the descriptor of its end is appended to ``argv``.

    Raises:
        StartError: the child can't be started. No descriptor stays open, whatever the reason.
    """
    try:
        return _spawn(role, generation, argv, environment=environment, folder=folder, channel=channel, options=options)
    except Exception as error:
        what = " ".join(filter(None, [TITLES[role], options.name]))
        raise start_error(what, error, program=argv[0], folder=folder, environment=environment) from error


def _spawn(
    role: Role,
    generation: int,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    channel: bool,
    options: Options,
) -> Handle:
    with _Descriptors() as ends:
        named = [ends.child_end] if channel and ends.connect() else []
        process = subprocess.Popen(  # noqa: S603  argv is ours, or the project's own command
            [*argv, *map(str, named)],
            stdin=ends.open_input() if options.open_input else subprocess.DEVNULL,
            stdout=ends.inputs[0],
            stderr=ends.inputs[1],
            pass_fds=[*named, *(() if options.outlives else ends.inherited_descriptors())],
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
        handle = Handle(role, generation, process.pid, ends.outputs, ends.parent_end, process, ends.lifeline)
        handle.name, handle.ends_alone = options.name, options.ends_alone
        ends.keep()
        if not options.outlives:
            ends.lifeline.bind(process.pid)
    return handle


class _Descriptors:
    """The descriptors for a child that is being started: if anything fails, none stays open."""

    def __init__(self) -> None:
        self.outputs: dict[str, int] = {}  # our ends of its descriptors 1 and 2, by name
        self.inputs: list[int] = []
        self.parent_end: Channel | None = None
        self.child_end = -1
        self.lifeline = Lifeline()
        self._input = -1
        self._started = False

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
        """Make the child's channel."""
        parent_end, child_end = Channel.pair()
        self.child_end = child_end.detach()
        parent_end.setblocking(False)  # noqa: FBT003  the standard library's own signature
        self.parent_end = Channel(parent_end, loads=loads)
        return True

    def open_input(self) -> int:
        """Return a standard input that ends with the supervisor; an empty one if there can be none."""
        self._input = self.lifeline.open_input()
        return self._input if self._input >= 0 else subprocess.DEVNULL

    def inherited_descriptors(self) -> list[int]:
        """Return the descriptors that the child inherits and never uses."""
        return [self.lifeline.child_end] if self.lifeline.child_end >= 0 else []

    def keep(self) -> None:
        """Keep our ends open: the child is started."""
        self._started = True

    def __exit__(self, *_: object) -> None:
        for descriptor in self.inputs:
            os.close(descriptor)
        for descriptor in (self.child_end, self._input):
            if descriptor >= 0:
                os.close(descriptor)
        if not self._started:
            for descriptor in self.outputs.values():
                os.close(descriptor)
            if self.parent_end is not None:
                self.parent_end.close()
            self.lifeline.end()

    def detach(self) -> list[int]:
        """Return the child's ends, for a child that another one forks; the caller must close them."""
        held = [os.dup(descriptor) for descriptor in self.inherited_descriptors()]  # the lifeline needs its own for now
        child_ends, self.child_end = [self.child_end, *self.inputs, *held], -1
        self.inputs = []
        self._started = True
        return child_ends


def prepare_forked(role: Role) -> tuple[Handle, list[int]]:
    """Return the handle of a child that another one will fork, and the child's descriptors; the caller closes those.

    They are its channel, 1 and 2, and the child's end of the lifeline, if there is one.

    Raises:
        StartError: there are no descriptors left.
    """
    try:
        with _Descriptors() as ends:
            ends.connect()
            return Handle(role, 0, 0, ends.outputs, ends.parent_end, lifeline=ends.lifeline), ends.detach()
    except OSError as error:
        raise start_error(TITLES[role], error) from error


def spawn_side(role: Role, generation: int, python: Path, *, environment: Mapping[str, str], folder: Path) -> Handle:
    """Start the project's side in ``python``: a worker in the project's interpreter, a stand-in in the appliance's.

    A stand-in is isolated (``-I``): nothing from the project's environment reaches it. A worker is not isolated: it
    must get the project's own PYTHON* variables.
    """
    command = ["-I", "-m", "appliance.standin"] if role is Role.STANDIN else [str(ENTRY)]
    return spawn(role, generation, [str(python), *command], environment=environment, folder=folder, channel=True)


def spawn_own(role: Role, module: str, environment: Mapping[str, str]) -> Handle:
    """Start a process of ours with a channel: a module of the appliance, in our own interpreter."""
    return spawn(role, 0, [sys.executable, "-I", "-m", module], environment=environment, folder=Path("/"), channel=True)


def spawn_installer(argv: Sequence[str], *, environment: Mapping[str, str], folder: Path, job: int) -> Handle:
    """Start our own ``appliance install`` as a child: it may block, and can be killed at any time."""
    command = [sys.executable, "-I", "-m", "appliance", "install", "--report", *argv]
    return spawn(Role.INSTALLER, job, command, environment=environment, folder=folder, channel=False)
