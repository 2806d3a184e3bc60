"""A second look at the project where an import has failed, and a save has come since the first.

Owns whether the last analysis may be out of date, and the failure that is held back meanwhile. Knows nothing of what
becomes of either. Runs in the supervisor's loop.

Theory of operation. A save of code starts a worker at once, of the application that is known: to look for it each time
would cost each reload its time. Where that worker's import fails, the application may have another name now, another
file, or other settings. So the project is looked at before anybody is told; it takes 30 ms.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from appliance.errors import StartError
from appliance.supervisor.steps.analysis import Analysis

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.errors import ApplianceError
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.steps.analysis import Analyst


class SecondLook:
    """The looks at one project."""

    def __init__(self, loop: Loop, analyst: Analyst) -> None:
        self._loop = loop
        self._analyst = analyst
        self._next: Analysis | None = None  # made already
        self._is_fresh = True

    def saved(self) -> None:
        """A save has come: what is known of the project may be out of date."""
        self._is_fresh = False

    def look(self, known: Analysis | None, told: Callable[[Analysis | ApplianceError], None]) -> None:
        """Look at the project, in a thread; ``told`` is called in the loop, and never before this returns.

        Raises:
            StartError: there may be no more threads.
        """
        self._is_fresh = True
        ready, self._next = self._next, None
        if ready is not None:
            self._loop.post(partial(told, ready))
        else:
            self._aside(known, told)

    def again(self, known: Analysis | None, differs: Callable[[bool], None]) -> bool:
        """Whether a failure is to be held back until ``differs`` is called: with True if there is another analysis."""
        if self._is_fresh or known is None:
            return False
        try:
            self._aside(known, partial(self._looked, known, differs))
        except StartError:
            return False  # it fails as it is
        self._is_fresh = True
        return True

    def _looked(self, known: Analysis, differs: Callable[[bool], None], result: Analysis | ApplianceError) -> None:
        if isinstance(result, Analysis) and result.differs(known):
            self._next = result
            differs(True)  # noqa: FBT003  what it is called is what it is told
            self._next = None
        else:
            differs(False)  # noqa: FBT003  as above

    def _aside(self, known: Analysis | None, told: Callable[[Analysis | ApplianceError], None]) -> None:
        self._analyst.start(known.project if known is not None else None, told)
