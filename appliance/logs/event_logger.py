"""The structlog logger of events: levels, a threshold, masks, and batches of entries that become lines.

Never call ``structlog.configure``: programs that use the server as a library may configure structlog themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, Sequence
from typing import Any

import structlog

from appliance.conventions import LOG_LEVELS
from appliance.logs.events import EVENTS
from appliance.logs.project_output import logging_events
from appliance.logs.render.json_line import json_line
from appliance.logs.render.log_fields import ALWAYS
from appliance.masking import Mask
from appliance.protocol.record import Record

Entry = MutableMapping[str, Any]

RESERVED = frozenset(ALWAYS)
SHOWN_CHARACTERS = 200  # characters of a malformed record that its event shows
_PROJECT_EVENTS = frozenset({"output", logging_events.EVENT})


class Destination:
    """The logger that structlog calls with the rendered line: one method for each level."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = write
        self.write = write


class EventLogger(structlog.BoundLoggerBase):
    """A structlog logger for events: log one by its level's name, or write a batch of entries at once.

    ``masks_first``: mask before rendering. The console counts repeats, so it must render each entry only once.
    """

    _logger: Destination

    def __init__(
        self,
        logger: Destination,
        processors: Iterable[Callable[..., Any]],
        context: MutableMapping[str, Any],
        *,
        masks_first: bool = False,
        secret_names: Collection[str] = (),
    ) -> None:
        super().__init__(logger, processors, context)  # type: ignore[arg-type]
        self._mask = Mask({}, names=secret_names)
        self._masks_first = masks_first

    def add_secrets(self, variables: Mapping[str, str], more: Sequence[str] = ()) -> None:
        """Mask the secrets in these variables and ``more`` texts from now on, and all earlier ones."""
        self._mask = Mask(variables, self._mask, more)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that are masked."""
        return self._mask.values

    def copier(self, write: Callable[[bytes], None]) -> EventLogger:
        """Return a logger that writes JSON lines of everything from info's level up, with the same masks."""
        copier = EventLogger(Destination(write), [Threshold.at("info"), json_line], {})
        copier._mask = self._mask
        return copier

    def masked(self, value: Any) -> Any:
        """Return a value of JSON's types with its secrets masked."""
        return self._mask.of(value)

    def debug(self, event: str, **fields: Any) -> None:
        """Log an event for developers of the appliance."""
        self._proxy_to_logger("debug", event, **fields)

    def info(self, event: str, **fields: Any) -> None:
        """Log that something went as it should."""
        self._proxy_to_logger("info", event, **fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Log that something may be wrong."""
        self._proxy_to_logger("warning", event, **fields)

    def error(self, event: str, **fields: Any) -> None:
        """Log that something went wrong."""
        self._proxy_to_logger("error", event, **fields)

    def critical(self, event: str, **fields: Any) -> None:
        """Log why the appliance can't go on."""
        self._proxy_to_logger("critical", event, **fields)

    def write(self, data: bytes) -> None:
        """Write lines that are rendered already."""
        self._logger.write(data)

    def batch(self, entries: Callable[[], Iterable[Entry]]) -> bytes:
        """Run each entry through the processors, and write all lines at once; return them.

        One write costs more than one line.

        Search for secrets in all lines together, where that is cheapest (0.1 µs for each secret in a line); if a line
        may hold one, render all again with masks. So ``entries`` may be called twice: keeping them costs 1.5 µs a line.
        """
        mask = self._mask
        if self._masks_first:
            data = self._rendered(masked_entry(mask, entry) for entry in entries())
        else:
            data = self._rendered(entries())
            if mask.may_hold(data):
                data = self._rendered(masked_entry(mask, entry) for entry in entries())
        if data:
            self._logger.write(data)
        return data

    def _rendered(self, entries: Iterable[Entry]) -> bytes:
        lines = []
        logger = self._logger
        for entry in entries:
            line: Any = entry
            level = entry["level"]
            try:
                for process in self._processors:
                    line = process(logger, level, line)
            except structlog.DropEvent:
                continue
            except Exception as error:  # noqa: BLE001  a child may send anything, and nothing of it may end PID 1
                line = _unrendered(entry, error)
            lines.append(line)
        return b"".join(lines)


class Threshold(Record):
    """A processor that drops events below a level, except the project's own output."""

    passing: frozenset[str]

    @classmethod
    def at(cls, level: str) -> Threshold:
        """Return the threshold that lets this level and higher ones pass."""
        return cls(frozenset(LOG_LEVELS[LOG_LEVELS.index(level) :]))

    def __call__(self, _logger: object, level: str, entry: Entry) -> Entry:
        """Return the entry if it passes."""
        if level not in self.passing and entry["event"] not in _PROJECT_EVENTS:
            raise structlog.DropEvent
        return entry


def masked_entry(mask: Mask, entry: Entry) -> Entry:
    """Return the entry with secrets masked, except the fields that the appliance itself always writes."""
    return {name: value if name in RESERVED else mask.of(value) for name, value in entry.items()}


def _unrendered(entry: Entry, error: Exception) -> bytes:
    """Return the line for an entry that can't be rendered."""
    shown = {key: entry[key] for key in ("timestamp", "role", "generation") if isinstance(entry.get(key), str | int)}
    fields = {
        "reason": f"{type(error).__name__}: {error}",
        "record": repr(entry)[:SHOWN_CHARACTERS],
        "action": EVENTS["record.malformed"].action,
    }
    return json_line(None, "error", {**shown, "level": "error", "event": "record.malformed", **fields})
