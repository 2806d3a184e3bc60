"""Heads, good and nearly good, against a slow reading of the grammar (tests/fuzz/reference.py)."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.server.http.fields import FieldReader
from appliance.server.http.head import HeadParser
from appliance.server.http.limits import Limits
from appliance.server.http.refusal import RequestRefused
from tests.fuzz import reference

LIMITS = Limits(max_fields=8)

METHODS = st.sampled_from(
    ["GET", "GET", "POST", "HEAD", "OPTIONS", "CONNECT", "PUT", "get", "M-SEARCH", "X" * 64, "X" * 65]
)
TARGETS = st.sampled_from(
    [
        "/",
        "/a?b=c",
        "/%41%zz%",
        "/?",
        "//a",
        "/a//b;c=d",
        "/a#b",
        "*",
        "a:80",
        "a",
        "http://a",
        "http://a?b",
        "HTTP://a:8/b",
        "https://a/",
        "http://",
        "http://u@a/",
        "http://[::1]:8/",
        "ftp://a/",
        "/\xe9",
        "/\xc3\xa9?\xc3\xa9",
        "/%41\xc3\xa9",
        "/\xc2\x85",
        "http://a/\xc3\xa9",
        "/a\\b|^",
        "?",
        "a:",
        "[::1]:1",
        "",
    ]
)
VERSIONS = st.sampled_from(["HTTP/1.1"] * 6 + ["HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/1.10", "http/1.1", "HTTP/0.9"])
NAMES = st.sampled_from(
    [
        "Host",
        "host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Expect",
        "Cookie",
        "Upgrade",
        "A",
        "a",
        "A_B",
        "Content_Length",
        "X-Forwarded-For",
        "Forwarded",
        "X-Real-IP",
        "True-Client-IP",
        "Content-Type",
        "!#$%&'*+-.^`|~",
        "A ",
        " A",
        "",
        "A(",
        "\xe9",
    ]
)
VALUES = st.sampled_from(
    [
        "a",
        "b",
        "a:80",
        "",
        "a b",
        "a, b",
        "[::1]",
        "[::g]",
        "3",
        "03",
        "+3",
        "3, 3",
        "9" * 19,
        "9" * 20,
        "0",
        "\xb2",
        "chunked",
        "Chunked",
        "gzip, chunked",
        "chunked, chunked",
        ", chunked",
        "identity",
        "close",
        "keep-alive, Close",
        "Keep-Alive",
        "upgrade",
        "websocket",
        "100-continue",
        "100-Continue, x",
        "\xe9",
        "a\tb",
        '"',
        "%41",
        "%4",
        "a,b",
        "a=b:080",
        "[v1.a:b]",
        "[v.a]",
        "a:" + "0" * 9 + "1",
    ]
)
SPACES = st.sampled_from(["", " ", " ", " ", "\t", "  "])
DAMAGE = st.sampled_from(["\r", "\n", "\0", " ", "\t", ":", ";", ",", "\x7f", "\x1f", "\x80", "\x0b", "\r\n ", "\r\n"])


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """Bytes that are a head without its blank line, or nearly one."""
    lines = [f"{draw(METHODS)} {draw(TARGETS)} {draw(VERSIONS)}"]
    fields = draw(st.lists(st.tuples(NAMES, SPACES, VALUES, SPACES), max_size=9))
    if draw(st.integers(0, 7)):
        fields.insert(draw(st.integers(0, len(fields))), ("Host", " ", "a", ""))
    lines += [f"{name}:{before}{value}{behind}" for name, before, value, behind in fields]
    text = "\r\n".join(lines)
    if not draw(st.integers(0, 2)):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(DAMAGE) + text[at + draw(st.integers(0, 2)) :]
    return text.encode("latin-1").replace(b"\r\n\r\n", b"\r\n")


@given(st.lists(heads(), min_size=1, max_size=3))
@example([b"GET /\xc3\xa9?\xc3\xa9 HTTP/1.1\r\nHost: a"])
@example([b"GET / HTTP/1.1\r\nHost: a", b"GET / HTTP/1.0\r\nHost: a", b"GET / HTTP/1.1\r\nHost: a"])
def test_heads_are_read_as_the_grammar_has_them(raws: list[bytes]):
    """The parser gives what a slow reading of RFC 9112 gives, or refuses with a status that it finds, one by one."""
    parser = HeadParser(FieldReader(LIMITS))
    for raw in [raw for raw in raws for _ in range(2)]:  # the second reading is by what is remembered
        expected = reference.read_head(raw.decode("latin-1"), LIMITS)
        if isinstance(expected, reference.Refused):
            with pytest.raises(RequestRefused) as caught:
                parser.parse(raw)
            assert caught.value.status in expected.statuses
            continue
        head = parser.parse(raw)
        assert (head.method, head.target, head.minor) == (expected.method, expected.target, expected.minor)
        assert (head.path == "*") == expected.own
        if not expected.own:
            assert unquote_to_bytes(head.path.encode("latin-1")).decode("latin-1") == expected.path
            assert head.query == expected.query
        assert head.fields.chunked == (expected.fields.pop("coding", "") == "chunked")
        assert head.fields.length == int(expected.fields.get("CONTENT_LENGTH", "0"))
        assert head.fields.keep_alive == expected.stays
        assert head.fields.expects == (expected.expects and (head.fields.chunked or head.fields.length > 0))
        assert head.values == expected.fields
