"""The stored part of the bytes on the wire."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.desk.redaction import Readable, Redaction
from appliance.protocol.request_details import RequestDetails

HEAD = b"POST /x?password=hunter22 HTTP/1.1\r\nHost: a\r\n"


def readable(fields: bytes = b"", body: bytes = b"", response: bytes = b"", **info: int) -> Readable:
    """Return the stored text of a request with these fields and this body."""
    redaction = Redaction(["sessionid", "pin"], ["a-long-secret-text"])
    return redaction.readable(RequestDetails(dict(info), HEAD + fields + b"\r\n", body, response))


@pytest.mark.parametrize(
    ("field", "stored"),
    [
        ("Authorization: Bearer abc", "Bearer ********"),
        ("Authorization: abc", "********"),
        ('Authorization: Digest username="me", realm="a b"', "Digest ********"),
        ("Cookie: a=1; sessionid=2", "a=********; sessionid=********"),
        ("Cookie: nameless; =empty; ", "********; =********;"),
        (f"Cookie: {'n' * 300}=long; path=1", f"{'n' * 300}=********; path=********"),
        ("Set-Cookie: domain=abc; Domain=a.b; Secure", "domain=********; Domain=a.b; Secure"),
        ("Set-Cookie: nameless; Path=/", "********; Path=/"),
        ("X-Api-Key: abc", "********"),
        ("X-CSRF-Token: abc", "********"),
        ("X-Note: say a-long-secret-text", "say ********"),
        ("Referer: http://user:word@host/", "http://user:********@host/"),
        ("Accept: text/html", "text/html"),
    ],
)
def test_secret_fields_are_masked(field: str, stored: str):
    """Credentials, cookies and what has a secret's name are masked; other values where a secret stands in them."""
    assert readable(f"{field}\r\n".encode()).fields[-1] == (field.partition(":")[0], stored)


def test_a_text_has_its_secret_values_masked():
    """A line of text, such as a query, loses the secret values, and nothing by the names in it."""
    assert Redaction(values=["a-long-secret-text"]).masked("token = a-long-secret-text") == "token = ********"


