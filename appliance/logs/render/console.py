"""Render an event as text for people: the last processor of the pipeline if LOG_FORMAT is console.

This module decides columns, units and colours. ``sanitise`` makes the text safe, as for JSON. Runs in the supervisor,
and in a library's process that logs to a terminal.
"""

from __future__ import annotations

import datetime as dt
import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from appliance.duration_text import rounded_duration
from appliance.logs.project_output.logging_events import EVENT as LOGGED
from appliance.logs.project_output.traceback_text import TracebackText, as_text, short_paths
from appliance.logs.render.banner import Banner
from appliance.logs.render.colour import Palette
from appliance.logs.render.field_text import flattened, needs_rows, rows, value_text
from appliance.logs.render.fold import Fold
from appliance.logs.render.log_fields import ALWAYS, WITH_LINES
from appliance.logs.render.page_loads import PageLoads
from appliance.logs.sanitise import sanitise, sanitised_entry
from appliance.protocol.access_record import EVENTS as ACCESS_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

_LEVELS = MappingProxyType(
    {
        "debug": ("debug", "dim"),
        "info": ("info ", "green"),
        "warning": ("warn ", "yellow"),
        "error": ("error", "red"),
        "critical": ("fatal", "strong red"),
    }
)
_ERRORS = frozenset({"error", "critical"})
_STREAMS = MappingProxyType({"stdout": ("out |", "blue"), "stderr": ("err |", "magenta")})
_UNNAMED = ("url", "application", "error", "message", "msg", "text")  # shown without their names
_UNPAIRED = frozenset({*_UNNAMED, "trace_id", "span_id"})  # and what is for programs
_PARTS = MappingProxyType({"found": "found", "expected": "expected", "action": "do this"})
_NAMED_BY_FOUND = ("setting", "origin", "value")  # what the part "found" of a setting's error has in words
_EMPTY: tuple[object, ...] = (None, "", [], {})  # values of which an event says nothing
_BLOCKS = ("traceback", "details", "output")
_INDENT = " " * 19  # the time and the level
_TOGETHER = 5  # errors of one request that are shown again
_SLOW_S = 1.0  # people notice the wait (Nielsen's limit of an unbroken train of thought)
# Fields that differ between two requests with the same answer.
_VARYING = frozenset(
    {
        "timestamp",
        "request_id",
        "duration_s",
        "first_byte_s",
        "trace_id",
        "span_id",
        "trace_flags",
        "parent_span_id",
        "trace_state",
        "http.response.body.size",
    }
)


def terminal_width() -> int:
    """Return the columns of the terminal on stdout; 0 if there is none."""
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return 0


