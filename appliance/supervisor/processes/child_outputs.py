"""Read the output of the children, and pass it on in lines, in the order of the log.

Runs in the supervisor's loop. A child's output and its log records come by different descriptors: before a record is
passed on, the output that the child had written before it is read.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.logs.project_output.output_lines import OutputLine
    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.processes.handles import Handle

_CHUNK = 65_536
# Of a companion: 65,536 bytes of short lines take half a second to log, in which the worker would not be heard.
_COMPANION_CHUNK = 4_096
MAX_LAST_READS = 32  # reads of an ended child's output, more than a pipe holds; the loop reads what others still write


class ChildOutputs:
    """The outputs of living and ended children, until their ends are read.

    Args:
        pass_on: gets the lines that a child wrote on descriptor 1 ("stdout") or 2 ("stderr").
    """

    def __init__(self, loop: Loop, pass_on: Callable[[Handle, str, list[OutputLine]], None]) -> None:
        self._loop = loop
        self._pass_on = pass_on
        self._open: list[tuple[Handle, str]] = []
        self._settle_timers: dict[tuple[Handle, str], Timer] = {}

    def add(self, child: Handle) -> None:
        """Know the outputs of a child."""
        self._open += ((child, stream) for stream in child.outputs)

    def watch(self, child: Handle) -> None:
        """Read the child's outputs from now on."""
        for each, stream in self._open:
            if each is child:
                self._watch(child, stream)

    def watch_all(self) -> None:
        """Read every output from now on."""
        for child, stream in self._open:
            self._watch(child, stream)

    def unwatch_all(self) -> None:
        """Read no output for now, so that writers wait."""
        for child, stream in self._open:
            self._loop.unwatch(child.outputs[stream])

    def _watch(self, child: Handle, stream: str) -> None:
        self._loop.watch(child.outputs[stream], partial(self.read, child, stream))

    def read(self, child: Handle, stream: str) -> bool:
        """Read one of the child's outputs once; return False if there is nothing to read, now or ever."""
        if (child, stream) not in self._open:
            return False
        now = child.in_flight.slot_use() if child.in_flight is not None else None
        try:
            data = os.read(child.outputs[stream], _COMPANION_CHUNK if child.name else _CHUNK)
        except BlockingIOError:
            data = None
        if data is not None:
            lines = child.output_lines[stream]
            raw_request = partial(child.only_request, stream)
            self._on_lines(child, stream, lines.feed(data, raw_request) if data else lines.rest())
        if now is not None and (data is None or len(data) < _CHUNK):
            child.silent[stream] = now  # what is read next was written later than now
        if data is None:
            return False
        if not data:
            self._loop.unwatch(child.outputs[stream])
            self._open.remove((child, stream))
            os.close(child.outputs[stream])
        return bool(data)

    def read_first(self, child: Handle) -> None:
        """Read output that was printed before a record was sent: in the log, a request's output precedes its end."""
        now = child.in_flight.slot_use() if child.in_flight is not None else None
        ready = {descriptor for descriptor, _ in child.readable.poll(0)}
        for stream, descriptor in child.outputs.items():
            if descriptor in ready:
                self.read(child, stream)
            elif now is not None:
                child.silent[stream] = now

    def read_rest(self, child: Handle) -> None:
        """Read the output that was in the pipes when the child died; processes that it has started may write more."""
        for stream in child.outputs:
            for _ in range(MAX_LAST_READS):
                if not self.read(child, stream):
                    break

    def _on_lines(self, child: Handle, stream: str, output: Iterator[OutputLine]) -> None:
        """Pass lines on; an unfinished block or line follows when nothing more has come for a moment."""
        lines = list(output)
        if lines:
            self._pass_on(child, stream, lines)
        if (timer := self._settle_timers.pop((child, stream), None)) is not None:
            timer.cancel()
        if (timeout_s := child.output_lines[stream].timeout_s) is not None:
            settle = partial(self._settle, child, stream)
            self._settle_timers[child, stream] = self._loop.call_later(timeout_s, settle)

    def _settle(self, child: Handle, stream: str) -> None:
        self._on_lines(child, stream, child.output_lines[stream].settle())
