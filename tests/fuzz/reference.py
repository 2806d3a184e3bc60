"""A strict reader of a client's bytes, by the grammars of RFC 9112 and 9110: slow, and obvious.

Owns a second opinion. It shares no line with the server, sees all bytes at once, and says of each request what the
application must receive, or with which statuses it may be refused (all that are wrong with it, in no order). Used by
the property tests and by the fuzzer.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from appliance.server.http.limits import Limits

TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
REQUEST_LINE = re.compile(rf"({TOKEN}) ([!-~\x80-\xff]+) HTTP/([0-9])\.([0-9])")
FIELD_LINE = re.compile(rf"({TOKEN}):[ \t]*((?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?)[ \t]*")
PATH = re.compile(r"/[^?#]*")
URL = re.compile(r"(https?)://([^/?#]*)(/[^?#]*)?(?:\?([^#]*))?", re.IGNORECASE)
SUB_DELIMS = r"!$&'()*+,;="
HOST = re.compile(rf"((?:[A-Za-z0-9\-._~{SUB_DELIMS}]|%[0-9A-Fa-f]{{2}})+|\[[^\[\]]*\])(?::0*([0-9]{{0,5}}))?")
IP_FUTURE = re.compile(rf"[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~{SUB_DELIMS}:]+")
IPV6 = re.compile(r"[0-9A-Fa-f:.]+")
ZONE = re.compile(r"%25[A-Za-z0-9\-._~]+$")
QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
EXTENSION = rb"[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b|%b))?" % (TOKEN.encode(), TOKEN.encode(), QUOTED)
SIZE_LINE = re.compile(rb"0*([0-9A-Fa-f]{1,15})((?:%b)*)\r\n" % EXTENSION)
TRAILER = re.compile(rb"(%b):[\t -~\x80-\xff]*\r\n" % TOKEN.encode())
# RFC 9110, 6.5.1: about framing, routing, authentication, the content's form, or how to handle the request.
NO_TRAILER = re.compile(
    rb"authorization|cache-control|connection|content-(?:encoding|length|range|type)|cookie|expect|forwarded|host"
    rb"|if-.*|keep-alive|max-forwards|pragma|proxy-(?:authorization|connection)|range|te|trailer|transfer-encoding"
    rb"|upgrade|x-forwarded-.*|x-real-ip",
    re.IGNORECASE,
)
CLAIMS = {
    "cf-connecting-ip", "client-ip", "fastly-client-ip", "forwarded", "forwarded-for", "true-client-ip", "x-client-ip",
    "x-cluster-client-ip", "x-real-ip",
}  # fmt: skip
EMPTY_LINES = 8
LONGEST_METHOD = 64
LONGEST_SIZE_LINE = 4096


@dataclass
class Asked:
    """A request whose head is good.

    Attributes:
        body: None where it is broken or cut off, which the application learns when it reads.
        behind: where the next request begins.
        stays: the client lets the connection stay.
        expects: it waits for 100 (Continue) before it sends the body.
        own: the server answers it by itself.
        start: where its head begins.
    """

    method: str
    target: str
    path: str
    query: str
    minor: int
    fields: dict[str, str]
    body: bytes | None = b""
    behind: int = 0
    stays: bool = True
    expects: bool = False
    own: bool = False
    start: int = 0


@dataclass
class Refused:
    """No request that can be served: the statuses that say so."""

    statuses: set[int] = field(default_factory=set)
    start: int = 0


def read(data: bytes, limits: Limits) -> list[Asked | Refused]:
    """Everything that a client sent before it ended, until the first that closes the connection."""
    found: list[Asked | Refused] = []
    at = 0
    while True:
        empty = 0
        while data.startswith(b"\r\n", at):
            at, empty = at + 2, empty + 1
        end = data.find(b"\r\n\r\n", at)
        if empty > EMPTY_LINES:
            return [*found, Refused({400}, start=len(data))]
        if end < 0 and not data[at:].strip(b"\r\n"):
            return found
        if end < 0:
            found.append(Refused({400} | oversize(data[at:], limits)))
        else:
            found.append(read_request(data, at, end, limits))
        last = found[-1]
        last.start = at
        if isinstance(last, Refused) or last.body is None or not last.stays:
            return found
        at = last.behind


def oversize(raw: bytes, limits: Limits) -> set[int]:
    """Return the statuses for a head that is too large, whole or not."""
    line = raw.split(b"\r\n")[0]
    too_long = 414 if b" " in line[: limits.max_line_bytes] else 501
    wrong = {too_long} if len(line) > limits.max_line_bytes else set()
    return wrong | ({431} if len(raw) - len(line) > limits.max_header_bytes else set())


def read_request(data: bytes, at: int, end: int, limits: Limits) -> Asked | Refused:
    """The request whose head is from ``at`` to its blank line at ``end``."""
    raw = data[at:end]
    wrong = oversize(raw, limits)
    head = read_head(raw.decode("latin-1"), limits)
    if isinstance(head, Refused):
        return Refused(wrong | head.statuses)
    if wrong:
        return Refused(wrong)
    start = end + 4
    chunked = "coding" in head.fields
    length = int(head.fields.get("CONTENT_LENGTH", "0"))
    if 0 < limits.max_body_bytes < length:
        return Refused({413})
    if chunked:
        del head.fields["coding"]
        head.body, head.behind = read_chunked(data, start, limits)
    else:
        head.behind = start + length
        head.body = data[start : head.behind] if head.behind <= len(data) else None
    return head


def read_head(text: str, limits: Limits) -> Asked | Refused:
    """A head without its blank line."""
    first, *lines = text.split("\r\n")
    line = REQUEST_LINE.fullmatch(first)
    fields = [FIELD_LINE.fullmatch(each) for each in lines]
    wrong: set[int] = set()
    if line is None or None in fields or not is_utf8(first):
        wrong.add(400)
    if re.search(r" HTTP/[02-9]\.[0-9]$", first):
        wrong.add(505)
    if len(lines) > limits.max_fields:
        wrong.add(431)
    if len(first.split(" ")[0]) > LONGEST_METHOD:
        wrong.add(501)
    pairs = [(match[1], match[2]) for match in fields if match is not None]
    if line is None:
        return Refused(wrong | read_fields(Asked("GET", "/", "/", "", 1, {}), pairs))
    asked = Asked(line[1], line[2], "", "", min(1, int(line[4])), {})
    wrong |= read_target(asked) | read_fields(asked, pairs)
    return Refused(wrong) if wrong else asked


def is_utf8(line: str) -> bool:
    """Whether the bytes of a line are UTF-8, and no control of C1."""
    try:
        text = line.encode("latin-1").decode()
    except UnicodeDecodeError:
        return False
    return not any("\x80" <= character <= "\x9f" for character in text)


def read_target(asked: Asked) -> set[int]:
    """Path and query of the four forms (RFC 9112, 3.2)."""
    method, target = asked.method, asked.target
    if method == "CONNECT":
        return {501} if is_host(target) and re.search(r":[0-9]+$", target) else {400}
    path, _, query = target.partition("?")
    if PATH.fullmatch(path) and "#" not in target:
        asked.path, asked.query = unquote_to_bytes(path.encode("latin-1")).decode("latin-1"), query
        return set()
    if target == "*":
        asked.path, asked.own = "*", True
        return set() if method == "OPTIONS" else {400}
    url = URL.fullmatch(target)
    if url is None or not is_host(url[2]):
        return {400}
    if url[1].lower() == "https":
        return {421}
    asked.own = method == "OPTIONS" and not url[3] and url[4] is None
    asked.path, asked.query = unquote_to_bytes((url[3] or "/").encode("latin-1")).decode("latin-1"), url[4] or ""
    asked.fields["HTTP_HOST"] = url[2]
    return set()


def is_host(text: str) -> bool:
    """A name, an IPv4 or IPv6 address, perhaps with a port (RFC 3986, 3.2.2)."""
    match = HOST.fullmatch(text)
    if match is None or int(match[2] or 0) > 65535:
        return False
    if not match[1].startswith("["):
        return True
    if IP_FUTURE.fullmatch(match[1][1:-1]):
        return True
    address = ZONE.sub("", match[1][1:-1])
    try:
        return IPV6.fullmatch(address) is not None and bool(ipaddress.IPv6Address(address).packed)
    except ValueError:
        return False


def read_fields(asked: Asked, pairs: list[tuple[str, str]]) -> set[int]:
    """Return the values of the fields, and all statuses for their errors."""
    known: dict[str, list[str]] = {}
    for name, value in pairs:
        if "_" not in name:
            known.setdefault(name.lower(), []).append(value)
    wrong = set()
    hosts = known.get("host", [])
    if len(hosts) > 1 or (not hosts and asked.minor) or not all(map(is_host, hosts)):
        wrong.add(400)
    wrong |= read_framing(asked, known)
    options = members(known.get("connection", []))
    asked.stays = "close" not in options and (asked.minor > 0 or "keep-alive" in options)
    expected = members(known.get("expect", []))
    if asked.minor and "expect" in known and not expected <= {"100-continue"}:
        wrong.add(417)
    asked.expects = bool(asked.minor and "expect" in known)
    for name, values in known.items():
        forwarded = name in CLAIMS or name.startswith("x-forwarded-")
        if name not in {"content-length", "transfer-encoding"} and not forwarded:
            key = name.upper().replace("-", "_")
            key = key if name == "content-type" else "HTTP_" + key
            asked.fields.setdefault(key, ("; " if name == "cookie" else ", ").join(values))
    return wrong


def read_framing(asked: Asked, known: dict[str, list[str]]) -> set[int]:
    """RFC 9112, 6.3. ``coding`` and ``CONTENT_LENGTH`` among the request's fields say how its body ends."""
    lengths, codings = known.get("content-length"), known.get("transfer-encoding")
    wrong = set()
    if lengths is not None:
        digits = lengths[0].lstrip("0") or "0"
        if len(lengths) > 1 or not re.fullmatch(r"[0-9]+", lengths[0]) or len(digits) > 19 or int(digits) >= 2**63:
            wrong.add(400)
        asked.fields["CONTENT_LENGTH"] = digits
    if codings is not None:
        names = [each.strip(" \t").lower() for each in ",".join(codings).split(",") if each.strip(" \t")]
        if lengths is not None or not asked.minor:
            wrong.add(400)
        if names != ["chunked"]:
            wrong.add(501 if names[-1:] == ["chunked"] and names.count("chunked") == 1 else 400)
            wrong |= {400} if not all(re.fullmatch(TOKEN, each) for each in names) else set()
        asked.fields["coding"] = "chunked"
    return wrong


