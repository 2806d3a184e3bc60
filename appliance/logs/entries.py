"""Make the entries of the log: of the supervisor's own events, of the records of children, and of their output.

An entry has the fields of one line, in its order. ``log`` writes entries. Runs in the process that writes the log.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

from appliance.conventions import LOG_LEVELS
from appliance.logs.access_rules import PLAIN, Rules
from appliance.logs.event_logger import RESERVED, SHOWN_CHARACTERS, Entry
from appliance.logs.events import EVENTS
from appliance.logs.project_output import logging_events, output_events
from appliance.logs.render import access
from appliance.logs.render.timestamp import Timestamps
from appliance.protocol.access_record import ACCESS, AccessRecord
from appliance.protocol.traces import read_origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableMapping, Sequence

    from appliance.logs.project_output.output_lines import OutputLine

Access = Literal["off", "errors", "pages", "on"]

_BELOW_WARNING = frozenset({"debug", "info"})
_WAITING = 503  # the stand-in's status while the project is being installed or started, which is not an error


class Entries:
    """Makes entries.

    Attributes:
        requests: how many of the records that the last entries were made of were of requests.
    """

    def __init__(self, rules: Rules = PLAIN) -> None:
        self.requests = 0
        self._rules = rules
        self._timestamps = Timestamps()

    def of_event(
        self, level: str, event: str, role: str, generation: int | None, fields: MutableMapping[str, Any], at: float
    ) -> Entry:
        """Return the entry of one event of the table in ``events``."""
        self.requests = 0
        return event_entry(self._timestamps(at), level, event, role, generation, fields)

    def of_output(
        self,
        lines: Iterable[OutputLine],
        stream: str,
        role: str,
        generation: int | None,
        pid: int,
        companion: str,
    ) -> Iterator[Entry]:
        """Iterate over the entries of lines of output: text, and records of ``logging`` that came as lines."""
        self.requests = 0
        for each in lines:
            yield self._of_line(each, stream, role, generation, pid, companion)

    def _of_line(
        self, line: OutputLine, stream: str, role: str, generation: int | None, pid: int, companion: str
    ) -> Entry:
        text, level, record, at, line_pid, request_id, _ = line
        recorded = None
        if record is not None:
            level, recorded = logging_events.fields(record)
        try:
            timestamp = self._timestamps(at or time.time())
        except ValueError:  # the clock is far off
            timestamp = self._timestamps(time.time())
        event = "output" if recorded is None else logging_events.EVENT
        entry: Entry = {"timestamp": timestamp, "level": level, "event": event, "role": role}
        if generation is not None:
            entry["generation"] = generation
        if companion:
            entry["companion"] = companion
        if recorded is None:
            entry["stream"] = stream
        else:
            entry.update(recorded)
        entry["pid"] = line_pid or pid
        if request_id is not None:
            _add_origin(entry, request_id)
        if recorded is None:
            entry.update(output_events.fields(text))
        return entry

    def of_records(self, batch: Sequence[Any], role: str, generation: int, access_log: Access) -> Iterator[Entry]:
        """Iterate over the entries of a child's records; ``access_log`` decides which requests are among them."""
        self.requests = 0
        waiting = role == "standin"
        for record in batch:
            try:
                if record[0] == ACCESS:
                    self.requests += 1
                    request = AccessRecord.from_wire(record)
                    level, event, fields = access.event(request, self._rules)
                    if waiting and request.status == _WAITING:
                        level = "info"
                    if access_log == "off" or (access_log == "errors" and level in _BELOW_WARNING):
                        continue
                    timestamp = self._timestamps(request.ended_us / 1_000_000)
                    # Like event_entry, without its check for reserved names: access records have none (0.5 µs).
                    yield {
                        "timestamp": timestamp,
                        "level": level,
                        "event": event,
                        "role": role,
                        "generation": generation,
                        **fields,
                    }
                else:
                    at, level, event, fields = _event_record(record)
                    yield event_entry(self._timestamps(at), level, event, role, generation, fields)
            except Exception as error:  # noqa: BLE001  a child may send anything, and PID 1 goes on
                yield self._malformed(record, error, role, generation)

    def _malformed(self, record: object, error: Exception, role: str, generation: int) -> Entry:
        fields = {"reason": f"{type(error).__name__}: {error}", "record": repr(record)[:SHOWN_CHARACTERS]}
        return event_entry(self._timestamps(time.time()), "error", "record.malformed", role, generation, fields)


def event_entry(
    timestamp: str, level: str, event: str, role: str, generation: int | None, fields: MutableMapping[str, Any]
) -> Entry:
    """Return the entry of an event, its fields in the line's order; a problem without an action has the table's."""
    opening: Entry = {"timestamp": timestamp, "level": level, "event": event, "role": role}
    if generation is not None:
        opening["generation"] = generation
    if not fields.keys().isdisjoint(RESERVED):  # a field can't replace one of the appliance's own
        fields = {name: value for name, value in fields.items() if name not in RESERVED}
    entry: Entry = {**opening, **fields}
    if level not in _BELOW_WARNING and event in EVENTS and (action := EVENTS[event].action):
        entry.setdefault("action", action)
    return entry


def _event_record(record: Sequence[Any]) -> tuple[float, str, str, dict[str, Any]]:
    kind, at, level, event, fields = record
    if kind != "event":
        raise ValueError(f"not a kind of record: {kind!r:.80}")
    if level not in LOG_LEVELS:
        raise ValueError(f"not a level: {level!r:.80}")
    if event not in EVENTS or "worker" not in EVENTS[event].by:
        raise ValueError(f"not an event of a worker: {event!r:.80}")
    if not isinstance(fields, dict):
        raise TypeError(f"fields must be an object, not {type(fields).__name__}")
    return at, level, event, fields


def _add_origin(entry: Entry, request_id: str) -> None:
    """Add the ids of the request that has written a line, and of its trace and span, if it has them."""
    entry["request_id"], trace = read_origin(request_id)
    if trace is not None:
        entry["trace_id"], entry["span_id"] = trace[:2]
