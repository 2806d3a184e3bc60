"""Bytes to a request head, strictly: RFC 9112, sections 2 to 6, and RFC 9110 where that refers to it.

Owns the grammar of a request line and its fields, and what they say about framing. Pure: no socket, no clock; must not
know what becomes of a head. Runs in the worker, once a request.

Theory of operation. A head of a few hundred bytes must cost two microseconds, so the common one is looked at in passes
that C makes: one deletion of control characters, whose count tells whether any stood outside a line end; one split into
lines; one dictionary of field names that were proved to be tokens before. Whatever does not pass goes to the slow
functions, which find out what is wrong, or accept it. Anything that could be read in two ways is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .hosts import is_host
from .refusal import TLS_REASON, Refused

if TYPE_CHECKING:
    from .limits import Limits

# Deleting these from a good head removes its line ends and nothing else. Tabs are legal in values, but rare: slow path.
CONTROLS = bytes([*range(0x20), 0x7F])
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAD_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_VERSION = re.compile(r"HTTP/([0-9])\.([0-9])")
_ABSOLUTE = re.compile(r"(?i:https?)://([^/?#]*)([^#]*)")
_LENGTH_DIGITS = 19  # 2**63 - 1 has as many
_LENGTH_MAX = 2**63 - 1
_METHOD_MAX = 64
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# How many names, and how long ones, a parser keeps: a client that invents names must not fill the memory.
_KEPT_NAMES = 1024
_KEPT_LENGTH = 64


class Head:
    """One request's head.

    Attributes:
        method, target: as sent.
        path, query: the target's parts, percent-encoding intact; of an absolute-form, without scheme and authority.
        minor: 1 for HTTP/1.1 and above, 0 for HTTP/1.0, -1 for HTTP/0.9 (lenient only).
        fields: by CGI name (``HTTP_ACCEPT``, ``CONTENT_TYPE``), repeated ones joined; those with an underscore left
        out.
        forwarded: what a proxy claims (``HTTP_FORWARDED``, ``HTTP_X_FORWARDED_*``), or None.
        length: of the body; 0 where there is none or it is chunked.
        chunked: the body ends by its own coding.
        keep_alive: the client wants the connection to stay.
        expects: it waits for 100 (Continue) before it sends the body.
        upgrade: it offers another protocol.
        raw: the bytes, without the blank line.
    """

    __slots__ = (
        "chunked", "expects", "fields", "forwarded", "keep_alive", "length", "method", "minor", "path", "query", "raw",
        "target", "upgrade",
    )  # fmt: skip

    method: str
    target: str
    path: str
    query: str
    minor: int
    fields: dict[str, str]
    forwarded: dict[str, str] | None
    length: int
    chunked: bool
    keep_alive: bool
    expects: bool
    upgrade: bool
    raw: bytes


class FieldNames(dict[str, str]):
    """Field name as sent to CGI name; empty for those that need a look. A name that is in here is a token."""

    def __missing__(self, name: str) -> str:
        if TOKEN.fullmatch(name) is None:
            raise _bad_name(name)
        key = cgi_name(name)
        if "_" in name or is_forwarded(key):
            key = ""
        if len(self) < _KEPT_NAMES and len(name) <= _KEPT_LENGTH:
            self[name] = key
        return key


def cgi_name(name: str) -> str:
    """The environ's key for a field (RFC 3875, 4.1.18)."""
    upper = name.replace("-", "_").upper()
    return upper if upper in {"CONTENT_TYPE", "CONTENT_LENGTH"} else "HTTP_" + upper


def is_forwarded(key: str) -> bool:
    """Whether the field speaks for another client, as only a trusted proxy may."""
    return key == "HTTP_FORWARDED" or key.startswith("HTTP_X_FORWARDED_")