def members(values: list[str]) -> set[str]:
    """A list's members, in lower case (RFC 9110, 5.6.1)."""
    return {each.strip(" \t").lower() for each in ",".join(values).split(",")} - {""}


def read_chunked(data: bytes, at: int, limits: Limits) -> tuple[bytes | None, int]:
    """Return the content, and the position after it; None if it is broken, cut off, or over a limit."""
    content = b""
    extensions = 0
    while True:
        line = SIZE_LINE.match(data, at)
        if line is None or len(line[0]) - 2 > LONGEST_SIZE_LINE:
            return None, at
        extensions += len(line[2])
        if extensions > limits.max_extension_bytes:
            return None, at
        at, size = line.end(), int(line[1], 16)
        if not size:
            break
        if data[at + size : at + size + 2] != b"\r\n":
            return None, at
        content, at = content + data[at : at + size], at + size + 2
    if 0 < limits.max_body_bytes < len(content):
        return None, at
    behind = read_trailer(data, at, limits)
    return (None, at) if behind is None else (content, behind)


def read_trailer(data: bytes, at: int, limits: Limits) -> int | None:
    """Return the position after the trailer; None if the trailer is broken, cut off, or over its limit."""
    start = at
    while not data.startswith(b"\r\n", at):
        line = TRAILER.match(data, at)
        if line is None or len(line[0]) - 2 > max(1, limits.max_trailer_bytes - (at - start)):
            return None
        if NO_TRAILER.fullmatch(line[1]):
            return None
        at = line.end()
    return at + 2
