"""Hold the processes of the snapshots: fork them, set their deadlines, signal them and end them.

Runs in the supervisor's loop.

Decision 66 says why.
"""

from __future__ import annotations

import signal
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from appliance.protocol.snapshot_messages import GetReady
from appliance.supervisor.processes.child_forks import FORK_ANSWER_S, request_fork
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.snapshots.known_snapshots import SnapshotRole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle

LATER_S = 0.3  # most saves have been answered then


class SnapshotProcesses:
    """At most one process of each kind.

    Args:
        loop: the supervisor's.
        children: of the supervisor.
        hangs: is called if the snapshot's spare does not answer.
    """

    def __init__(self, loop: Loop, children: Children, hangs: Callable[[], None]) -> None:
        self._loop = loop
        self._children = children
        self._hangs = hangs
        self._living: dict[SnapshotRole, Handle] = {}
        self._without_delay = False
        self._stopped: deque[Handle] = deque()  # they end soon
        self._asked: Handle | None = None  # to get ready

    @property
    def are_there(self) -> bool:
        """Whether any process is held."""
        return bool(self._living)

    def get(self, process: SnapshotRole) -> Handle | None:
        """Return a process, if it is there."""
        return self._living.get(process)

    def role_of(self, child: Handle) -> SnapshotRole | None:
        """Return the role of this child; None if it has none."""
        return next((process for process, each in self._living.items() if each is child), None)

    def add(self, process: SnapshotRole, child: Handle) -> None:
        """Hold this child."""
        self._living[process] = child

    def pop(self, process: SnapshotRole) -> Handle:
        """Stop holding this process, which goes on."""
        return self._living.pop(process)

    def fork(self, parent: SnapshotRole, role: Role) -> Handle | None:
        """Return a fork of a process, which waits for its first message; None if there is none."""
        source = self._living.get(parent)
        return None if source is None else request_fork(self._children, source, role)

    def fork_spare(self) -> Handle | None:
        """Fork the snapshot's spare; return it, or None if there is none."""
        if (child := self.fork(SnapshotRole.SNAPSHOT, Role.SPARE)) is not None:
            self.add(SnapshotRole.SPARE, child)
            self._loop.call_later(FORK_ANSWER_S, partial(self._check_answer, child))
        return child

    def _check_answer(self, child: Handle) -> None:
        if child is self._living.get(SnapshotRole.SPARE) and not child.pid:
            self._hangs()

    def get_ready(self, changed: Sequence[str] = ()) -> None:
        """Have the spare copy the memory that a worker writes to: a save is likely, or has begun.

        ``changed``: files that the save will probably change, absolute paths. The spare compiles them ahead.
        """
        spare = self._living.get(SnapshotRole.SPARE)
        if spare is not None and (changed or spare is not self._asked):
            self._asked = spare
            self._children.send(spare, GetReady(changed=list(changed)))

    def give_time(self, child: Handle, within_s: float) -> None:
        """Kill the child after this time, counted from now."""
        self.forget_time(child)
        child.set_timer(self._loop.call_later(within_s, partial(self._children.kill, child)))

    def forget_time(self, child: Handle) -> None:
        """Cancel the child's deadline: it has done its work in time."""
        if child.deadline is not None:
            child.deadline.cancel()

    def signal(self, process: SnapshotRole, number: signal.Signals) -> None:
        """Send a process a signal, if it is there."""
        if (child := self._living.get(process)) is not None:
            child.signal_group(number)

    def end(self, process: SnapshotRole) -> None:
        """End a process, if it is there: stop it now, and kill it later. Its end is expected.

        When it ends, the kernel frees the memory of a whole project. That takes 10 ms of CPU time or more, which the
        worker of a save would lose.
        """
        if (child := self._living.pop(process, None)) is None:
            return
        child.mark_ending()
        if self._without_delay or not child.pid:
            self._children.kill(child)
            return
        child.signal_group(signal.SIGSTOP)
        self._stopped.append(child)
        self._loop.call_later(LATER_S, self._kill_stopped)

    def _kill_stopped(self) -> None:
        if self._stopped:
            self._children.kill(self._stopped.popleft())

    def end_without_delay(self) -> None:
        """Kill the stopped processes now, and from now on kill others without a delay: the appliance stops."""
        self._without_delay = True
        while self._stopped:
            self._kill_stopped()
