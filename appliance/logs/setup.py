"""Set up the log with structlog, without structlog's global configuration.

The pipeline: records of children and the supervisor's own events become entries; entries below the threshold are
dropped, the others are masked, sanitised and rendered; the lines go to ``write``, one call for each batch. Runs in the
supervisor, and as ``library_logger`` in a process that uses the server as a library.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from appliance.conventions import LOG_LEVELS
from appliance.logs.access_rules import PLAIN, Rules
from appliance.logs.event_logger import (
    RESERVED,
    SHOWN_CHARACTERS,
    Destination,
    Entry,
    EventLogger,
    Threshold,
    masked_entry,
)
from appliance.logs.events import EVENTS
from appliance.logs.project_output import logging_events, output_events
from appliance.logs.render import access
from appliance.logs.render.console import Console, terminal_width
from appliance.logs.render.json_line import json_line, json_renderer
from appliance.logs.render.timestamp import Timestamps
from appliance.masking import Mask
from appliance.protocol.access_record import ACCESS, AccessRecord
from appliance.protocol.traces import read_origin

if TYPE_CHECKING:
    from appliance.logs.project_output.output_lines import OutputLine

Renderer = Callable[[object, str, Entry], bytes]
Access = Literal["off", "errors", "pages", "on"]

_BELOW_WARNING = frozenset({"debug", "info"})
_WAITING = 503  # the stand-in's status while the project is being installed or started, which is not an error


class Log:
    """Logs the supervisor's events, and the records and output of its children. For one thread."""

    def __init__(
        self,
        logger: EventLogger,
        *,
        access: Access,
        rules: Rules = PLAIN,
        console: Console | None = None,
        complete: bool = False,
    ) -> None:
        self._logger = logger
        self._complete = complete  # its lines are JSON, and leave out nothing of info's level
        self._console = console
        self._release_planned = False
        self._call_later: Callable[[float, Callable[[], None]], object] | None = None  # (``attach``)
        self._rules = rules
        self._access = access
        self._timestamps = Timestamps()
        self._requests = 0  # records of requests in the last batch
        self._copies: list[Callable[[bytes, int], object]] = []  # (``copy_to``)
        self._copier: EventLogger | None = None
        self._masking: list[Callable[[Sequence[str]], object]] = []  # get the list of secrets

    def copy_to(self, write: Callable[[bytes, int], None], name_secrets: Callable[[Sequence[str]], object]) -> None:
        """Give every event from info's level up to ``write`` too, as lines of JSON; more than one may ask for it.

        ``write`` also gets how many of the lines are of requests; a few that are left out may be among them.
        ``name_secrets`` gets the texts that are masked in them, now and whenever there are more.

        Lines that the log leaves out are not left out here.

        If the log has all of them as JSON, its own lines are given: rendering them again costs 5 µs a line.
        """
        self._masking.append(name_secrets)
        name_secrets(self._logger.secrets)
        self._copies.append(write)
        if not self._complete and self._copier is None:
            self._copier = self._logger.copier(self._copy)

    def _copy(self, data: bytes) -> None:
        for write in self._copies:
            write(data, self._requests)

    def attach(self, call_later: Callable[[float, Callable[[], None]], object]) -> None:
        """Show lines that the console holds back when they are due; before, they come with the line after them."""
        self._call_later = call_later

    def add_secrets(self, variables: Mapping[str, str], more: Sequence[str] = ()) -> None:
        """Mask the secrets in these variables and ``more`` texts from now on, and all earlier ones."""
        for logger in filter(None, (self._logger, self._copier)):
            logger.add_secrets(variables, more)
        for name_secrets in self._masking:
            name_secrets(self._logger.secrets)

    @property
    def is_for_people(self) -> bool:
        """Whether the lines are text, not JSON."""
        return self._console is not None

    def say(self, text: str) -> None:
        """Write lines that are not events, if the log is for people: the answer to a key."""
        if self._console is not None:
            self._logger.write(self._console.plain(self.masked(text)))

    def say_last_error(self) -> bool:
        """Write the last error once more, whole, if the log is for people; return whether there was one."""
        lines = self._console.last_error() if self._console is not None else b""
        if lines:
            self._logger.write(lines)
        return bool(lines)

    def masked(self, value: Any) -> Any:
        """Return a value of JSON's types with its secrets masked, for use outside of the log."""
        return self._logger.masked(value)

    def event(
        self,
        level: str,
        event: str,
        *,
        role: str = "supervisor",
        generation: int | None = None,
        at: float | None = None,
        **fields: Any,
    ) -> None:
        """Log one event of the table in ``events``; ``at`` in seconds since the epoch, default now."""
        self._requests = 0
        moment = time.time() if at is None else at
        entry = _entry(self._timestamps(moment), level, event, role, generation, fields)
        self._write(lambda: (entry,))

    def records(self, batch: Sequence[Any], *, role: str, generation: int) -> int:
        """Log a child's records (``messages.Records``), in order, with one write. An invalid record becomes an event.

        Returns:
            How many records were of requests.
        """
        self._write(
            lambda: self._record_entries(batch, role, generation, self._access),
            lambda: self._record_entries(batch, role, generation, "on"),
        )
        if self._console is not None:
            self._plan_release(self._console)
        return self._requests

    def _plan_release(self, console: Console) -> None:
        """Show a line that the console holds back once it is due."""
        if self._release_planned or self._call_later is None or (due_s := console.due_s) is None:
            return
        self._release_planned = True

        def release() -> None:
            self._release_planned = False
            if (left_s := console.due_s) is not None and left_s <= 0:
                self._logger.write(console.release())
            self._plan_release(console)

        self._call_later(max(0.0, due_s), release)

    def output(
        self,
        lines: Sequence[OutputLine],
        *,
        stream: str,
        role: str,
        generation: int | None,
        pid: int,
        companion: str = "",
    ) -> None:
        """Log the output of a process on a stream, with one write; ``pid`` is the stream's process."""
        self._requests = 0
        self._write(lambda: (self._output_entry(each, stream, role, generation, pid, companion) for each in lines))

    def _write(
        self, entries: Callable[[], Iterable[Entry]], unfiltered: Callable[[], Iterable[Entry]] | None = None
    ) -> None:
        data = self._logger.batch(entries)
        if self._copier is None:
            if data and self._copies:
                self._copy(data)
        else:
            self._copier.batch(unfiltered or entries)

    def _output_entry(
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

    def _record_entries(self, batch: Sequence[Any], role: str, generation: int, access_log: Access) -> Iterable[Entry]:
        self._requests = 0
        waiting = role == "standin"
        for record in batch:
            try:
                if record[0] == ACCESS:
                    self._requests += 1
                    request = AccessRecord.from_wire(record)
                    level, event, fields = access.event(request, self._rules)
                    if waiting and request.status == _WAITING:
                        level = "info"
                    if access_log == "off" or (access_log == "errors" and level in _BELOW_WARNING):
                        continue
                    timestamp = self._timestamps(request.ended_us / 1_000_000)
                    # Like _entry, without its check for reserved names: access records have none (0.5 µs).
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
                    yield _entry(self._timestamps(at), level, event, role, generation, fields)
            except Exception as error:  # noqa: BLE001  a child may send anything, and PID 1 goes on
                yield self._malformed(record, error, role, generation)

    def _malformed(self, record: object, error: Exception, role: str, generation: int) -> Entry:
        fields = {"reason": f"{type(error).__name__}: {error}", "record": repr(record)[:SHOWN_CHARACTERS]}
        return _entry(self._timestamps(time.time()), "error", "record.malformed", role, generation, fields)


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


def _entry(
    timestamp: str, level: str, event: str, role: str, generation: int | None, fields: MutableMapping[str, Any]
) -> dict[str, Any]:
    opening = {"timestamp": timestamp, "level": level, "event": event, "role": role}
    if generation is not None:
        opening["generation"] = generation  # type: ignore[assignment]
    if not fields.keys().isdisjoint(RESERVED):  # a field can't replace one of the appliance's own
        fields = {name: value for name, value in fields.items() if name not in RESERVED}
    entry = {**opening, **fields}
    if level not in _BELOW_WARNING and event in EVENTS and (action := EVENTS[event].action):
        entry.setdefault("action", action)
    return entry


def make_log(
    write: Callable[[bytes], None],
    *,
    format: Literal["json", "console"],  # noqa: A002 - the setting's own name
    level: str,
    access: Access,
    colour: bool,
    root: str,
    width: Callable[[], int] = terminal_width,
    help_text: str = "",
    constant: Mapping[str, str] = MappingProxyType({}),
    rules: Rules = PLAIN,
) -> Log:
    """Make the supervisor's log.

    ``colour``, ``root`` (the project's folder, left out of paths) and ``help_text`` (the last line of the banner) are
    for the console, the ``constant`` fields of every line for JSON.
    """
    console = None
    if format == "console":
        console = Console(colour=colour, root=root, width=width, pages=access == "pages", help_text=help_text)
    processors: list[Callable[..., Any]] = [Threshold.at(level), console or json_renderer(constant)]
    logger = EventLogger(
        Destination(write), processors, {}, masks_first=console is not None, secret_names=rules.secret_names
    )
    complete = console is None and level in {"debug", "info"} and access == "on"
    return Log(logger, access=access, rules=rules, console=console, complete=complete)


class _Stamp:
    """A processor that adds the first fields of every line to an entry of the library."""

    def __init__(self) -> None:
        self._timestamps = Timestamps()

    def __call__(self, _logger: object, level: str, entry: Entry) -> Entry:
        """Return the entry, its fields in the line's order."""
        return _entry(self._timestamps(time.time()), level, entry.pop("event"), "library", None, entry)


def _masking(mask: Mask, renderer: Renderer, *, first: bool) -> Renderer:
    """Wrap a renderer of single lines so that secrets are masked."""

    def masked(logger: object, level: str, entry: Entry) -> bytes:
        line = b"" if first else renderer(logger, level, entry)
        return renderer(logger, level, masked_entry(mask, entry)) if first or mask.may_hold(line) else line

    return masked


def library_logger() -> EventLogger:
    """Return a logger for the server as a library: JSON lines on ``sys.stdout``, or text for people on a terminal."""
    on_terminal = sys.stdout.isatty()
    # A library has no __main__ that reads the environment for it.
    colour = on_terminal and not os.environ.get("NO_COLOR")  # noqa: TID251 - as above
    renderer: Renderer = (
        Console(colour=colour, root=str(Path.cwd()), width=terminal_width) if on_terminal else json_line
    )
    lock = threading.Lock()

    def write(line: bytes) -> None:
        stdout = sys.stdout  # it may have been replaced
        with lock:
            stdout.flush()
            if hasattr(stdout, "buffer"):  # JSON is UTF-8 (RFC 8259, 8.1), whatever the encoding of stdout is
                stdout.buffer.write(line)
            else:
                stdout.write(line.decode())
            stdout.flush()

    mask = Mask(os.environ)  # noqa: TID251 - as above
    return EventLogger(Destination(write), [_Stamp(), _masking(mask, renderer, first=on_terminal)], {})
