"""Which responses get the script of live reload, where in them, and that every other byte stays."""

from __future__ import annotations

import gzip
import itertools
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.server.browser.document import MOST
from appliance.server.browser.document_response import DocumentResponse
from appliance.server.browser.insertion import Insertion, changed_fields, encoding_of

TAG = b'<script src="/__appliance__/client.js"></script>'
HTML = [("Content-Type", "text/html; charset=utf-8")]

# A document, and where the script goes.
DOCUMENTS = [
    (b"<!doctype html><html><head>|<title>x</title></head><body>y</body></html>"),
    (b"<!DOCTYPE html>\n<HTML lang='a>b'>\n<HEAD data-x=\"1>2\">|<meta charset=utf-8>"),
    (b"\xef\xbb\xbf<!-- <head> --><!doctype html>\n<!-- x --> <html><!----><head>|"),
    (b"<!doctype html>|<title>no head</title><p>x"),
    (b"<html>|<body>x"),
    (b"<html>\n|<header>no head</header>"),
    (b"<!doctype html>|text"),
    (b"<head>|<title>x</title>"),
    (b"<?xml version='1.0'?><!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"x\"><html xmlns='y'><head>|"),
    (b"<!doctype html><html><head/>|<p>"),
    (b"<!doctype html><!-->|<p>"),
    (b"<!doctype html>\n<html>\n|"),
    (b"<!doctype html><!-- never ends|"),
    (b"<html><hea|"),
    (b"<html class=a data-b = 'c>' d>\n<!-- a\n > -- --><head >|x"),
]
FRAGMENTS = [
    b"", b"   \n", b"<p>fragment</p>", b"text", b"<!-- a comment alone -->", b"<header>x</header>", b"<heading>",
    b"<htmlx><head>", b"<!-- never ends <!doctype html><html><head>", b"<", b"<h", b"<!", b"<body><html><head>",
    b"{}<html>", b"&lt;html><head>",
]  # fmt: skip


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data)


def raw_deflated(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=-15)
    return made.compress(data) + made.flush()


def two_members(data: bytes) -> bytes:
    return gzip.compress(data[:7]) + gzip.compress(data[7:])


def multi_gunzip(data: bytes) -> bytes:
    return gzip.decompress(data)


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "identity": ("identity", bytes, bytes),
    "gzip": ("gzip", gzipped, multi_gunzip),
    "gzip of two members": ("gzip", two_members, multi_gunzip),
    "deflate": ("deflate", zlib.compress, zlib.decompress),
    "deflate without zlib's wrapping": ("deflate", raw_deflated, lambda data: zlib.decompress(data, -15)),
}


