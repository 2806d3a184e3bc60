"""Pass the children's records and output on to the log.

This module knows from which child a line comes, and pauses the reading while the log is full. No line changes what this
module does. Runs in the supervisor's loop.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from appliance.logs.render import abandoned_requests
from appliance.supervisor.processes.child_roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.logs.log import Log
    from appliance.logs.project_output.output_lines import OutputLine
    from appliance.logs.writer import Writer
    from appliance.supervisor.processes.handles import Handle


class LogIngest:
    """Logs records and output. ``pause`` is called when the log is full; ``on_line`` with each line of a worker."""

    def __init__(self, log: Log, writer: Writer, *, pause: Callable[[], None], on_line: Callable[[str], None]) -> None:
        self._log = log
        self._writer = writer
        self._pause = pause
        self._on_line = on_line

    def records(self, child: Handle, batch: list[list[Any]]) -> None:
        """Log the records that a child sent."""
        child.add_recorded(self._log.records(batch, role=child.role, generation=child.generation))
        self._pause_if_full()

    def ended(self, child: Handle) -> None:
        """Log the requests that ended with the child."""
        if child.in_flight is None:
            return
        running, lost = child.in_flight.running(), child.in_flight.ended_count() - child.recorded
        waiting = 0 if child.ending else child.in_flight.waiting()
        child.close_memory()
        now, wall, reason = time.monotonic(), time.time(), f"the worker ended before the response: {child.how()}"
        batch = [abandoned_requests.record(each, now=now, wall=wall, reason=reason).to_wire() for each in running]
        self._log.records(batch, role=child.role, generation=child.generation)
        if lost > 0:
            self._log.event(
                "error", "records.lost", generation=child.generation, count=lost,
                reason=f"the worker ended before it reported these requests: {child.how()}",
            )  # fmt: skip

        if waiting:
            self._log.event(
                "error", "records.lost", generation=child.generation, count=waiting,
                reason=f"the worker ended, and connections that waited for a thread are closed: {child.how()}",
            )  # fmt: skip

    def output(self, child: Handle, stream: str, lines: Sequence[OutputLine]) -> None:
        """Log the output of a child on one of its descriptors."""
        if child.role is Role.WORKER:
            for line in (line for each in lines if each.record is None for line in each.text.split(b"\n")):
                self._on_line(line.decode("utf-8", "replace"))
        generation = None if child.name else child.generation  # a companion has no generation
        self._log.output(
            lines, stream=stream, role=child.role, generation=generation, pid=child.pid, companion=child.name
        )
        self._pause_if_full()

    def _pause_if_full(self) -> None:
        if self._writer.full:
            self._pause()
