"""Read header fields: values, framing, the connection's options (RFC 9110, 5 to 10; RFC 9112, 5 to 9).

Knows the general grammar of fields, and the few fields that the server itself acts on. Pure: no socket, no clock. Runs
once for each new block of field lines.

Theory of operation. A block of a dozen fields must cost only a few microseconds. So the usual block is checked by
operations of C code: one deletion of control characters, whose count shows whether any stood outside a line end;
one split into lines; one lookup of each field name in a dictionary of known tokens. All other blocks go to slower
functions, which accept the block or find its fault. A field that could be read in two ways is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .hosts import is_host
from .refusal import RequestRefused

if TYPE_CHECKING:
    from .limits import Limits

# Deleting these characters from valid lines removes only the line ends. Tabs are valid in values, but rare, so they
# take the slow path.
CONTROLS = bytes([*range(0x20), 0x7F])
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAD_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LENGTH_DIGITS = 19  # the digits of 2**63 - 1
_LENGTH_MAX = 2**63 - 1
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
            _set_framing(fields, minor)
        if "HTTP_CONNECTION" in values:
            _set_connection(fields, minor)
        if "HTTP_EXPECT" in values and minor > 0:  # RFC 9110, 10.1.1: Expect of a 1.0 client is ignored
            if not elements(values["HTTP_EXPECT"]) <= {"100-continue"}:
                raise RequestRefused(417, "the only supported expectation is 100-continue (RFC 9110, 10.1.1)")
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


def _set_framing(fields: Fields, minor: int) -> None:
    """Set the framing (RFC 9112, 6.1 to 6.3). The server decodes the coding, so it hides the field (PEP 3333)."""
    length = fields.values.get("CONTENT_LENGTH")
    coding = fields.values.pop("HTTP_TRANSFER_ENCODING", None)
    if coding is None:
        if length is not None:
            digits = length.lstrip("0") or length[:1]  # any number of zeros may lead; int() reads at most 4300 digits
            if not length.isascii() or not length.isdigit() or len(digits) > _LENGTH_DIGITS:
                raise RequestRefused(400, "Content-Length is not a number (RFC 9110, 8.6)")
            fields.length = int(digits)
            if fields.length > _LENGTH_MAX:
                raise RequestRefused(400, "Content-Length is larger than 63 bits (RFC 9110, 8.6)")
            fields.values["CONTENT_LENGTH"] = digits
        return
    if minor < 1:
        raise RequestRefused(400, "HTTP/1.0 has no Transfer-Encoding (RFC 9112, 6.1)")
    if length is not None:
        raise RequestRefused(400, "Content-Length and Transfer-Encoding are both given (RFC 9112, 6.3)")
    codings = [name for name in (name.strip(" \t").lower() for name in coding.split(",")) if name]
    if codings != ["chunked"]:
        if codings[-1:] == ["chunked"] and codings.count("chunked") == 1 and all(map(TOKEN.fullmatch, codings)):
            raise RequestRefused(501, "the only supported transfer coding is chunked (RFC 9112, 6.1)")
        raise RequestRefused(400, "chunked must be the last transfer coding, and appear once (RFC 9112, 6.3)")
    fields.chunked = True


def _set_connection(fields: Fields, minor: int) -> None:
    """Set the connection's options (RFC 9110, 7.6.1)."""
    options = elements(fields.values["HTTP_CONNECTION"])
    # RFC 9112, 9.3: "close" wins. Otherwise 1.1 persists, and 1.0 only with "keep-alive".
    fields.keep_alive = "close" not in options and (minor > 0 or "keep-alive" in options)
    fields.upgrade = "upgrade" in options and minor > 0 and "HTTP_UPGRADE" in fields.values


def elements(value: str) -> set[str]:
    """Return a list's elements in lower case, without empty ones (RFC 9110, 5.6.1.2)."""
    return {option.strip(" \t") for option in value.lower().split(",")} - {""}


def check_controls(line: str) -> None:
    """Refuse a line with a control character other than a tab.

    Raises:
        RequestRefused: the line has one.
    """
    bad = _BAD_CONTROL.search(line)
    if bad is not None:
        what = {"\r": "a CR without its LF", "\n": "an LF without its CR", "\0": "a NUL"}
        raise RequestRefused(
            400, f"{what.get(bad[0], 'a control character')} in the head (RFC 9112, 2.2; RFC 9110, 5.5)"
        )


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