class HeadParser:
    """Parses heads; remembers field names and hosts that it has found good, and nothing else. Any thread may use it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._names = FieldNames()
        self._hosts: set[str] = set()

    def parse(self, raw: bytes) -> Head:
        """Parse a head, given without its blank line.

        Raises:
            Refused: with the status that the RFC asks for.
        """
        lines = raw.decode("latin-1").split("\r\n")
        if len(raw.translate(None, CONTROLS)) + 2 * len(lines) - 2 != len(raw):
            _check_controls(lines)
        head = Head()
        head.raw = raw
        self._request_line(head, lines.pop(0))
        names = self._names
        try:
            fields = {names[name]: value.strip(" \t") for name, value in [line.split(":", 1) for line in lines]}
        except ValueError:
            raise _no_colon(lines) from None
        head.forwarded = None
        if len(fields) != len(lines) or "" in fields:
            fields = self._combine(head, lines)
        head.fields = fields
        self._host(head)
        self._meaning(head, fields)
        return head

    def _request_line(self, head: Head, line: str) -> None:
        try:
            method, target, version = line.split(" ")
        except ValueError:
            raise _bad_request_line() from None
        head.method = method
        head.target = target
        if version == "HTTP/1.1":
            head.minor = 1
        elif version == "HTTP/1.0":
            head.minor = 0
        else:
            head.minor = _other_version(line, version)
        if method not in _METHODS:
            _check_method(method)
        if not target.isascii() or "#" in target or "\t" in target:
            raise Refused(400, "the request target holds a character that no URI has (RFC 9112, 3.2)")
        if target[:1] == "/" and method != "CONNECT":
            head.path, _, head.query = target.partition("?")
        else:
            head.path = head.query = ""  # decided in _host, which knows the fields

    def _combine(self, head: Head, lines: list[str]) -> dict[str, str]:
        """The slow way: repeated fields (RFC 9110, 5.3), dropped and forwarded ones."""
        fields: dict[str, str] = {}
        if len(lines) > self._limits.max_fields:
            raise Refused(431, f"more than {self._limits.max_fields} header fields")
        for line in lines:
            name, _, value = line.partition(":")
            key = cgi_name(name)
            target = fields
            if "_" in name:
                continue  # it would be taken for the one with hyphens, which a proxy may have checked
            if is_forwarded(key):
                target = head.forwarded = {} if head.forwarded is None else head.forwarded
            value = value.strip(" \t")
            if key not in target:
                target[key] = value
            elif key in {"HTTP_HOST", "CONTENT_LENGTH"}:
                raise Refused(400, f"{name} is given more than once (RFC 9112, 3.2 and 6.3)")
            else:
                # RFC 9110, 5.3: comma and space; cookies are the exception (RFC 9113, 8.2.3).
                target[key] += ("; " if key == "HTTP_COOKIE" else ", ") + value
        return fields

    def _host(self, head: Head) -> None:
        host = head.fields.get("HTTP_HOST")
        if host not in self._hosts:
            if host is not None:
                if not is_host(host):
                    raise Refused(400, "the Host field is malformed (RFC 9112, 3.2)")
                if len(self._hosts) < _KEPT_NAMES:
                    self._hosts.add(host)
            elif head.minor > 0:
                raise Refused(400, "there is no Host field (RFC 9112, 3.2)")
        if not head.path:
            _other_form(head)

    def _meaning(self, head: Head, fields: dict[str, str]) -> None:
        """Framing and the connection's options."""
        if len(fields) > self._limits.max_fields:
            raise Refused(431, f"more than {self._limits.max_fields} header fields")
        head.length = 0
        head.chunked = False
        if "CONTENT_LENGTH" in fields or "HTTP_TRANSFER_ENCODING" in fields:
            _framing(head, fields)
        options = fields.get("HTTP_CONNECTION")
        head.upgrade = False
        if options is None:
            head.keep_alive = head.minor > 0
        else:
            words = {word.strip(" \t") for word in options.lower().split(",")}
            # RFC 9112, 9.3: close wins; else 1.1 persists, and 1.0 only when it says so.
            head.keep_alive = "close" not in words and (head.minor > 0 or "keep-alive" in words)
            head.upgrade = "upgrade" in words and head.minor > 0 and "HTTP_UPGRADE" in fields
        head.expects = False
        if "HTTP_EXPECT" in fields and head.minor > 0:  # RFC 9110, 10.1.1: 1.0 can't expect
            if fields["HTTP_EXPECT"].lower() != "100-continue":
                raise Refused(417, "the only expectation that can be met is 100-continue (RFC 9110, 10.1.1)")
            head.expects = head.chunked or head.length > 0