def test_a_set_cookie_keeps_its_attributes():
    """The value of a cookie is masked, its attributes are not; the request line is not stored at all."""
    answered = readable(response=b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=abc; Path=/; Max-Age=9; HttpOnly\r\n\r\nok")
    assert answered.response_fields == [("Set-Cookie", "sid=********; Path=/; Max-Age=9; HttpOnly")]
    assert "hunter22" not in str(answered)


@pytest.mark.parametrize(
    ("kind", "body", "stored"),
    [
        ("application/json", b'{"password": "x y", "n": 1}', '{"password": "********", "n": 1}'),
        (
            "application/json",
            b'{"pin": 1, "a": {"api_key": "\\"x"}}',
            '{"pin": "********", "a": {"api_key": "********"}}',
        ),
        ("application/json", b'{"token": "cut of', '{"token": "********"'),
        ("application/json", b'{"is_private": true, "image_url": "/a"}', '{"is_private": true, "image_url": "/a"}'),
        (
            "application/json",
            b'{"hook_url": "https://u:pw@a/?token=b"}',
            '{"hook_url": "https://u:********@a/?token=********"}',
        ),
        ("application/json", b'{"token": null, "password": ["kept"]}', '{"token": null, "password": ["kept"]}'),
        ("application/x-www-form-urlencoded", b"user=me&password=a%26b&x=", "user=me&password=********&x="),
        ("application/x-www-form-urlencoded", b"pwd=a&jwt=b&page=c", "pwd=********&jwt=********&page=c"),
        (
            "application/x-www-form-urlencoded",
            b"payload=%7B%22token%22%3A1%7D",
            "payload=%7B%22token%22%3A%22********%22%7D",
        ),
        ("application/x-www-form-urlencoded", b' {"password": "a&b"}', ' {"password": "********"}'),
        ("text/plain; charset=latin-1", b"caf\xe9 a-long-secret-text", "café ********"),
        ("text/plain; charset=nothing", b"plain", "plain"),
        ("text/plain; charset=nothing", b"caf\xe9", "caf\ufffd"),
        ("text/plain; charset=idna", b"caf\xe9", "caf\ufffd"),
        ("text/plain; charset=undefined", b"plain", "plain"),
        ("text/plain", b"caf\xe9", "caf\ufffd"),
        ("application/graphql", b'{"token": "abc"}', '{"token": "********"}'),
        ("text/plain;charset=UTF-8", b'{"token": "abc"}', '{"token": "********"}'),
        ("text/event-stream", b'data: {"token": "abc"}', 'data: {"token": "********"}'),
        ("text/html", b'"token": "abc"', '"token": "abc"'),
        ("image/png", b"\x89PNG", None),
        ("", b"x", None),
    ],
)
def test_secrets_in_a_body_are_masked(kind: str, body: bytes, stored: str | None):
    """A member or parameter of a secret's name is masked, also where the body was cut; what is not text is not kept."""
    found = readable(f"Content-Type: {kind}\r\n".encode(), body)
    assert found.body == stored
    assert (stored is None) == ("bytes of" in found.body_note)


def test_a_note_names_the_missing_part():
    """A note has the number of bytes that were cut, or the part that cannot be shown; a whole text has none."""
    text, image = b"Content-Type: text/plain\r\n", b"Content-Type: image/png; a=b; c=d\r\n"
    assert readable(text, b"ab")[1:3] == ("ab", "")
    assert readable(text, b"ab", body_cut=3)[1:3] == ("ab", "3 more bytes")
    assert readable(text)[1:3] == (None, "")
    assert readable(image, b"\x89PNG", body_cut=3)[1:3] == (None, "7 bytes of image/png")
    assert readable(b"", b"x")[1:3] == (None, "1 bytes of an unnamed type")
    assert readable(response=b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nok")[4:] == ("ok", "")


def test_a_response_cut_in_its_head_has_no_content():
    """The received part of a head is shown, and no part of it as content."""
    assert readable(response=b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: 1")[4:] == (None, "")


def test_a_body_is_read_without_its_chunks():
    """The application has read a chunked body whole: what looks like a size of a chunk is content."""
    assert readable(b"Transfer-Encoding: chunked\r\nContent-Type: text/plain\r\n", b"5\r\nwords").body == "5\r\nwords"


def test_a_form_with_files_shows_its_fields():
    """The fields of a multipart form are shown, and files by their names and sizes."""
    body = (
        b'--B\r\nContent-Disposition: form-data; name="title"\r\n\r\nHello\r\n'
        b'--B\r\nContent-Disposition: form-data; name="password"\r\n\r\nhunter22\r\n'
        b'--B\r\nContent-Disposition: form-data; name="data"\r\n\r\n{"api_key": "k"}\r\n'
        b'--B\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\n\x00\x01\r\n--B--\r\n'
    )
    found = readable(b"Content-Type: multipart/form-data; boundary=B\r\n", body)
    assert found.body == 'title: Hello\npassword: ********\ndata: {"api_key": "********"}\nf: (file a.bin, 2 bytes)'


def test_a_form_may_be_written_in_any_way():
    """Parts without a name are left out; a blank line is content; bytes of another charset are shown as they can be."""
    body = (
        b"--B\r\nContent-Type: text/plain\r\n\r\nno name\r\n"
        b'--B\r\nContent-Disposition: form-data; name="caf\xe9"\r\n\r\none\r\n\r\ntwo\xe9\r\n\r\n'
        b'--B\r\nContent-Disposition: form-data; filename="a.bin"\r\n\r\n\x00\r\n--B--\r\n'
    )
    found = readable(b"Content-Type: multipart/form-data; boundary=B\r\n", body)
    assert (found.body, found.body_note) == ("caf\ufffd: one\r\n\r\ntwo\ufffd\r\n\n: (file a.bin, 1 bytes)", "")


def test_content_that_expands_is_cut():
    """At most 256 KiB of compressed content are decoded."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n\r\n"
    assert readable(response=head + gzip.compress(b"a" * 300_000)).content == "a" * 256 * 1024


@pytest.mark.parametrize(
    ("chunks", "content", "note"),
    [
        (b"2;name=value\r\nab\r\n0\r\n\r\n", "ab", ""),
        (b"\r\n2\r\nab\r\n", None, "9 bytes that can't be decoded"),
        (b"ten\r\nab\r\n", None, "9 bytes that can't be decoded"),
        (b"4\r\nab", "ab", ""),
        (b"2\r\nab\r\n-6\r\n", "ab", ""),
    ],
)
def test_chunks_are_read_as_far_as_they_came(chunks: bytes, content: str | None, note: str):
    """A chunk may have an extension, and may be cut; bytes without a size are not a chunk."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert readable(response=head + chunks)[4:] == (content, note)


@pytest.mark.parametrize(
    ("coding", "encode"),
    [("gzip", gzip.compress), ("X-Gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes), ("br", None)],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_content_is_decoded(coding: str, encode, chunked: bool):
    """A chunked or compressed response is shown as the browser sees it, also cut; a note names an unknown coding."""
    text = json.dumps({"words": ["some"] * 50, "token": "abc"})
    data = encode(text.encode()) if encode else b"..."
    if chunked:
        data = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (data[:10], data[10:]) if part) + b"0\r\n\r\n"
    framing = b"Transfer-Encoding: chunked\r\n" if chunked else b""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: %b\r\n%b\r\n"
    found = readable(response=head % (coding.encode(), framing) + data)
    if encode is None:
        assert "decoded" in found.content_note
    else:
        assert found.content == text.replace('"abc"', '"********"')
        cut = readable(response=(head % (coding.encode(), framing) + data)[:-20], response_cut=20)
        assert cut.content is not None
        assert cut.content_note == "20 more bytes"


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=300))
def test_any_bytes_are_readable(fields, body, response):
    """Any bytes of a client or an application are stored in a readable form."""
    assert isinstance(readable(fields, body, response), Readable)
