"""Analyse the project again when an import has failed after a save, before the failure is reported.

Runs in the supervisor's loop.

Theory of operation. A save of code starts a worker of the known application at once: an analysis at each save would
make each reload slower. If the import of that worker fails, the application may now have another name, another file, or
other settings. So the project is analysed again before the failure is reported; this takes 30 ms.
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


class Reanalysis:
    """The analyses of one project, and whether the last one may be outdated."""

    def __init__(self, loop: Loop, analyst: Analyst) -> None:
        self._loop = loop
        self._analyst = analyst
        self._next: Analysis | None = None  # a finished analysis, for the next request
        self._is_fresh = True

    def saved(self) -> None:
        """A save has come: the last analysis may be outdated."""
        self._is_fresh = False

    def analyse(self, known: Analysis | None, on_result: Callable[[Analysis | ApplianceError], None]) -> None:
        """Analyse the project in a thread; ``on_result`` is called in the loop, and never before this returns.

        Raises:
            StartError: there may be no more threads.
        """
        self._is_fresh = True
        ready, self._next = self._next, None
        if ready is not None:
            self._loop.post(partial(on_result, ready))
        else:
            self._start(known, on_result)

    def again(self, known: Analysis | None, differs: Callable[[bool], None]) -> bool:
        """Analyse the project again if the last analysis may be outdated; False if not, or if that is impossible.

        ``differs`` is called in the loop, with True if the new analysis is another one.
        """
        if self._is_fresh or known is None:
            return False
        try:
            self._start(known, partial(self._compare, known, differs))
        except StartError:
            return False  # the failure is reported without it
        self._is_fresh = True
        return True

    def _compare(self, known: Analysis, differs: Callable[[bool], None], result: Analysis | ApplianceError) -> None:
        if isinstance(result, Analysis) and result.differs(known):
            self._next = result
            differs(True)  # noqa: FBT003  the callback's name says what the flag means
            self._next = None
        else:
            differs(False)  # noqa: FBT003  as above

    def _start(self, known: Analysis | None, on_result: Callable[[Analysis | ApplianceError], None]) -> None:
        self._analyst.start(known.project if known is not None else None, on_result)