class Console:
    """A structlog processor that renders for people. It asks ``width`` for each line: terminals are resized."""

    def __init__(
        self,
        *,
        colour: bool,
        root: str = "",
        width: Callable[[], int] = terminal_width,
        pages: bool = False,
        help_text: str = "",
    ) -> None:
        """``root`` is left out of paths. ``pages``: one line for a page and its assets.

        ``help_text``: the banner's last line; "" means no banner.
        """
        palette = Palette(colour)
        self._paint = palette.paint
        self._traceback = TracebackText(palette, root)
        self._root = root.rstrip("/") + "/"
        self._width = width
        self._whole_traceback = TracebackText(palette, root, whole=True)
        self._last_errors: list[tuple[str, MutableMapping[str, Any]]] = []
        self._fold = Fold()
        self._banner = Banner(palette.paint, help_text)
        self._pages = PageLoads() if pages else None

    @property
    def due_s(self) -> float | None:
        """Seconds until a line that is held back is to be shown (``release``); None if there is none."""
        return self._pages.due_s if self._pages is not None and self._pages.holding else None

    def release(self) -> bytes:
        """Return the line that is held back."""
        return _joined(self._pages.release()) if self._pages is not None else b""

    def plain(self, text: str) -> bytes:
        """Return lines that are not events, after the lines that are held back."""
        lines = [_INDENT + line for line in sanitise(text, lines=True).split("\n")] if text else [""]
        return self.release() + _joined(lines)

    def __call__(self, _logger: object, level: str, entry: MutableMapping[str, Any]) -> bytes:
        """Return the event's lines, each with its newline."""
        if self._pages is None:
            return _joined(self._lines(level, entry))
        request = entry["event"] == "request.finished"
        if request and self._pages.count_asset(entry):
            return b""
        lines = self._lines(level, entry)
        if not lines:
            return b""
        before = self._pages.release()
        if request and self._pages.hold(entry, lines):
            return _joined(before)
        return _joined(before + lines)

    def _lines(self, level: str, entry: MutableMapping[str, Any]) -> list[str]:
        key = _key(entry)
        same = self._fold.is_last(key)
        shown, hidden = self._fold.count(key)
        if not shown:
            return []
        if level in _ERRORS and entry["event"] not in ACCESS_EVENTS:
            self._last_errors = [*self._errors_of(entry.get("request_id")), (level, entry)]
        lines, fields = self._rendered(level, entry)
        before = []
        if hidden:
            repeats = self._paint(f"({hidden} more of the same)", "dim")
            if same:
                lines[0] += f" {repeats}"
            else:
                before = [f"{_INDENT}{repeats}"]
        return [*before, *_indented([*lines, *self._banner.lines(str(entry["event"]), fields)])]

    def _errors_of(self, request: object) -> list[tuple[str, MutableMapping[str, Any]]]:
        """Return the last errors, if they are of this request; Flask and Django log its traceback themselves."""
        same = request and self._last_errors and self._last_errors[-1][1].get("request_id") == request
        return self._last_errors[1 - _TOGETHER :] if same else []

    def last_error(self) -> bytes:
        """Return the last event that was an error, and those before it of the same request, with every frame."""
        folding, self._traceback = self._traceback, self._whole_traceback
        try:
            lines = [line for error in self._last_errors for line in _indented(self._rendered(*error)[0])]
        finally:
            self._traceback = folding
        return self.release() + _joined(lines) if lines else b""

    def _rendered(self, level: str, entry: MutableMapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
        """Return an event's lines, and its sanitised fields."""
        fields = sanitised_entry(entry, with_lines=WITH_LINES)
        opening = {name: fields.pop(name, None) for name in ALWAYS}
        time = self._paint(_local_time(str(opening["timestamp"])), "dim")
        event = str(opening["event"])
        if event == "output":
            lines = self._output(fields)
        else:
            died = event == "request.finished" and "reason" in fields
            name, style = _LEVELS["error" if died else level] if level in _LEVELS else (level, "plain")
            # The banner reads the fields after this; a part of rendering takes its fields out.
            first, *rest = self._event_lines(opening, event, dict(fields))
            lines = [f"{self._paint(name, style)} {first}", *rest]
        return [f"{time} {lines[0]}", *lines[1:]], fields

    def _event_lines(self, opening: dict[str, Any], event: str, fields: dict[str, Any]) -> list[str]:
        if event in ACCESS_EVENTS:
            return self._access(event, fields)
        if event == LOGGED:
            return self._logged(fields)
        return self._event(opening, fields)

    def _logged(self, fields: dict[str, Any]) -> list[str]:
        """Render a project's record: its message, then its place; a traceback highlights the project's frames."""
        first, *others = str(fields.get("message", "")).split("\n")
        place = f"{self._short(str(fields.get('file', '')))}:{fields.get('line', '')}"
        extra = fields.get("extra")
        parts = [self._paint(f"{fields.get('logger', '')}:", "strong"), first]
        parts += self._pairs(extra) if isinstance(extra, dict) else ()
        lines = [" ".join([*parts, self._paint(place, "dim")]), *others]
        exception = fields.get("exception")
        if isinstance(exception, list):
            lines += self._traceback.lines(as_text(exception))
        if "stack" in fields:
            lines += self._traceback.lines(str(fields["stack"]))
        return lines

    def _access(self, event: str, fields: dict[str, Any]) -> list[str]:
        # Check each type: a worker sent the values, and nothing that it sends may end the supervisor.
        code, seconds = fields.get("http.response.status_code"), fields.get("duration_s")
        status = code if isinstance(code, int) else None
        duration = seconds if isinstance(seconds, int | float) else None
        method = str(fields.get("http.request.method_original") or fields.get("http.request.method") or "-")
        query = fields.get("url.query")
        target = str(fields.get("url.path", "")) + (f"?{query}" if query else "")
        start = " ".join(
            [
                self._paint(f"{status or '---':>3}", _status_style(status)),
                self._paint(
                    f"{'-' if duration is None else rounded_duration(duration):>9}",
                    "yellow" if duration is not None and duration >= _SLOW_S else "plain",
                ),
                f"{method:<6} ",
            ]
        )
        reason = fields.get("reason")
        if event != "request.finished":
            ending = f"({event.partition('.')[2]}: {reason or '-'})"
            return [f"{start}{target} {self._paint(ending, 'dim')}"]
        if reason:  # the status was sent, and then the response did not come to its end
            return [f"{start}{target} {self._paint(f'(died: {reason})', 'red')}"]
        room = self._width() - len(f"{_INDENT}200 {'':9} {method:<6} ")
        return [start + (f"{target[: room - 3]}..." if 10 < room < len(target) else target)]

    def _output(self, fields: dict[str, Any]) -> list[str]:
        mark, style = _STREAMS.get(str(fields.get("stream")), ("    |", "plain"))
        if "companion" in fields:
            mark = f"{fields['companion']} |"
        project = fields.get("project")
        text = (
            " ".join(self._pairs(project))
            if isinstance(project, dict)
            else str(fields.get("text", "")).removeprefix(self._root)
        )
        part = f" [part {fields['part']}{', goes on' if fields.get('more') else ''}]" if "part" in fields else ""
        first, *others = f"{text}{self._paint(part, 'dim')}".split("\n")
        if others and not project and (summary := self._traceback.summary(text)):
            return [f"{self._paint(mark, style)} {summary}", *self._traceback.lines(text)]
        return [f"{self._paint(mark, style)} {first}", *others]

    def _event(self, opening: dict[str, Any], fields: dict[str, Any]) -> list[str]:
        blocks = {name: text for name in _BLOCKS if (text := _block(fields.get(name))) is not None}
        for name in blocks:
            fields.pop(name)
        problems = fields.pop("problems", None)
        three_parts = [each for each in problems if isinstance(each, dict)] if isinstance(problems, list) else []
        parts = [_parts(each) for each in three_parts] or [_parts(fields)]
        for name in (*_PARTS, *(_NAMED_BY_FOUND if "found" in fields else ())):
            fields.pop(name, None)
        tables = {name: fields.pop(name) for name in list(fields) if needs_rows(fields[name])}
        shown = {name: value for name, value in fields.items() if value not in _EMPTY}
        first = [self._paint(f"{opening['event']:<18}", "strong"), *self._pairs(self._with_place(shown))]
        first.append(self._paint(_origin(opening["role"], opening["generation"]), "dim"))
        lines = [" ".join(first).rstrip()]
        lines += [f"{self._paint(f'{name:<9}', 'cyan')} {text}" for each in parts for name, text in each]
        for name, items in tables.items():
            labels = [name, *[""] * (len(items) - 1)]
            lines += [
                f"{self._paint(f'{label:<9}', 'cyan')} {row}" for label, row in zip(labels, rows(items), strict=True)
            ]
        for name, text in blocks.items():
            lines += self._traceback.lines(text) if name == "traceback" else text.rstrip("\n").split("\n")
        return lines

    def _with_place(self, fields: dict[str, Any]) -> dict[str, Any]:
        # file:line in one piece, which terminals and editors make a link of
        if "file" in fields and "line" in fields:
            fields["file"] = f"{fields['file']}:{fields.pop('line')}"
        return fields

    def _pairs(self, fields: dict[str, Any]) -> Iterator[str]:
        for name in _UNNAMED:
            if name in fields:
                yield self._value(name, fields[name], quoted=False)
        for name, value in flattened({name: value for name, value in fields.items() if name not in _UNPAIRED}):
            yield self._paint(f"{name.removesuffix('_s')}=", "dim") + self._value(name, value, quoted=True)

    def _value(self, name: str, value: object, *, quoted: bool) -> str:
        if name.endswith("_s") and isinstance(value, int | float) and not isinstance(value, bool):
            return rounded_duration(value).replace(" ", "")
        if isinstance(value, list):
            value = [self._short(each) if isinstance(each, str) else each for each in value]
        return value_text(self._short(value) if isinstance(value, str) else value, quoted=quoted)

    def _short(self, text: str) -> str:
        """Return a path, or a text that names paths, as a person of this project does."""
        return short_paths(text.removeprefix(self._root))


def _key(entry: MutableMapping[str, Any]) -> str:
    """Return a key that is equal for two events that look the same to a person."""
    return repr([(name, value) for name, value in entry.items() if name not in _VARYING])


def _indented(lines: list[str]) -> list[str]:
    """Return an event's lines, all but the first one below its text: they can't pass for an event."""
    return [lines[0], *(_INDENT + line for line in lines[1:])]


def _joined(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _parts(error: dict[str, Any]) -> list[tuple[str, str]]:
    return [(label, str(error[name])) for name, label in _PARTS.items() if error.get(name)]


def _block(value: object) -> str | None:
    """Return the text of several lines, which may be a list of them; None if it is neither."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    return value if isinstance(value, str) else None


def _origin(role: str, generation: int | None) -> str:
    owner = "" if role in {"supervisor", "library"} else f"({role})"
    return owner if generation is None else f"{owner.removesuffix(')') or '(generation'} {generation})"


def _local_time(timestamp: str) -> str:
    return dt.datetime.fromisoformat(timestamp).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _status_style(status: int | None) -> str:
    if status is None or status >= 500:
        return "red"
    if status >= 400:
        return "yellow"
    return "cyan" if status >= 300 else "green"
