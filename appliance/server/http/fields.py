"""Read a block of field lines into a request's ``Fields`` (RFC 9110, 5; RFC 9112, 5).

The fields that the server itself acts on have modules of their own: ``request_framing`` (Content-Length,
Transfer-Encoding), ``keep_alive`` (Connection), ``expect_continue`` (Expect), ``served_hosts`` (Host). Pure: no socket,
no clock. Runs once for each new block of field lines.

Theory of operation. A block of a dozen fields must cost only a few microseconds. So the usual block is checked by
operations of C code: one deletion of control characters, whose count shows whether any stood outside a line end;
one split into lines; one lookup of each field name in a dictionary of known tokens. All other blocks go to slower
functions, which accept the block or find its fault. A field that could be read in two ways is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .expect_continue import check_expectation
from .field_grammar import CONTROLS, TOKEN, check_controls
from .keep_alive import connection_options
from .refusal import RequestRefused
from .request_framing import framing_of
from .served_hosts.hosts import is_host

if TYPE_CHECKING:
    from .limits import Limits

# Proxies and content delivery networks put the client's address into these fields, beside X-Forwarded-*. Applications
# believe them.
_FORWARDED = frozenset(
    {
        "HTTP_CF_CONNECTING_IP", "HTTP_CLIENT_IP", "HTTP_FASTLY_CLIENT_IP", "HTTP_FORWARDED", "HTTP_FORWARDED_FOR",
        "HTTP_TRUE_CLIENT_IP", "HTTP_X_CLIENT_IP", "HTTP_X_CLUSTER_CLIENT_IP", "HTTP_X_REAL_IP",
    }
)  # fmt: skip
# Limits for the remembered names: a client that invents names must not fill the memory.
_MAX_NAMES = 1024
_MAX_NAME_LENGTH = 64


class Fields:
    """The content of a block of field lines. Immutable: the next request may share it.

    Attributes:
        values: by CGI name (``HTTP_ACCEPT``, ``CONTENT_TYPE``), repeated fields joined. Names with an underscore are
            left out.
        forwarded: the claims of a proxy (``HTTP_FORWARDED``, ``HTTP_X_FORWARDED_*``, ``HTTP_X_REAL_IP`` ...), or None.
        length: the body's length; 0 if there is no body, or a chunked one.
        chunked: the body has the chunked coding.
        keep_alive: the client asks for a persistent connection.
        expects: the client waits for 100 (Continue) before it sends the body.
        upgrade: the client offers another protocol.
    """

    __slots__ = ("chunked", "expects", "forwarded", "keep_alive", "length", "upgrade", "values")

    def __init__(self, values: dict[str, str], forwarded: dict[str, str] | None, minor: int) -> None:
        self.values = values
        self.forwarded = forwarded
        self.length = 0
        self.chunked = self.expects = self.upgrade = False
        self.keep_alive = minor > 0


class FieldNames(dict[str, str]):
    """Maps a field name to its CGI name, or to "" if the name needs the slow path. All names in here are tokens."""

    def __missing__(self, name: str) -> str:
        if TOKEN.fullmatch(name) is None:
            raise _bad_name(name)
        key = cgi_name(name)
        if "_" in name or is_forwarded(key):
            key = ""
        if len(self) < _MAX_NAMES and len(name) <= _MAX_NAME_LENGTH:
            self[name] = key
        return key


def cgi_name(name: str) -> str:
    """Return the environ's key for a field (RFC 3875, 4.1.18)."""
    upper = name.replace("-", "_").upper()
    return upper if upper in {"CONTENT_TYPE", "CONTENT_LENGTH"} else "HTTP_" + upper


def is_forwarded(key: str) -> bool:
    """Whether only a trusted proxy may send this field, because it speaks for another client."""
    return key.startswith("HTTP_X_FORWARDED_") or key in _FORWARDED


class FieldReader:
    """Reads blocks of field lines; remembers only the names and hosts that were valid. Any thread may use it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._names = FieldNames()
        self._hosts: set[str] = set()

    def read(self, block: bytes, minor: int) -> Fields:
        """Read the lines between the request line and the blank line, for a request of HTTP/1.minor.

        Raises:
            RequestRefused: the block is not valid; with the status that the RFC requires.
        """
        lines = block.decode("latin-1").split("\r\n") if block else []
        if lines and len(block.translate(None, CONTROLS)) + 2 * len(lines) - 2 != len(block):
            for line in lines:
                check_controls(line)
        if len(lines) > self._limits.max_fields:
            raise RequestRefused(431, f"more than {self._limits.max_fields} header fields (RFC 6585, 5)")
        names = self._names
        try:
            values = {names[name]: value.strip(" \t") for name, value in [line.split(":", 1) for line in lines]}
        except ValueError:
            raise _no_colon(lines) from None
        forwarded = None
        if len(values) != len(lines) or "" in values:
            values, forwarded = _combine(lines)
        fields = Fields(values, forwarded, minor)
        self._check_host(values.get("HTTP_HOST"), minor)
        if "CONTENT_LENGTH" in values or "HTTP_TRANSFER_ENCODING" in values:
            fields.length, fields.chunked = framing_of(values, minor)
        if "HTTP_CONNECTION" in values:
            fields.keep_alive, fields.upgrade = connection_options(values, minor)
        if "HTTP_EXPECT" in values and minor > 0:  # RFC 9110, 10.1.1: Expect of a 1.0 client is ignored
            check_expectation(values["HTTP_EXPECT"])
            fields.expects = fields.chunked or fields.length > 0
        return fields

    def _check_host(self, host: str | None, minor: int) -> None:
        if host is None:
            if minor > 0:
                raise RequestRefused(400, "there is no Host field (RFC 9112, 3.2)")
        elif host not in self._hosts:
            if not is_host(host):
                raise RequestRefused(400, "the Host field is malformed (RFC 9112, 3.2)")
            if len(self._hosts) < _MAX_NAMES:
                self._hosts.add(host)


def _combine(lines: list[str]) -> tuple[dict[str, str], dict[str, str] | None]:
    """Read repeated (RFC 9110, 5.3), dropped and forwarded fields: the slow path. All names are tokens."""
    values: dict[str, str] = {}
    forwarded: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if "_" in name:
            continue  # its CGI name equals that of the field with hyphens, which a proxy may have checked
        key = cgi_name(name)
        target = forwarded if is_forwarded(key) else values
        value = value.strip(" \t")
        if key not in target:
            target[key] = value
        elif key in {"HTTP_HOST", "CONTENT_LENGTH"}:
            raise RequestRefused(400, f"{name} is given more than once (RFC 9112, 3.2 and 6.3)")
        else:
            # RFC 9110, 5.3: join with a comma and a space; for cookies with a semicolon (RFC 9113, 8.2.3).
            target[key] += ("; " if key == "HTTP_COOKIE" else ", ") + value
    return values, forwarded or None


def _bad_name(name: str) -> RequestRefused:
    if not name:
        return RequestRefused(400, "a field has no name (RFC 9110, 5.1)")
    if name[0] in " \t":
        return RequestRefused(400, "a field is folded over two lines (RFC 9112, 5.2)")
    if name[-1] in " \t":
        return RequestRefused(400, "white space between a field's name and its colon (RFC 9112, 5.1)")
    return RequestRefused(400, "a field's name is not a token (RFC 9110, 5.1)")


def _no_colon(lines: list[str]) -> RequestRefused:
    line = next(line for line in lines if ":" not in line)
    if line[:1] in {" ", "\t"}:
        return _bad_name(line)
    return RequestRefused(400, "a header line without a colon (RFC 9112, 5)")
