"""The parts by which responses are compared: decoded, masked, without the appliance's own, and with a note of gaps."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from typing import Any

import pytest

from appliance.desk.comparison.compare import compare
from appliance.desk.comparison.outcome import TEXT_MAX, Outcome, of_record, outcome
from appliance.desk.redaction import Redaction
from appliance.protocol.request_details import RequestDetails

TEXT = [("Content-Type", "text/plain")]
HIDDEN = Redaction(["pin"], ["a long secret"])
DETAILS: dict[str, Any] = {"response_fields": [["A", 1]], "content": "one", "content_note": None, "queries": [1, 2]}


def made(content: bytes = b"", fields: list[tuple[str, str]] = TEXT, *, is_whole: bool = True, **more: Any) -> Outcome:
    """The outcome of a response with these fields and this content."""
    return outcome(200, fields, content, HIDDEN, is_whole=is_whole, **more)


def found(details: dict[str, Any] | None = DETAILS, **more: Any) -> dict[str, Any]:
    """A record of the recorder's."""
    return {"status": 200, "duration_s": 0.5, "request_id": "id", "size": 7, "details": details, **more}


def raw(response: bytes, **info: Any) -> RequestDetails:
    """A recorded response as it was sent."""
    return RequestDetails(info, b"", b"", response)


def test_everything_that_is_known_is_kept():
    """Status, fields, content, size, hash, queries, time and id are those of the response."""
    both = [*TEXT, ("X-Two", "b"), ("X-Two", "c")]
    got = made("é".encode(), both, queries=3, took_s=0.25, request_id="id")
    digest = hashlib.sha256("é".encode()).hexdigest()
    assert got == Outcome(200, tuple(both), "é", "", True, 2, digest, 3, 0.25, "id")


def test_what_is_shown_is_made_of_json_values():
    """A page and an assistant get the outcome with names, and fields as lists."""
    assert made(b"a", queries=3, took_s=0.25, request_id="id").to_json() == {
        "status": 200, "fields": [["Content-Type", "text/plain"]], "content": "a", "content_note": "", "size": 1,
        "queries": 3, "duration_s": 0.25, "request_id": "id",
    }  # fmt: skip


def test_no_response_is_an_outcome_too():
    """By default nothing is known but the status, and what is not there is whole."""
    assert Outcome(0) == Outcome(0, (), None, "", True, 0, "", None, None, "")


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("content-TYPE", "Text/HTML ; charset=utf-8", "text/html"),
        ("Content-Type", " application/json", "application/json"),
        ("Content-Types", "text/html", ""),
    ],
)
def test_the_kind_of_content_has_no_parameters(name: str, value: str, kind: str):
    """The type is compared in lower case, whatever case the field's name has, and without its charset."""
    assert Outcome(200, [("X-First", "a"), (name, value)]).kind == kind


def test_secrets_are_masked_in_an_outcome():
    """A secret parameter, a secret value and a cookie's value are in no field and not in the content."""
    fields = [("Content-Type", "application/json"), ("Set-Cookie", "id=abc; Path=/"), ("X-Where", "a long secret")]
    got = made(b'{"pin": 12, "other": "a long secret", "n": 1}', fields)
    assert got.fields[0] == ("Content-Type", "application/json")
    assert "abc" not in str(got.fields)
    assert "a long secret" not in f"{got.fields}{got.content}"
    assert "12" not in str(got.content)
    assert '"n": 1' in str(got.content)


PLAIN = b"a plain text that is coded\n" * 20
CODED = {
    "gzip": gzip.compress(PLAIN),
    " GZIP ": gzip.compress(PLAIN),
    "x-gzip": gzip.compress(PLAIN),
    "deflate": zlib.compress(PLAIN),
}


