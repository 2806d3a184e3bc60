"""One pipe with many speakers: each line is whole, and is whose it is."""

from __future__ import annotations

import json

from appliance.logs.project_output.output_lines import SETTLE_S, OutputLine, OutputLines
from appliance.protocol.output_frames import END, RECORD, RECORD_PART, TEXT, Piece, pack

MARK = b"\x1e" + bytes(range(15))


def piece(data, *, kind=TEXT, pid=7, thread=1, request="", at=5.0):
    """One piece as it is on the pipe."""
    return pack(MARK, Piece(kind, at, pid, thread, request, data))


def heard(*data):
    """All output lines of these bytes, to their end."""
    words = OutputLines(MARK)
    return [*(each for part in data for each in words.feed(part)), *words.rest()]


def test_halves_of_two_requests_do_not_mix():
    """Output of two requests, two threads and C code at one time is put together apart."""
    said = heard(
        piece(b"one ", request="a"),
        piece(b"two ", request="b"),
        b"raw ",
        piece(b"more\n", request="b"),
        piece(b"end\n", request="a"),
        b"line\n",
    )
    assert [(each.text, each.request_id, each.raw) for each in said] == [
        (b"two more", "b", False),
        (b"one end", "a", False),
        (b"raw line", None, True),
    ]


def test_a_line_knows_its_process_and_time():
    """The process that wrote it may be a child of the worker; the time is when it was written."""
    assert heard(piece(b"x\n", pid=9, at=7.5)) == [OutputLine(b"x", pid=9, at=7.5)]


def test_the_start_of_a_line_is_kept_and_marked_unfinished():
    """The start of a line comes out when its request ends, and at the end of the pipe, marked as unfinished."""
    ended = heard(piece(b"half", request="a"), piece(b"", kind=END, request="a"), b"raw half")
    assert [(each.text, each.text.more) for each in ended] == [(b"half", True), (b"raw half", True)]


def test_a_traceback_between_other_output_is_one_event():
    """A traceback that is printed while another request prints is still one event."""
    words = OutputLines(MARK)
    first = list(words.feed(piece(b"Traceback (most recent call last):\n", request="a", at=1.0)))
    other = list(words.feed(piece(b"hello\n", request="b")))
    assert (first, [each.text for each in other], words.timeout_s) == ([], [b"hello"], SETTLE_S)
    assert list(words.feed(piece(b"ValueError: x\n", request="a", at=2.0))) == []
    whole = OutputLine(b"Traceback (most recent call last):\nValueError: x", "error", at=1.0, pid=7, request_id="a")
    assert list(words.settle()) == [whole]
    assert words.timeout_s is None


def test_a_record_of_several_pieces_is_put_together():
    """A record that is too long for one piece is put together; what is not a record is text."""
    payload = json.dumps({"message": "long"}).encode()
    said = heard(
        piece(payload[:5], kind=RECORD_PART),
        piece(payload[5:], kind=RECORD),
        piece(b"[1]", kind=RECORD),
        piece(b"{", kind=RECORD),
    )
    assert [each.record for each in said] == [{"message": "long"}, None, None]
    assert [each.text for each in said[1:]] == [b"[1]", b"{"]


def test_a_source_with_whole_lines_is_forgotten():
    """A source that has printed only whole lines is forgotten: a long life with many requests costs nothing."""
    words = OutputLines(MARK)
    for number in range(100):
        list(words.feed(piece(b"line\n", request=str(number))))
    assert words._sources == {}


def test_raw_bytes_belong_to_the_only_request_that_ran():
    """Raw bytes are the one request's that ran; a line that two may have written is nobody's."""
    words = OutputLines(MARK)
    assert [each.request_id for each in words.feed(b"alone\nhalf", lambda: "a")] == ["a"]
    assert [each.request_id for each in words.feed(b" and half\n", lambda: "b")] == [None]
    assert [each.request_id for each in words.feed(b"again\n", lambda: "b")] == ["b"]


def test_integers_of_a_record_are_exact():
    """A record's huge integers are read as they are."""
    assert heard(piece(b'{"extra":{"n":1180591620717411303424}}', kind=RECORD))[0].record == {"extra": {"n": 2**70}}
