"""Old workers that serve no more, and finish what they do in the background.

Owns how many there may be, and when what they do is told. Knows nothing of what it is: the worker says that
(``worker/background_work``). Runs in the supervisor's loop.

A worker that has drained may finish its threads and its hooks at exit beside the new one, until the grace of its
retirement is over; then it says what it was at, and is ended. A scheduler that never ends by itself is told to when the
drain begins. Saves that come fast would pile such workers up: of more than a few the oldest is ended.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from appliance.protocol.channel import ReportBackgroundWork

if TYPE_CHECKING:
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle

TELL_S = 1.0  # what is over so soon is not worth a line
HURRY_S = 1.0  # for one whose address the new worker waits for
MOST = 3


class RetiringWorkers:
    """The workers that finish."""

    def __init__(self, loop: Loop, children: Children) -> None:
        self._loop = loop
        self._children = children
        self._left: list[Handle] = []

    def drained(self, child: Handle) -> None:
        """It has no requests any more; its deadline stands."""
        child.drained = True
        living = self._children.living()
        self._left = [each for each in self._left if each in living]
        self._left.append(child)
        self._loop.call_later(TELL_S, partial(self._ask, child))
        for each in self._left[:-MOST]:
            self._children.cut(each)

    def _ask(self, child: Handle) -> None:
        self._children.send(child, ReportBackgroundWork())

    def hurry(self) -> None:
        """Somebody needs what they hold."""
        for child in self._left:
            self._children.leave(child, HURRY_S)
