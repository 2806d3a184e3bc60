"""Bytes to a request head: what the corpus of raw requests can't show."""

from __future__ import annotations

import pytest

from appliance.server.http.fields import FieldReader
from appliance.server.http.head import HeadParser, field_lines, request_line, simple_head, with_target
from appliance.server.http.limits import Limits
from appliance.server.http.refusal import LONG_METHOD, TLS_REASON, RequestRefused


def test_an_https_target_needs_a_tls_connection():
    """A target of https is meant for a connection that is TLS, and for no other (RFC 9110, 7.4)."""
    raw = b"GET HTTPS://b/where HTTP/1.1\r\nHost: a"
    head = HeadParser(FieldReader(Limits()), secure=True).parse(raw)
    assert (head.path, head.values["HTTP_HOST"]) == ("/where", "b")
    with pytest.raises(RequestRefused) as caught:
        HeadParser(FieldReader(Limits()), secure=False).parse(raw)
    assert caught.value.status == 421


def test_any_number_of_zeros_leads_a_length():
    """A length is as long as its digits without the zeros before them, more than int() reads (RFC 9110, 8.6)."""
    raw = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"0" * 10_000
    parser = HeadParser(FieldReader(Limits()))
    assert parser.parse(raw + b"3").fields.length == 3
    head = parser.parse(raw)
    assert (head.fields.length, head.values["CONTENT_LENGTH"]) == (0, "0")


SHAPE = "the request line is not a method, a target and a version, one space between (RFC 9112, 3)"
VERSION = "the request line ends with no HTTP version (RFC 9112, 2.3)"
CONNECT = "CONNECT takes host:port (RFC 9112, 3.2.3)"
NO_FORM = "the request target is neither a path nor a URL (RFC 9112, 3.2)"
NO_AUTHORITY = "the request target's authority is malformed (RFC 9110, 4.2)"
CONTROL = "the request line holds a control character (RFC 9112, 3.2)"
REFUSALS: list[tuple[bytes, int, str]] = [
    (b"GET /", 400, SHAPE),
    (b"GET  / HTTP/1.1", 400, SHAPE),
    (b"GET / HTTP/1.1 ", 400, SHAPE),
    (b"\x16\x03\x01\x02\x00", 400, TLS_REASON),
    (b"GET /a\xff HTTP/1.1", 400, "the request line is neither ASCII nor UTF-8 (RFC 9112, 3.2; RFC 3986, 2)"),
    (b"GET /a\x0b HTTP/1.1", 400, "a control character in the head (RFC 9112, 2.2; RFC 9110, 5.5)"),
    (b"GET /a\t HTTP/1.1", 400, CONTROL),
    ("GET /a\x85 HTTP/1.1".encode(), 400, CONTROL),
    (b"G(T / HTTP/1.1", 400, "the method is not a token (RFC 9110, 9.1)"),
    (b"G" * 65 + b" / HTTP/1.1", 501, LONG_METHOD),
    (b"GET /#a HTTP/1.1", 400, "the request target holds a fragment (RFC 9112, 3.2)"),
    (b"GET / HTTP/1.10", 400, VERSION),
    (b"GET / http/1.1", 400, VERSION),
    (b"GET / HTTP/2.0", 505, "HTTP/2.0 is not spoken here, HTTP/1.1 is"),
    (b"GET / HTTP/0.9", 505, "HTTP/0.9 is not spoken here, HTTP/1.1 is"),
    (b"PRI * HTTP/2.0", 505, "this is HTTP/2 with prior knowledge; this server speaks HTTP/1.1"),
    *((b"CONNECT %b HTTP/1.1" % target, 501, "this server is not a proxy") for target in (b"a:80", b"[::1]:80")),
    *(
        (b"CONNECT %b HTTP/1.1" % target, 400, CONNECT)
        for target in (b"a", b"80", b":80", b"a:", b"a:b", b"u@a:80", b"/")
    ),
    (b"GET * HTTP/1.1", 400, "only OPTIONS takes * (RFC 9112, 3.2.4)"),
    *((b"GET %b HTTP/1.1" % target, 400, NO_FORM) for target in (b"a", b"ftp://a/", b"?", b"*a")),
    *((b"GET http://%b HTTP/1.1" % authority, 400, NO_AUTHORITY) for authority in (b"", b"u@a/", b"[::g]/")),
    (
        b"GET https://a/ HTTP/1.1",
        421,
        "the request target is an https URL, and this connection is not secure (RFC 9110, 7.4)",
    ),
]