@pytest.mark.parametrize(("coding", "content"), CODED.items(), ids=CODED)
def test_a_coded_content_is_compared_decoded(coding: str, content: bytes):
    """The text is the same in each coding; the fields show the coding that was sent."""
    fields = [*TEXT, ("Content-Encoding", coding)]
    got = made(content, fields)
    assert (got.content, got.size, got.is_whole) == (PLAIN.decode(), len(PLAIN), True)
    assert [name for name, _ in got.fields] == ["Content-Type", "Content-Encoding"]


@pytest.mark.parametrize("coding", ["br", "gzip", "identity"])
def test_what_can_not_be_decoded_stays_as_it_is(coding: str):
    """Content that is not in the coding that its field names, or in one that is not known, is compared as it is."""
    got = made(b"plain", [*TEXT, ("Content-Encoding", coding)])
    assert (got.content, got.size, got.is_whole) == ("plain", 5, True)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip"])
def test_bytes_of_an_unknown_coding_are_not_text(coding: str):
    """Compressed bytes that can't be decompressed are compared by size and hash, whatever type their field names."""
    coded = bytes(range(256))
    got = made(coded, [("Content-Type", "text/html"), ("Content-Encoding", coding)])
    assert (got.content, got.note, got.size) == (None, "256 bytes that can't be decoded", 256)
    assert got.digest == hashlib.sha256(coded).hexdigest()


def test_text_that_names_a_coding_may_be_cut():
    """A text whose coding is not known stays a text if it ends within a character."""
    assert made("é".encode()[:1], [*TEXT, ("Content-Encoding", "br")]).content == "\ufffd"


def test_content_that_grows_too_much_is_not_whole():
    """The first 4 MiB of coded content are decoded; the rest is not compared, and the outcome says so."""
    most = 4 * 1024 * 1024
    coded = [*TEXT, ("Content-Encoding", "gzip")]
    assert (made(gzip.compress(b"a" * most), coded).is_whole, made(b"", coded).size) == (True, 0)
    got = made(gzip.compress(b"a" * (most + 1)), coded)
    assert (got.is_whole, got.size) == (False, most)


def test_a_long_text_is_cut_with_a_note():
    """The first 256 KiB are compared as text; the note says how much more there is, the hash is that of all of it."""
    assert made(b"a" * TEXT_MAX).note == ""
    got = made(b"a" * (TEXT_MAX + 3))
    assert (len(got.content or ""), got.note, got.size) == (TEXT_MAX, "3 more bytes", TEXT_MAX + 3)
    assert got.digest == hashlib.sha256(b"a" * (TEXT_MAX + 3)).hexdigest()
    assert got.is_whole


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_part_of_a_response_stays_a_part(is_whole: bool):
    """Whether the content was all that was sent is what the caller says."""
    assert made(b"a", is_whole=is_whole).is_whole is is_whole


def test_the_script_of_the_appliance_is_left_out():
    """A page has no trace of live reload's script, and its size and hash are those of the project's page."""
    script = '<script src="/__appliance__/client.js" data-run="a"></script>'
    html = [("X-First", "a"), ("Content-Type", "text/html")]
    assert made(f"<p>{script}</p>".encode(), html) == made(b"<p></p>", html)
    assert (made(b"<p></p>", html).content, made(b"", html).request_id) == ("<p></p>", "")


def test_fields_beyond_latin_1_are_kept():
    """A field with any text does not prevent the comparison."""
    assert made(b"a", [*TEXT, ("X-Name", "日")]).fields[1] == ("X-Name", "?")


def test_a_record_without_details_has_its_status():
    """If only the access record is left, the status, the time and the id are compared."""
    assert of_record(found(None), None, HIDDEN) == Outcome(200, is_whole=False, took_s=0.5, request_id="id")
    assert of_record(found(None, status=None, request_id=None), None, HIDDEN) == Outcome(0, is_whole=False, took_s=0.5)


def test_a_record_of_the_database_is_compared():
    """Without the bytes of the response, what the database has of it is compared."""
    expected = Outcome(200, (("A", "1"),), "one", "", True, 7, queries=2, took_s=0.5, request_id="id")
    assert of_record(found(), None, HIDDEN) == expected
    assert of_record(found(queries=9), None, HIDDEN).queries == 9
    assert of_record(found({**DETAILS, "queries": None}), None, HIDDEN).queries == 0
    none = of_record(found({**DETAILS, "content": None}, status=None, size=None), None, HIDDEN)
    assert (none.content, none.status, none.size) == (None, 0, 0)


