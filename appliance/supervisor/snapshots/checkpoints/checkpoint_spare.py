"""Hold a fork of a checkpoint that waits for the next save. Runs in the supervisor's loop.

A fork copies the tables of its memory, and some pages, before it can read its first message. That takes 3 to 10 ms for
a small Django project, and ten times as long on a busy machine. A spare has done that before the save.

Decision 64 says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle


class CheckpointSpare:
    """At most one fork, of one checkpoint.

    Args:
        children: end it.
        fork: forks the checkpoint of this number; None if that is not possible.
    """

    def __init__(self, children: Children, fork: Callable[[int], Handle | None]) -> None:
        self._children = children
        self._fork = fork
        self._child: Handle | None = None
        self._number = 0  # of the checkpoint

    def prepare(self, number: int) -> None:
        """Hold a fork of this checkpoint, and no other; of none for 0."""
        if self._child is None or number != self._number:
            self.end(self._number)
            self._child, self._number = (self._fork(number), number) if number else (None, 0)

    def take(self, number: int) -> Handle | None:
        """Return the fork, if it is one of this checkpoint: the caller has it now."""
        if number != self._number:
            return None
        child, self._child = self._child, None
        return child

    def end(self, number: int) -> None:
        """End the fork, if it is one of this checkpoint."""
        if (child := self.take(number)) is not None:
            self._children.kill(child)

    def ended(self, child: Handle) -> None:
        """Note that a process has ended: it may be the fork."""
        if child is self._child:
            self._child = None
