"""End the processes that remain when the first process of a run has ended, and tell when none remains.

Runs in the supervisor's loop, and in that of ``appliance run --watch``.
"""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

from appliance.supervisor.companions.marked_processes import end_marked
from appliance.supervisor.processes.children import GROUP_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.loop import Loop

CHECK_S = 0.05  # between two looks


class RemainingProcesses:
    """The processes that are left of one run.

    Args:
        loop: calls later.
        mark: of the run's processes.
        has_group: whether the process group of the run has a process left; the group is ended elsewhere.
        gone: called once nothing is left.
    """

    def __init__(self, loop: Loop, mark: str, has_group: Callable[[], bool], gone: Callable[[], None]) -> None:
        self._loop = loop
        self._mark = mark
        self._has_group = has_group
        self._gone = gone
        self._began = time.monotonic()

    def end(self) -> None:
        """Ask the remaining processes to end, and kill them a second later."""
        self._look(signal.SIGTERM)

    def _look(self, number: int) -> None:
        """Send a signal, 0 for none, and look again if something is left."""
        late = time.monotonic() - self._began > GROUP_S
        left = end_marked(self._mark, signal.SIGKILL if late else number, below=os.getpid())
        if left or self._has_group():
            self._loop.call_later(CHECK_S, partial(self._look, 0))
        else:
            self._loop.post(self._gone)
