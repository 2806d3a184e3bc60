"""Hold a failure back while files of a synchronisation still arrive: missing files may be the reason of the failure.

A failed analysis, installation, command of BEFORE_START or import is reported once no more files are expected. If more
files come, the failed step is repeated, and its failure is not reported. Until then clients wait, or see the progress
page. Runs in the supervisor's loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.logs.log import Log
    from appliance.supervisor.loop import Loop


Hold = Callable[[str, Callable[[], None]], bool]


def hold_nothing(_what: str, _again: Callable[[], None]) -> bool:
    """Report each failure at once."""
    return False


class HeldFailures:
    """The failures of one project.

    Args:
        loop, log: the supervisor's.
        arriving_s: returns how long more files may come, at least; 0 if none is expected.
    """

    def __init__(self, loop: Loop, log: Log, arriving_s: Callable[[], float]) -> None:
        self._loop = loop
        self._log = log
        self._arriving_s = arriving_s

    def hold(self, what: str, again: Callable[[], None]) -> bool:
        """Return whether files still arrive; if so, call ``again`` when that may be over, to check once more."""
        after_s = self._arriving_s()
        if after_s <= 0:
            return False
        self._log.event("debug", "failure.held", step=what, after_s=round(after_s, 3))
        self._loop.call_later(after_s, again)
        return True
