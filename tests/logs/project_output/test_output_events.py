"""Output: bytes to lines, lines to fields; bounded, marked, and nothing lost."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.logs.project_output import output_events
from appliance.logs.project_output.output_events import Lines, Part


def all_lines(chunks, bound=output_events.MAX_LINE):
    """Every line of a stream that arrives in these chunks."""
    lines = Lines(bound)
    return [*(line for chunk in chunks for line in lines.feed(chunk)), *lines.rest()]


def marks(line):
    """Number and more of a part; None for a whole line."""
    return (line.number, line.more) if isinstance(line, Part) else None


@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"\n", b"ab\n\nc", b"x" * 50])), st.integers(4, 60))
def test_no_byte_of_the_output_is_lost(chunks, bound):
    """However the bytes arrive, lines and parts together hold all of them, in order, none longer than the bound."""
    stream = b"".join(chunks).replace(b"\r", b"")
    lines = all_lines([chunk.replace(b"\r", b"") for chunk in chunks], bound)
    joined = b"".join(line + (b"" if isinstance(line, Part) and line.more else b"\n") for line in lines)
    assert joined == stream
    assert all(len(line) <= bound for line in lines)


@given(st.lists(st.binary(max_size=20)))
def test_chunks_do_not_matter(chunks):
    """The lines of a stream are the same whatever pieces it arrives in."""
    whole = all_lines([b"".join(chunks)], 16)
    pieces = all_lines(chunks, 16)
    assert [(bytes(line), marks(line)) for line in pieces] == [(bytes(line), marks(line)) for line in whole]


def test_lf_and_cr_lf_end_a_line():
    """LF and CR LF end a line; a CR inside of one is part of it."""
    assert all_lines([b"a\r", b"\nb\n\nc\rd\n"]) == [b"a", b"b", b"", b"c\rd"]


def test_a_half_line_at_the_end_is_kept_and_marked():
    """A line that never ended comes out at the end, marked as going on; after whole lines there is nothing."""
    assert [marks(line) for line in all_lines([b"whole\nhalf"])] == [None, (1, True)]
    assert all_lines([b"whole\n"]) == [b"whole"]
    assert all_lines([]) == []


def test_a_long_line_goes_out_in_parts():
    """A line over the bound is cut, each part says which it is, and the last one that it is the last."""
    lines = all_lines([b"x" * 10 + b"\nso\n"], 4)
    assert lines == [b"xxxx", b"xxxx", b"xx", b"so"]
    assert [marks(line) for line in lines] == [(1, True), (2, True), (3, False), None]


def test_a_line_of_the_bound_is_whole():
    """A line of exactly the limit is whole."""
    assert marks(all_lines([b"xxxx\n"], 4)[0]) is None


def test_the_memory_of_a_line_is_bounded():
    """A stream without newlines is let out as it comes, and never held beyond the bound."""
    lines = Lines()
    count = sum(len(line) for _ in range(64) for line in lines.feed(b"x" * 65_536))
    assert count >= 63 * 65_536


@given(st.text(min_size=1, max_size=80))
def test_a_character_is_never_cut(text):
    """A long line is cut between two characters."""
    raw = text.replace("\n", " ").replace("\r", " ").encode()
    assert "".join(line.decode() for line in all_lines([raw + b"\n"], 5)) == raw.decode()


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (b"hello", {"text": "hello"}),
        (b"", {"text": ""}),
        (b"\xff\xc3\xa9", {"text": "\udcff\u00e9"}),
        (
            b'{"event": "request.finished", "level": "error"}',
            {"project": {"event": "request.finished", "level": "error"}},
        ),
        (b'  {"a": 1} ', {"project": {"a": 1}}),
        (b'{"n": 123456789012345678901234567890}', {"project": {"n": 123456789012345678901234567890}}),
        (b'{"x": NaN, "y": -Infinity}', {"project": {"x": "NaN", "y": "-Infinity"}}),
        (b'{"s": "\\ud800"}', {"project": {"s": "\ud800"}}),
        (b"[1, 2]", {"text": "[1, 2]"}),
        (b"{not json}", {"text": "{not json}"}),
        (b'{"a": "\xff"}', {"text": '{"a": "\udcff"}'}),
        (b"{}", {"project": {}}),
    ],
)
def test_a_json_line_stands_under_project_and_all_else_is_text(line, fields):
    """A JSON object stands under project, exactly as it was; everything else is text."""
    assert output_events.fields(line) == fields


@pytest.mark.parametrize("line", [b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b'{"a": ' + b"9" * 5000 + b"}"])
def test_json_that_python_refuses_is_text(line):
    """JSON that is nested too deep, or holds more digits than Python reads, is text."""
    assert output_events.fields(line) == {"text": line.decode()}


def test_a_part_is_text_with_its_marks():
    """A part is never read as JSON, and its fields say where it belongs."""
    assert output_events.fields(Part.of(b"{}", number=2, more=True)) == {"text": "{}", "part": 2, "more": True}


def test_json_is_as_python_reads_it():
    """The value under project is the one that the json module reads from the line."""
    line = json.dumps({"deep": [{"a": [1, 2.5, None, True, "é\n"]}]}).encode()
    assert output_events.fields(line) == {"project": json.loads(line)}
