"""Parse a request head, strictly: the request line (RFC 9112, 3), and what its fields say.

``fields`` reads the lines after the request line. Pure: no socket, no clock. Runs in each process that has the server
(worker, stand-in, library), once a request.

One thing is not strict: a target may contain any printable text, also bad percent-encoding and raw UTF-8. It is not a
valid URI then, but browsers and scripts send it, and a development server must show a project what they send. Bytes
that are not UTF-8 have no agreed meaning, and are refused.

Most requests of a connection have the same field lines, byte for byte: then their meaning is known already, and only
the request line is parsed (0.7 µs, against 2 to 6 with the fields).

Decisions 26 and 37 say why.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .field_grammar import TOKEN, check_controls
from .refusal import LONG_METHOD, TLS_REASON, RequestRefused
from .served_hosts.hosts import is_host

if TYPE_CHECKING:
    from .fields import FieldReader, Fields

_VERSION = re.compile(r"HTTP/([0-9])\.([0-9])")
_ABSOLUTE = re.compile(r"(?i:https?)://([^/?#]*)([^#]*)")
# C1 controls. Sought after decoding: as bytes, these values occur within other characters of UTF-8.
_C1 = re.compile("[\x80-\x9f]")
_METHOD_MAX = 64
PROTOCOLS = {-1: "HTTP/0.9", 0: "HTTP/1.0", 1: "HTTP/1.1"}  # by ``Head.minor``
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Head:
    """One request's head. Never changed: the next request may have the same.

    Attributes:
        method: as sent.
        target: as sent.
        path: the target's part before the question mark, percent-encoding intact; of an absolute-form, without scheme
            and authority.
        query: the part after it.
        minor: 1 for HTTP/1.1 and above, 0 for HTTP/1.0, -1 for HTTP/0.9 (lenient only).
        fields: the content of the field lines.
        plain: HTTP/1.1, not HEAD, on a connection that persists: the usual request.
        values: ``fields.values``; if the target is an absolute-form, with the Host of the target.
    """

    __slots__ = ("fields", "method", "minor", "path", "plain", "query", "target", "values")

    method: str
    target: str
    path: str
    query: str
    minor: int
    plain: bool
    fields: Fields
    values: dict[str, str]


class HeadParser:
    """Parses the heads of one connection.

    Args:
        reader: reads their fields.
        lenient: accept HTTP/0.9.
        secure: the connection uses TLS, so accept targets that begin with ``https``.
        persistent: the server can keep the connection open; if False, no head is plain.
    """

    __slots__ = ("_block", "_fields", "_head", "_lenient", "_minor", "_persistent", "_raw", "_reader", "_secure")

    def __init__(
        self, reader: FieldReader, *, lenient: bool = False, secure: bool = False, persistent: bool = True
    ) -> None:
        self._reader = reader
        self._persistent = persistent
        self._secure = secure
        self._lenient = lenient
        self._raw: bytes | None = None
        self._head: Head
        self._block: bytes | None = None
        self._minor = 0
        self._fields: Fields

    def parse(self, raw: bytes) -> Head:
        """Parse a head, given without its blank line.

        Raises:
            RequestRefused: the head is not valid; with the status that the RFC requires.
        """
        if raw == self._raw:  # a client that polls sends the same head again and again
            return self._head
        start, _, block = raw.partition(b"\r\n")
        line = start.decode("latin-1")
        if not line.isascii() or not line.isprintable():  # printable ASCII: all characters of a URI, and some more
            _check_line(line, start)
        try:
            method, target, version = line.split(" ")
        except ValueError:
            if self._lenient and line.startswith("GET /") and line.count(" ") == 1:
                return simple_head(line[4:], self._reader)
            reason = "the request line is not a method, a target and a version, one space between (RFC 9112, 3)"
            raise RequestRefused(400, reason) from None
        head = Head()
        head.method = method
        head.target = target
        head.minor = minor = (
            1 if version == "HTTP/1.1" else 0 if version == "HTTP/1.0" else _other_version(line, version)
        )
        if method not in _METHODS:
            _check_method(method)
        if "#" in target:
            raise RequestRefused(400, "the request target holds a fragment (RFC 9112, 3.2)")
        if block != self._block or minor != self._minor:
            self._fields = self._reader.read(block, minor)
            self._block, self._minor = block, minor
        head.fields = fields = self._fields
        head.values = fields.values
        head.plain = minor == 1 and self._persistent and fields.keep_alive and method != "HEAD"
        if target[:1] == "/" and method != "CONNECT":
            head.path, _, head.query = target.partition("?")
        else:
            _other_form(head, secure=self._secure)
        self._raw, self._head = raw, head
        return head


def request_line(raw: bytes) -> str:
    """Return the first line of a head, valid or not, without its line end."""
    return raw.partition(b"\r\n")[0].decode("latin-1")


def field_lines(raw: bytes) -> str:
    """Return the field lines of a head, valid or not."""
    return raw.partition(b"\r\n")[2].decode("latin-1")


def with_target(raw: bytes, target: str) -> bytes:
    """Replace the target of a head that was parsed."""
    line, end, fields = raw.partition(b"\r\n")
    method, _, *version = line.split(b" ")  # HTTP/0.9 has no version
    return b" ".join([method, target.encode("latin-1"), *version]) + end + fields


def simple_head(path: str, reader: FieldReader) -> Head:
    """Return the head of an HTTP/0.9 request, which is nothing but a path."""
    head = Head()
    head.method, head.target, head.minor, head.plain = "GET", path, -1, False
    head.path, _, head.query = path.partition("?")
    head.fields = reader.read(b"", -1)
    head.values = head.fields.values
    return head


def _other_form(head: Head, *, secure: bool) -> None:
    """Read a target that is not an origin-form (RFC 9112, 3.2.2 to 3.2.4)."""
    method, target = head.method, head.target
    head.query = ""
    if method == "CONNECT":
        host, _, port = target.rpartition(":")
        if not host or not port.isdigit() or not is_host(target):
            raise RequestRefused(400, "CONNECT takes host:port (RFC 9112, 3.2.3)")
        raise RequestRefused(501, "this server is not a proxy")
    if target == "*":
        if method != "OPTIONS":
            raise RequestRefused(400, "only OPTIONS takes * (RFC 9112, 3.2.4)")
        head.path = "*"
        return
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise RequestRefused(400, "the request target is neither a path nor a URL (RFC 9112, 3.2)")
    authority, rest = absolute.groups()
    if not is_host(authority):
        raise RequestRefused(400, "the request target's authority is malformed (RFC 9110, 4.2)")
    if target[:5].lower() == "https" and not secure:
        raise RequestRefused(
            421, "the request target is an https URL, and this connection is not secure (RFC 9110, 7.4)"
        )
    # RFC 9112, 3.2.2: the target's authority replaces Host, whatever that says.
    head.values = {**head.values, "HTTP_HOST": authority}
    path, _, head.query = rest.partition("?")
    head.path = path or ("*" if method == "OPTIONS" and not rest else "/")


def _check_line(line: str, raw: bytes) -> None:
    """Accept raw UTF-8, which only a target may contain: the checks of method and version refuse it."""
    if line.startswith("\x16\x03"):
        raise RequestRefused(400, TLS_REASON)
    check_controls(line)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise RequestRefused(400, "the request line is neither ASCII nor UTF-8 (RFC 9112, 3.2; RFC 3986, 2)") from None
    if "\t" in text or _C1.search(text) is not None:
        raise RequestRefused(400, "the request line holds a control character (RFC 9112, 3.2)")


def _check_method(method: str) -> None:
    if TOKEN.fullmatch(method) is None:
        raise RequestRefused(400, "the method is not a token (RFC 9110, 9.1)")
    if len(method) > _METHOD_MAX:
        raise RequestRefused(501, LONG_METHOD)


def _other_version(line: str, version: str) -> int:
    if line == "PRI * HTTP/2.0":
        raise RequestRefused(505, "this is HTTP/2 with prior knowledge; this server speaks HTTP/1.1")
    match = _VERSION.fullmatch(version)
    if match is None:
        raise RequestRefused(400, "the request line ends with no HTTP version (RFC 9112, 2.3)")
    if match[1] != "1":
        raise RequestRefused(505, f"HTTP/{match[1]}.{match[2]} is not spoken here, HTTP/1.1 is")
    return 1  # RFC 9110, 6.2: a higher minor version is read as 1.1
