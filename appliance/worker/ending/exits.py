"""End this process, with the reason where the supervisor finds it.

Runs in every worker. The module looks up the functions that it needs beforehand, because the project's code may replace
them.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from .diagnosis import Diagnosis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...protocol.channel import ChannelError
    from ...protocol.inflight import InFlight
    from ..stdio.stdio import Stdio

_EXIT = os._exit


class Exits:
    """The ways in which a worker ends other than by returning; threads of the project must not keep it alive.

    Args:
        in_flight: the shared memory, in which a reason outlives this process.
        stdio: the tagged output; None: it is not tagged.
        descriptors: those that the worker needs, by name.
    """

    def __init__(self, in_flight: InFlight, stdio: Stdio | None, descriptors: Mapping[str, int]) -> None:
        self._in_flight = in_flight
        self._stdio = stdio
        self._diagnosis = Diagnosis(descriptors)

    def causes(self, error: BaseException) -> str:
        """Return the project's changes that explain the error, if it came from our own code; never raises."""
        return self._diagnosis.causes(error)

    def channel_broken(self, error: ChannelError) -> None:
        """Handle a failed channel: end with the reason if the project has closed it; else the supervisor has ended."""
        if self._diagnosis.lacks_descriptors():
            self.end_after(error)

    def end_after(self, error: BaseException) -> NoReturn:
        """End after a fatal error; leave the reason where the supervisor finds it."""
        try:
            self._in_flight.explain(self._diagnosis.explain(error))
        finally:
            _EXIT(1)

    def flush_and_end(self, status: int) -> NoReturn:
        """End with this exit status, once what was printed has been written."""
        self.flush()
        _EXIT(status)

    def end_superseded(self) -> NoReturn:
        """End an import whose worker a newer save has replaced."""
        if self._stdio is not None:
            self._stdio.end()
        _EXIT(0)

    def flush(self) -> None:
        """Write buffered output."""
        if self._stdio is not None:
            self._stdio.end()
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                continue
