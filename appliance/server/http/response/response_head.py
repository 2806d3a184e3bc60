"""Check the status and the headers that an application sends, and encode them (PEP 3333; RFC 9110, 5 and 15).

Uses no ``assert``, so ``python -O`` checks the same. Each server has one ``ResponseHeads``, which any thread may use.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from wsgiref.handlers import format_date_time

from ..field_grammar import CONTROLS, TOKEN

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATUS_CODES = range(200, 1000)
_MAX_ENTRIES = 512
_TAB = 0x09
# Fields that the server writes itself, or acts on.
_SPECIAL = {"content-length", "connection", "date", "server", "x-request-id"}
# RFC 9110, 7.6.1, and PEP 3333: these describe the connection, which belongs to the server. The
# options of "Connection" are read.
_HOP_BY_HOP = {
    "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailers",
    "transfer-encoding", "upgrade",
}  # fmt: skip


class ApplicationFault(AssertionError):  # noqa: N818  a fault of the application, not an error of ours
    """The application broke a rule of PEP 3333. An ``AssertionError``, as wsgiref raises for the same fault."""


class StatusLines(dict[str, "tuple[int, bytes]"]):
    """Maps a status text to its code and its status line. All entries are valid."""

    def __missing__(self, status: str) -> tuple[int, bytes]:
        if not isinstance(status, str):
            raise ApplicationFault(f"the status must be a str, not {status!r:.80}")
        code = status[:3]
        if not (code.isascii() and code.isdigit() and status[3:4] == " "):
            raise ApplicationFault(f"the status must be three digits, a space and a phrase, not {status!r:.80}")
        if int(code) not in _STATUS_CODES:
            raise ApplicationFault(f"the status {status!r:.80} can't end a request: its code is not within 200 to 999")
        try:
            line = b"HTTP/1.1 %s\r\n" % status.encode("latin-1")
        except UnicodeEncodeError:
            raise ApplicationFault(f"the status must be Latin-1 (PEP 3333), not {status!r:.80}") from None
        if len(line.translate(None, CONTROLS)) + 2 != len(line):
            raise ApplicationFault(f"the status holds a control character: {status!r:.80}")
        if len(self) < _MAX_ENTRIES:
            self[status] = int(code), line
        return int(code), line


class FieldKinds(dict[str, str]):
    """Maps a field name to its kind: "" for most, the lower-case name for the fields that the server acts on."""

    def __missing__(self, name: str) -> str:
        if not isinstance(name, str):
            raise ApplicationFault(f"a header's name must be a str, not {name!r:.80}")
        if TOKEN.fullmatch(name) is None:
            raise ApplicationFault(f"a header's name must be a token (RFC 9110, 5.1), not {name!r:.80}")
        lower = name.lower()
        if lower in _HOP_BY_HOP:
            raise ApplicationFault(
                f"the header {name} describes the connection, which belongs to the server (PEP 3333)"
            )
        kind = lower if lower in _SPECIAL else ""
        if len(self) < _MAX_ENTRIES and len(name) <= 64:
            self[name] = kind
        return kind


class ResponseFields:
    """An application's response fields, checked.

    Attributes:
        pairs: a copy of the names and values: the application may change its list later.
        block: the field lines, without Content-Length and Connection.
        length: the value of Content-Length; -1 if there is none.
        plain: no field needs special treatment.
        close: Connection contains "close".
        date, server, request_id: the application sent this field itself.
    """

    # Class attributes and not slots: the usual values cost no assignment.
    pairs: Sequence[tuple[str, str]] = ()
    block = b""
    length = -1
    plain = False
    close = date = server = request_id = False


class ResponseHeads:
    """Builds response heads; remembers valid statuses and field names, and the ``Date`` line of this second."""

    def __init__(self, software: str) -> None:
        self.statuses = StatusLines()
        self._kinds = FieldKinds()
        self.software = software
        # Most applications repeat their headers; the comparison costs a tenth of the checks.
        self._last = ResponseFields()
        self._plain: tuple[ResponseFields, int, bytes, int, bytes] = (ResponseFields(), -1, b"", 0, b"")
        self._second = 0
        self._date = b""

    def fields(self, headers: list[tuple[str, str]]) -> ResponseFields:
        """Check an application's headers.

        Raises:
            ApplicationFault: they are not valid.
        """
        if type(headers) is not list:
            raise ApplicationFault(f"the headers must be a list of pairs (PEP 3333), not {type(headers).__name__}")
        fields = self._last
        if headers == fields.pairs:  # a pair that is a list is never equal
            return fields
        fields = ResponseFields()
        kinds = self._kinds
        lines: list[str] = []
        if str in map(type, headers):  # a str of two letters would unpack into a name and a value
            raise _bad_pair(headers)
        try:
            for name, value in headers:
                kind = kinds[name]
                if kind and self._special(fields, kind, value):
                    continue
                lines.append(name + ": " + value)
        except (TypeError, ValueError):
            raise _bad_pair(headers) from None
        lines.append("")
        try:
            fields.block = block = "\r\n".join(lines).encode("latin-1")
        except UnicodeEncodeError:
            raise _beyond_latin(headers) from None
        if len(block.translate(None, CONTROLS)) + 2 * len(lines) - 2 != len(block):
            _check_controls(headers)
        fields.plain = not (fields.close or fields.date or fields.server or fields.request_id)
        fields.pairs = [(name, value) for name, value in headers]
        self._last = fields
        return fields

    def _special(self, fields: ResponseFields, kind: str, value: str) -> bool:
        """Handle a field that the server acts on; return whether the field line must not be sent as it is."""
        if not isinstance(value, str):
            raise TypeError
        if kind == "content-length":
            # A copied value may still have its white space, which does not count (RFC 9110, 5.5).
            number = value.isascii() and (value.isdigit() or value.strip(" \t").isdigit())
            if not number or 0 <= fields.length != int(value):
                raise ApplicationFault(f"Content-Length must be one number (RFC 9110, 8.6), not {value!r:.80}")
            fields.length = int(value)
            return True
        if kind == "connection":
            options = {option.strip(" \t").lower() for option in value.split(",")}
            if not options <= {"close", "keep-alive"}:
                raise ApplicationFault(
                    f"the header Connection belongs to the server, except for close, not {value!r:.80}"
                )
            fields.close = fields.close or "close" in options
            return True
        setattr(fields, kind.removeprefix("x-").replace("-", "_"), True)
        return False

    def date(self) -> bytes:
        """Return the ``Date`` and ``Server`` lines; they are built once a second."""
        now = int(time.time())
        if now != self._second:
            self._date = f"Date: {format_date_time(now)}\r\nServer: {self.software}\r\n".encode("latin-1")
            self._second = now
        return self._date

    def plain(self, line: bytes, fields: ResponseFields, size: int, now: int) -> bytes:
        """Return the head of a plain response, up to the value of X-Request-ID.

        Plain: all content is known, and the connection persists. Usually it is the previous head, of the same second.
        """
        known_fields, known_size, known_line, second, head = self._plain
        if fields is not known_fields or size != known_size or line is not known_line or now != second:
            length = b"Content-Length: %d\r\nX-Request-ID: " % size
            head = b"".join([line, fields.block, self.date(), length])
            self._plain = (fields, size, line, now, head)
        return head

    def date_and_server(self, fields: ResponseFields) -> bytes:
        """Return the ``Date`` and ``Server`` lines, without those that the application sent itself."""
        lines = self.date()
        if not fields.date and not fields.server:
            return lines
        date, server, _ = lines.split(b"\r\n")
        return (b"" if fields.date else date + b"\r\n") + (b"" if fields.server else server + b"\r\n")


def _beyond_latin(headers: list[tuple[str, str]]) -> ApplicationFault:
    """Find the header that is not Latin-1; its name is a token already."""
    name, value = next(pair for pair in headers if max(pair[1], default="") > "\xff")
    start = next(at for at, letter in enumerate(value) if letter > "\xff")
    return ApplicationFault(
        f"the header {name} must be Latin-1 (PEP 3333), not {value[max(0, start - 20) : start + 20]!r}; "
        "encode the value: a file's name as filename* (RFC 8187), a URL by percent-encoding"
    )


def _bad_pair(headers: list[Any]) -> ApplicationFault:
    for item in headers:
        if not (isinstance(item, (tuple, list)) and len(item) == 2):
            return ApplicationFault(f"a header must be a pair of name and value, not {item!r:.80}")
        if not isinstance(item[0], str) or not isinstance(item[1], str):
            return ApplicationFault(f"a header's name and value must be str, not {tuple(item)!r:.120}")
    return ApplicationFault("the headers must be pairs of str")


def _check_controls(headers: list[tuple[str, str]]) -> None:
    """Find the bad header. The tab is the only control character that is valid in a value (RFC 9110, 5.5)."""
    for name, value in headers:
        if any((ord(letter) < 0x20 and ord(letter) != _TAB) or letter == "\x7f" for letter in value):
            raise ApplicationFault(f"the header {name} holds a control character: {value!r:.80}")