def test_a_record_that_was_cut_is_not_whole():
    """The note of the database says whether more was sent than it has."""
    got = of_record(found({**DETAILS, "content_note": "5 more bytes"}), None, HIDDEN)
    assert (got.note, got.is_whole) == ("5 more bytes", False)


def test_a_record_has_no_script_of_the_appliance():
    """The script of live reload, which names the generation, is left out of recorded content too."""
    script = '<script nonce="a+b=" src="/__appliance__/client.js" data-run="a"></script>'
    assert of_record(found({**DETAILS, "content": f"<p>{script}é"}), None, HIDDEN).content == "<p>é"


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nno colon\r\nX-A:  b : c \r\n"


def test_the_recorded_bytes_are_compared():
    """Each line of the bytes with a colon is a field, without the blanks around its value."""
    got = of_record(found(), raw(HEAD + b"\r\none\r\n\r\ntwo"), HIDDEN)
    assert got.fields == (("Content-Type", "text/plain"), ("X-A", "b : c"))
    assert (got.content, got.is_whole, got.status) == ("one\r\n\r\ntwo", True, 200)
    assert (got.queries, got.took_s, got.request_id) == (2, 0.5, "id")


def test_recorded_bytes_that_were_cut_are_not_whole():
    """If more was sent than was recorded, the outcome says so; without a status it has none."""
    got = of_record(found(status=None), raw(HEAD + b"\r\none", response_cut=4), HIDDEN)
    assert (got.is_whole, got.status) == (False, 0)


def test_a_large_image_differs_by_its_size_alone():
    """Of an image only the start is recorded: the same one makes no difference, and one of another size does."""
    image, png = bytes(range(256)) * 100, [("Content-Type", "image/png")]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n"
    details = {**DETAILS, "response_fields": png, "content": None}
    before = of_record(found(details, size=len(image)), raw(head + image[:9000], response_cut=16_600), HIDDEN)
    assert compare(before, made(image, png)) == []
    (differs,) = compare(before, made(image + b"a", png))
    assert (differs["before"], differs["after"][:11]) == ("25600 bytes, SHA-256 unknown", "25601 bytes")


@pytest.mark.parametrize(
    ("chunks", "content"),
    [
        (b"3\r\none\r\nA;name=value\r\n0123456789\r\n0\r\n\r\n", "one0123456789"),
        (b"3\r\none\r\n5\r\ntw", "onetw"),  # the record ends within a chunk
        (b"3\r\none\r\n5", "one"),  # or within a size
        (b"3\r\none\r\nx\r\ntwo\r\n", "one"),
        (b"3\r\none\r\ng\r\ntwo\r\n", "one"),  # hexadecimal digits end with f
        (b"10\r\n0123456789abcdef\r\n1\r\na\r\n0\r\n\r\n", "0123456789abcdefa"),
        (b"3\r\none\r\n-1\r\ntwo\r\n", "one"),
        (b"3\r\none\r\n0\r\n\r\n3\r\ntwo\r\n", "one"),  # what follows the last chunk is another response's
    ],
)
def test_chunks_are_joined_as_far_as_they_have_come(chunks: bytes, content: str):
    """A recorded response in chunks is compared by its content, up to where the record or its grammar ends."""
    response = HEAD + b"Transfer-ENCODING: gzip, Chunked\r\n\r\n" + chunks
    assert of_record(found(), raw(response), HIDDEN).content == content


def test_content_that_only_looks_chunked_is_left_alone():
    """Only the field Transfer-Encoding says that content is in chunks."""
    response = HEAD + b"X-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n3\r\none\r\n"
    assert of_record(found(), raw(response), HIDDEN).content == "3\r\none\r\n"
