"""What the children say, on its way to the log.

Owns which child a line is of, and that nothing more is read while the log is full. Knows nothing of what a line leads
to. Runs in the supervisor's loop.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from appliance.logs.render import abandoned_requests

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.logs.project_output.output_lines import OutputLine
    from appliance.logs.setup import Log
    from appliance.logs.writer import Writer
    from appliance.supervisor.processes.handles import Handle


class LogIngest:
    """Writes what is heard. ``pause`` is called when the log is full; ``last_words`` is told each line of text."""

    def __init__(
        self, log: Log, writer: Writer, *, pause: Callable[[], None], last_words: Callable[[str], None]
    ) -> None:
        self._log = log
        self._writer = writer
        self._pause = pause
        self._last_words = last_words

    def records(self, child: Handle, batch: list[list[Any]]) -> None:
        """A child sent records."""
        child.recorded += self._log.records(batch, role=child.role, generation=child.generation)
        self._hold_back()

    def ended(self, child: Handle) -> None:
        """It is gone: tell of the requests that went with it."""
        if child.in_flight is None:
            return
        running, lost = child.in_flight.running(), child.in_flight.ended() - child.recorded
        waiting = 0 if child.ending else child.in_flight.waiting()
        child.in_flight.close()
        child.in_flight = None
        now, wall, reason = time.monotonic(), time.time(), f"the worker ended before the response: {child.how()}"
        batch = [abandoned_requests.record(each, now=now, wall=wall, reason=reason) for each in running]
        self._log.records(batch, role=child.role, generation=child.generation)
        if lost > 0:
            self._log.event(
                "error", "records.lost", generation=child.generation, count=lost,
                reason=f"the worker ended before it could tell of these requests: {child.how()}",
            )  # fmt: skip

        if waiting:
            self._log.event(
                "error", "records.lost", generation=child.generation, count=waiting,
                reason=f"the worker ended with connections that waited for a thread, and are closed: {child.how()}",
            )  # fmt: skip

    def said(self, child: Handle, stream: str, said: Sequence[OutputLine]) -> None:
        """A child wrote on one of its outputs."""
        if child.role == "worker":
            for line in (line for each in said if each.record is None for line in each.text.split(b"\n")):
                self._last_words(line.decode("utf-8", "replace"))
        self._log.output(said, stream=stream, role=child.role, generation=child.generation, pid=child.pid)
        self._hold_back()

    def _hold_back(self) -> None:
        if self._writer.full:
            self._pause()