def _framing(head: Head, fields: dict[str, str]) -> None:
    """RFC 9112, 6.1 to 6.3. The coding is ours to undo, so the application never sees its field (PEP 3333)."""
    length = fields.get("CONTENT_LENGTH")
    coding = fields.pop("HTTP_TRANSFER_ENCODING", None)
    if coding is not None:
        if head.minor < 1:
            raise Refused(400, "HTTP/1.0 has no Transfer-Encoding (RFC 9112, 6.1)")
        if length is not None:
            raise Refused(400, "Content-Length and Transfer-Encoding together (RFC 9112, 6.3)")
        codings = [word.strip(" \t").lower() for word in coding.split(",")]
        if codings == ["chunked"]:
            head.chunked = True
        elif codings[-1] == "chunked" and codings.count("chunked") == 1 and all(map(TOKEN.fullmatch, codings)):
            raise Refused(501, "of the transfer codings only chunked is known (RFC 9112, 6.1)")
        else:
            raise Refused(400, "the transfer coding does not end with one chunked (RFC 9112, 6.3)")
    elif length is not None:
        if not length.isascii() or not length.isdigit() or len(length) > _LENGTH_DIGITS or int(length) > _LENGTH_MAX:
            raise Refused(400, "Content-Length is no number (RFC 9110, 8.6)")
        head.length = int(length)


def _other_form(head: Head) -> None:
    """Every target that is no origin-form (RFC 9112, 3.2.2 to 3.2.4)."""
    method, target = head.method, head.target
    if method == "CONNECT":
        host, colon, port = target.rpartition(":")
        if not colon or not host or not port.isdigit() or not is_host(target):
            raise Refused(400, "CONNECT takes host:port (RFC 9112, 3.2.3)")
        raise Refused(501, "this is no proxy: it opens no tunnels")
    if target == "*":
        if method != "OPTIONS":
            raise Refused(400, "only OPTIONS takes * (RFC 9112, 3.2.4)")
        head.path = "*"
        return
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise Refused(400, "the request target is neither a path nor a URL (RFC 9112, 3.2)")
    authority, rest = absolute.groups()
    if not is_host(authority):
        raise Refused(400, "the request target's authority is malformed (RFC 9110, 4.2)")
    # RFC 9112, 3.2.2: the target's authority replaces Host, whatever that says.
    head.fields["HTTP_HOST"] = authority
    path, _, head.query = rest.partition("?")
    head.path = path or ("*" if method == "OPTIONS" and not rest else "/")


def _check_controls(lines: list[str]) -> None:
    if lines[0].startswith("\x16\x03"):
        raise Refused(400, TLS_REASON)
    for line in lines:
        bad = _BAD_CONTROL.search(line)
        if bad is not None:
            what = {"\r": "a CR without its LF", "\n": "an LF without its CR", "\0": "a NUL"}
            raise Refused(400, f"{what.get(bad[0], 'a control character')} in the head (RFC 9112, 2.2; RFC 9110, 5.5)")


def _check_method(method: str) -> None:
    if TOKEN.fullmatch(method) is None:
        raise Refused(400, "the method is no token (RFC 9110, 9.1)")
    if len(method) > _METHOD_MAX:
        raise Refused(501, "the method is longer than any known (RFC 9112, 3)")


def _other_version(line: str, version: str) -> int:
    if line == "PRI * HTTP/2.0":
        raise Refused(505, "this is HTTP/2 with prior knowledge; this server speaks HTTP/1.1")
    match = _VERSION.fullmatch(version)
    if match is None:
        raise Refused(400, "the request line ends with no HTTP version (RFC 9112, 2.3)")
    if match[1] != "1":
        raise Refused(505, f"HTTP/{match[1]}.{match[2]} is not spoken here, HTTP/1.1 is")
    return 1  # RFC 9110, 6.2: a higher minor version is read as the highest that we know


def _bad_request_line() -> Refused:
    return Refused(400, "the request line is not a method, a target and a version, one space between (RFC 9112, 3)")


def _bad_name(name: str) -> Refused:
    if not name:
        return Refused(400, "a field has no name (RFC 9110, 5.1)")
    if name[0] in " \t":
        return Refused(400, "a field is folded over two lines (RFC 9112, 5.2)")
    if name[-1] in " \t":
        return Refused(400, "white space between a field's name and its colon (RFC 9112, 5.1)")
    return Refused(400, "a field's name is no token (RFC 9110, 5.1)")


def _no_colon(lines: list[str]) -> Refused:
    line = next(line for line in lines if ":" not in line)
    if line[:1] in {" ", "\t"}:
        return _bad_name(line)
    return Refused(400, "a header line without a colon (RFC 9112, 5)")