def passed(pieces: list[bytes], encoding: str, *, navigated: bool = False) -> tuple[list[bytes], Insertion]:
    """Return the bytes that come out for each piece, and at the end."""
    insertion = Insertion(TAG, encoding, navigated=navigated)
    return [*(insertion.feed(piece) for piece in pieces), insertion.end()], insertion


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces."""
    at = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(at)]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_script_goes_to_the_beginning_of_the_head(document: bytes, coding: str):
    """A document gets the script behind ``<head>``, or where the parser would open one; in every coding."""
    encoding, encode, decode = CODINGS[coding]
    out, insertion = passed([encode(document.replace(b"|", b""))], encoding)
    assert decode(b"".join(out)) == document.replace(b"|", TAG)
    assert insertion.is_certain


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_a_fragment_is_untouched(fragment: bytes, coding: str):
    """Content that is not a document passes byte for byte, however it is compressed."""
    encoding, encode, _ = CODINGS[coding]
    sent = encode(fragment)
    out, insertion = passed([sent], encoding)
    assert b"".join(out) == sent
    assert not insertion.is_certain


NAVIGATED = [
    b"|<p>Hello, World!</p>", b"|Hello", b"\n  |text", b"<!-- c -->|<header>x</header>", b"\xef\xbb\xbf|<body><h1>x",
    b"|&lt;", b"<!doctype html><html><head>|<title>x", b"|<htmlx>",
]  # fmt: skip


@given(st.sampled_from(NAVIGATED), st.sampled_from(sorted(CODINGS)), st.lists(st.integers(0, 60), max_size=5))
def test_a_browser_navigates_to_a_page_without_a_doctype(page: bytes, coding: str, places: list[int]):
    """A page that a browser navigates to has the script at its beginning, however little HTML it has."""
    encoding, encode, decode = CODINGS[coding]
    out, insertion = passed(cut(encode(page.replace(b"|", b"")), places), encoding, navigated=True)
    assert decode(b"".join(out)) == page.replace(b"|", TAG)
    assert insertion.is_certain


@pytest.mark.parametrize("body", [b"", b" \n", b'{"a": 1}', b"[1]", b"\0\1\2", b"PK\3\4\0\0", b"<!-- alone -->"])
def test_what_no_browser_would_show_is_untouched(body: bytes):
    """JSON or binary content under the name of HTML, or nothing at all, is the same byte for byte."""
    out, insertion = passed([body], "identity", navigated=True)
    assert (b"".join(out), bool(insertion.is_certain)) == (body, False)


@given(st.sampled_from(DOCUMENTS), st.sampled_from(sorted(CODINGS)), st.lists(st.integers(0, 500), max_size=9))
def test_the_script_is_inserted_whatever_the_pieces_are(document: bytes, coding: str, places: list[int]):
    """The pieces in which a body comes change nothing."""
    encoding, encode, decode = CODINGS[coding]
    out, _ = passed(cut(encode(document.replace(b"|", b"")), places), encoding)
    assert decode(b"".join(out)) == document.replace(b"|", TAG)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_any_bytes_pass_with_one_script_at_most(data: bytes, places: list[int]):
    """Any bytes pass, with the script at most once."""
    out, insertion = passed(cut(data, places), "identity")
    assert b"".join(out).replace(TAG, b"", 1 if insertion.is_certain else 0) == data


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_stream_is_passed_piece_by_piece(coding: str):
    """Each piece of a streamed document can be read when it has been sent."""
    encoder = zlib.compressobj(wbits=31)
    decoder = zlib.decompressobj(31)
    insertion = Insertion(TAG, coding)
    read = b""
    for piece in (b"<!doctype html><html><head><title>x</title>", b"<body>one", b"two", b"three"):
        sent = piece if coding == "identity" else encoder.compress(piece) + encoder.flush(zlib.Z_SYNC_FLUSH)
        got = insertion.feed(sent)
        read += got if coding == "identity" else decoder.decompress(got)
        assert read.replace(TAG, b"").endswith(piece)
    assert TAG in read


@pytest.mark.parametrize("state", ["<!doctype html>", ""])
def test_the_beginning_is_bounded(state: str):
    """A comment that never ends is not held forever; a document gets its script before it."""
    body = state.encode() + b"<!--" + b"x" * 2 * MOST
    insertion = Insertion(TAG, "identity")
    got = insertion.feed(body)
    assert got == (body.replace(b"<!--", TAG + b"<!--") if state else body)


def test_a_highly_compressed_page_passes_part_by_part():
    """A page that is compressed a thousand times over passes, part by part."""
    page = b"<!doctype html><html><head>" + b" " * 20_000_000
    out, _ = passed([gzip.compress(page)], "gzip")
    assert gzip.decompress(b"".join(out)) == page.replace(b"<head>", b"<head>" + TAG)


@pytest.mark.parametrize("broken", [b"no gzip at all", gzip.compress(b"<p>", mtime=0)[:-9] + b"\xff" * 9])
def test_a_body_that_is_not_gzip_as_it_says_is_sent_unchanged(broken: bytes):
    """A body that is not encoded as it says is sent as the application made it."""
    out, _ = passed([broken], "gzip")
    assert b"".join(out) == broken


@pytest.mark.parametrize(
    ("status", "fields", "expected"),
    [
        (200, HTML, "identity"),
        (404, HTML, "identity"),
        (500, HTML, "identity"),
        (200, [*HTML, ("Content-Encoding", "gzip")], "gzip"),
        (200, [*HTML, ("content-encoding", "X-GZIP")], "gzip"),
        (200, [*HTML, ("Content-Encoding", "x-x-gzip")], None),
        (200, [*HTML, ("Content-Encoding", "br")], None),
        (200, [*HTML, ("Content-Encoding", "gzip, br")], None),
        (204, HTML, None),
        (206, HTML, None),
        (304, HTML, None),
        (200, [], None),
        (200, [("Content-Type", "application/json")], None),
        (200, [("Content-Type", "text/html-fragment")], None),
        (200, [("Content-Type", "TEXT/HTML")], "identity"),
        (200, [("Content-Type", "text/html; charset=UTF-16")], None),
        (200, [*HTML, ("Content-Disposition", "attachment; filename=x.html")], None),
        (200, [*HTML, ("Content-Disposition", "inline")], "identity"),
        (200, [*HTML, ("Cache-Control", "private, no-transform")], None),
        (200, [*HTML, ("Cache-Control", "x-no-transform-y")], "identity"),
        (200, [*HTML, ("Repr-Digest", "sha-256=:x:")], None),
    ],
)
def test_the_head_decides_whether_a_script_may_go_in(status: int, fields: list[tuple[str, str]], expected: str | None):
    """A script is inserted into HTML that is whole, that a page shows, in a known coding, and that may be changed."""
    assert encoding_of(status, fields) == expected


@pytest.mark.parametrize("end", [b"", b"<!-- never ends", b"<hea", b"<"])
def test_the_length_is_right_wherever_a_document_ends(end: bytes):
    """The Content-Length of a document with the script is that of its bytes, also if the document breaks off."""
    document = b"<!doctype html>" + end
    lengths: list[str] = []

    def start_response(_status: str, fields: list[tuple[str, str]]) -> None:
        lengths.append(dict(fields)["Content-Length"])

    response = DocumentResponse(lambda _nonce: TAG, start_response)
    response.start("200 OK", [*HTML, ("Content-Length", str(len(document)))])
    assert response.whole(document) == [document + TAG]
    assert lengths == [str(len(document + TAG))]


def test_the_head_is_right_for_the_new_content():
    """Length, entity tag and policy follow the content; the rest stays as it was, in its order."""
    fields = [("Content-Length", "100"), ("ETag", '"a"'), ("Set-Cookie", "x"), ("Accept-Ranges", "bytes"), *HTML]
    expected = [("Content-Length", "148"), ("ETag", 'W/"a"'), ("Set-Cookie", "x"), ("Accept-Ranges", "none"), *HTML]
    assert changed_fields(fields, len(TAG), "n") == expected
    assert changed_fields(fields, None, "n") == expected[1:]
    assert changed_fields([("ETag", 'W/"a"')], 1, "n") == [("ETag", 'W/"a"')]