@pytest.mark.parametrize(("line", "status", "reason"), REFUSALS)
def test_each_refused_head_says_what_was_found(line: bytes, status: int, reason: str):
    """A bad request line is refused with its status, and a reason that names what is bad, and the RFC's section."""
    with pytest.raises(RequestRefused) as caught:
        HeadParser(FieldReader(Limits())).parse(line + b"\r\nHost: a")
    assert (caught.value.status, caught.value.reason) == (status, reason)


@pytest.mark.parametrize(
    ("line", "fields", "persistent", "plain"),
    [
        (b"GET / HTTP/1.1", b"", True, True),
        (b"GET / HTTP/1.2", b"", True, True),
        (b"GET / HTTP/1.1", b"", False, False),
        (b"GET / HTTP/1.1", b"\r\nConnection: close", True, False),
        (b"HEAD / HTTP/1.1", b"", True, False),
        (b"GET / HTTP/1.0", b"\r\nConnection: keep-alive", True, False),
    ],
)
def test_a_usual_request_is_plain(line: bytes, fields: bytes, persistent: bool, plain: bool):
    """An HTTP/1.1 request for content without a body is plain; a server without keep-alive has no plain heads."""
    parser = HeadParser(FieldReader(Limits()), persistent=persistent)
    assert parser.parse(line + b"\r\nHost: a" + fields).plain is plain
    assert HeadParser(FieldReader(Limits())).parse(b"GET / HTTP/1.1\r\nHost: a").plain  # it keeps them, if nobody says


@pytest.mark.parametrize(
    ("line", "path", "query", "host"),
    [
        (b"GET /a?b?c HTTP/1.1", "/a", "b?c", "a"),
        (b"GET http://b/c?d?e HTTP/1.1", "/c", "d?e", "b"),
        (b"GET http://b HTTP/1.1", "/", "", "b"),
        (b"GET http://b?c HTTP/1.1", "/", "c", "b"),
        (b"OPTIONS * HTTP/1.1", "*", "", "a"),
        (b"OPTIONS http://b HTTP/1.1", "*", "", "b"),
        (b"OPTIONS http://b?c HTTP/1.1", "/", "c", "b"),
        (b"OPTIONS http://b/ HTTP/1.1", "/", "", "b"),
        (b"M" * 64 + b" / HTTP/1.1", "/", "", "a"),
    ],
)
def test_each_form_of_a_target_has_its_path(line: bytes, path: str, query: str, host: str):
    """A target is read in its form; the host of a URL replaces Host, for this request alone (RFC 9112, 3.2)."""
    parser = HeadParser(FieldReader(Limits()))
    for _ in range(2):  # the second reading is by what is remembered
        head = parser.parse(line + b"\r\nHost: a\r\nX: y")
        assert (head.path, head.query, head.values) == (path, query, {"HTTP_HOST": host, "HTTP_X": "y"})
    assert parser.parse(b"GET / HTTP/1.1\r\nHost: a\r\nX: y").values["HTTP_HOST"] == "a"


def test_http_09_is_a_path_and_nothing_else():
    """A lenient parser reads HTTP/0.9's line; a line of more parts, or of another method, is still refused."""
    reader = FieldReader(Limits())
    for head in (HeadParser(reader, lenient=True).parse(b"GET /a?b?c"), simple_head("/a?b?c", reader)):
        assert (head.method, head.target, head.path, head.query) == ("GET", "/a?b?c", "/a", "b?c")
        assert (head.minor, head.plain, head.values, head.fields.keep_alive) == (-1, False, {}, False)
    for line in (b"POST /", b"GET a", b"GET /a b c"):
        with pytest.raises(RequestRefused) as caught:
            HeadParser(reader, lenient=True).parse(line)
        assert caught.value.reason == SHAPE


def test_the_parts_of_a_head_are_found_whatever_it_is():
    """Logs show the first line and the fields of any bytes, and a target is replaced in nothing but itself."""
    raw = b"GET /\xe9 HTTP/1.1\r\nA: b\r\nC: \xe9"
    assert (request_line(raw), field_lines(raw)) == ("GET /\xe9 HTTP/1.1", "A: b\r\nC: \xe9")
    assert (request_line(b"GET"), field_lines(b"GET")) == ("GET", "")
    assert with_target(raw, "/b\xe9") == b"GET /b\xe9 HTTP/1.1\r\nA: b\r\nC: \xe9"
    assert with_target(b"GET /a", "/b") == b"GET /b"
    assert with_target(b"GET /a\r\nA: b c", "/b") == b"GET /b\r\nA: b c"
