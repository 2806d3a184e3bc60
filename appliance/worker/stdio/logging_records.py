"""Send ``logging`` records to the supervisor as structured data instead of text.

Replaces the step in which a stream handler writes a record to ``sys.stdout`` or ``sys.stderr``. Runs in the worker, in
the thread that logs.

Theory of operation. The project decides which records are written, and where: by its levels, filters, handlers, and
calls of ``basicConfig`` and ``dictConfig``, at any time. We replace only the last step: when a ``StreamHandler`` is
about to format a record as text for one of our two streams, the record itself is sent through the pipe instead. So
nothing is lost, and nothing is doubled; a record that two handlers would print is sent once. A handler that writes to a
file, or that has a formatter of another class (JSON, colours) or a ``format`` of its own, works as before.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from threading import get_ident, local
from typing import TYPE_CHECKING, Any, Protocol
from weakref import ref

from ...masking import Mask
from ...plural import counted
from ...protocol.output_frames import RECORD
from ...server.pages.tracebacks import describe, safe_str
from ...server.wsgi.access_log.exchange import current

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...server.pages.tracebacks import DescribedException
    from ..hooks import Hooks
    from .last_lines import LastLines

_TEXT = 65_536  # characters of one text
_RECORD = 1_048_576  # bytes of a record; in a larger one, the values of extra= are cut
_EXTRAS = 50  # then so many of them are kept,
_EXTRA = 2_048  # each with so many characters
_LEVELS = ((50, "critical"), (40, "error"), (30, "warning"), (20, "info"))
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_NAMES = frozenset({"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"})
_USUAL_THREADS = ("MainThread", "request")


class RecordPipe(Protocol):
    """The pipe of one standard stream."""

    def send(self, kind: bytes, thread: int, request_id: str, data: bytes) -> None:
        """Send one piece of data."""


class StreamHandlerHook:
    """Replaces ``StreamHandler.emit``."""

    def __init__(self, pipes: Sequence[RecordPipe], hooks: Hooks, last_lines: LastLines | None = None) -> None:
        self._pipes = pipes
        self._last_lines = last_lines
        self._hooks = hooks
        self._streams = (sys.stdout, sys.stderr)
        self._original, self._format = logging.StreamHandler.emit, logging.StreamHandler.format
        self._last = local()  # each thread's last record; a weak reference, because it holds frames

    def install(self) -> None:
        """Replace the method from now on."""
        original, hooks, send_record = self._original, self._hooks, self._send_record

        def emit(handler: logging.StreamHandler[Any], record: logging.LogRecord) -> None:
            """Emit a record."""
            if not hooks.call("records of logging", send_record, handler, record, otherwise=False):
                original(handler, record)

        logging.StreamHandler.emit = emit  # type: ignore[method-assign, assignment]  # the one step that we replace

    def _send_record(self, handler: logging.StreamHandler[Any], record: logging.LogRecord) -> bool:
        """Send the record through our pipe if it is for one of our streams; return whether it was sent."""
        place = self.stream_index(handler)
        if place is None:
            return False
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  an argument's __str__ may raise anything; logging reports it
            return False
        self.send(place, record, message)
        return True

    def stream_index(self, handler: logging.StreamHandler[Any]) -> int | None:
        """Return which of our streams the handler would write plain text to; None if none."""
        if type(handler.formatter) not in (logging.Formatter, type(None)) or type(handler).format is not self._format:
            return None
        stream = handler.stream
        if type(stream).__name__ == "LocalProxy":  # Flask's wsgi_errors_stream, a proxy for the present stream
            try:
                stream = stream._get_current_object()  # noqa: SLF001  Werkzeug's documented name
            except RuntimeError:  # it has no object now
                return None
        for place, ours in enumerate(self._streams):
            if stream is ours:
                return place
        return None

    def send(self, place: int, record: logging.LogRecord, message: str) -> None:
        """Send the record once, however many handlers it has."""
        last = getattr(self._last, "record", None)
        if last is not None and last() is record:
            return
        fields = fields_of(record, message)
        self._last.record = ref(record)
        if self._last_lines is not None:
            self._last_lines.add_record(fields["level"], record.name, message)
        exchange = current.get()
        self._pipes[place].send(RECORD, get_ident(), "" if exchange is None else exchange.origin, _coded(fields))


def fields_of(record: logging.LogRecord, message: str) -> dict[str, Any]:
    """Return a record's fields as values for JSON."""
    fields = {
        "level": next((name for number, name in _LEVELS if record.levelno >= number), "debug"),
        "logger": record.name,
        "message": _bounded(message),
        "file": record.pathname,
        "line": record.lineno,
        "function": record.funcName,
    }
    if record.levelname not in _NAMES:
        fields["level_name"] = record.levelname
    thread = record.threadName
    if thread and not thread.startswith(_USUAL_THREADS):
        fields["thread"] = thread
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    if extra:
        fields["extra"] = extra
    if record.exc_info and record.exc_info[1] is not None:
        fields["exception"] = exceptions_of(record.exc_info[1])
    elif record.exc_text:
        fields["stack"] = _bounded(record.exc_text)
    if record.stack_info:
        fields["stack"] = _bounded(record.stack_info)
    return fields


def exceptions_of(error: BaseException) -> list[dict[str, Any]]:
    """Describe the exception, then its causes, contexts and members; without the values of variables."""
    mask = Mask(os.environ)  # noqa: TID251  the project's, as it is now
    described: list[dict[str, Any]] = mask.of(list(_described(describe(error, mask=mask.masked))))
    return described


def _described(raised: DescribedException, of: str = "") -> Iterator[dict[str, Any]]:
    described: dict[str, Any] = {
        "type": raised.name,
        "message": raised.message,
        "frames": [
            {"file": frame.filename, "line": frame.lineno, "function": frame.name, "source": frame.line}
            for frame in raised.frames
        ],
    }
    if raised.left_out:
        described["left_out"] = raised.left_out
    if raised.notes:
        described["notes"] = raised.notes
    if raised.left_members:
        described["left_members"] = raised.left_members
    if of:
        described["of"] = of
    yield described
    for member in raised.members:
        yield from _described(member, "part")
    if raised.cause is not None:
        yield from _described(raised.cause, "cause")
    elif raised.context is not None:
        yield from _described(raised.context, "context")


def _bounded(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}... ({counted(len(text) - _TEXT, 'more character')})"


def _coded(fields: dict[str, Any]) -> bytes:
    try:
        coded = json.dumps(fields, default=_text).encode()
    except (ValueError, TypeError, RecursionError):  # a cycle, a key that is not valid in JSON, a misleading type
        if "extra" in fields:
            fields["extra"] = {str(name): _text(value) for name, value in fields["extra"].items()}
        coded = json.dumps(fields, default=_text).encode()
    if len(coded) > _RECORD and "extra" in fields:
        shown = list(fields["extra"].items())[:_EXTRAS]
        fields["extra"] = {safe_str(name, _EXTRA): safe_str(value, _EXTRA) for name, value in shown}
        coded = json.dumps(fields).encode()
    return coded


def _text(value: object) -> str:
    return safe_str(value, _TEXT)
