"""The parts that always differ: learned from two responses, and left out of the next comparison."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.desk.comparison.line_difference import Line, difference
from appliance.desk.comparison.volatile_parts import ANY, Volatile, of_lines, of_paths


def test_paths_hold_for_each_item():
    """A time in one item of a list is left out in all of them."""
    volatile = Volatile(paths=of_paths(["$.items[3].at"]))
    assert volatile.has_path("$.items[17].at")
    assert not volatile.has_path("$.items[17].name")


@given(
    st.text("ab", min_size=3, max_size=5), st.text("cd", min_size=1, max_size=5), st.text("cd", min_size=1, max_size=5)
)
def test_learned_lines_become_equal(begin: str, one: str, other: str):
    """Two lines that differ in the middle are one line afterwards; a line of another beginning stays as it is."""
    before, after = [f"{begin}{one}]"], [f"{begin}{other}]"]
    volatile = Volatile(patterns=of_lines(difference(before, after)))
    assert volatile.line(before[0]) == volatile.line(after[0])
    assert volatile.line("xyz") == "xyz"


def test_a_line_that_shares_nothing_is_not_a_pattern():
    """A pattern that would match every line is not learned."""
    assert of_lines(difference(["abc"], ["xyz"])) == ()
    assert of_lines(difference(["id=1", "same"], ["id=2", "same", "more"])) == (("id=", ""),)
    assert Volatile(patterns=(("id=", ""),)).names() == [f"id={ANY}"]


def test_each_index_of_a_path_is_any():
    """Lists in lists are left out in all of their items; a name with digits is not an index."""
    assert of_paths(["$[1].a[22].b", "$[2].a[0].b", '$["1"]']) == {"$[*].a[*].b", '$["1"]'}
    assert Volatile(paths=frozenset({"$[*].a[*].b"})).has_path("$[7].a[8].b")


@pytest.mark.parametrize(
    ("removed", "added", "found"),
    [
        (["id=1;"], ["id=2;"], (("id=", ";"),)),
        (["abc"], ["abc1"], (("abc", ""),)),
        (["1abc"], ["2abc"], (("", "abc"),)),
        (["aaaa"], ["aaa"], (("aaa", ""),)),
        (["ab1"], ["ab2"], ()),
        (["  a1"], ["  a2"], ()),
        (["abc1", "def1"], ["abc2", "def2"], (("abc", ""), ("def", ""))),
        (["abc1", "abc2"], ["abc3", "abc4"], (("abc", ""),)),
        (["abc1", "def1"], ["abc2"], ()),
    ],
)
def test_lines_are_learned_in_pairs(removed: list[str], added: list[str], found: tuple[tuple[str, str], ...]):
    """Each removed line and the added one in its place: what both share, if that is three characters or more."""
    lines = [*(Line("-", each) for each in removed), *(Line("+", each) for each in added)]
    assert of_lines(lines) == found
    assert of_lines([Line(" ", "same"), *lines, Line(" ", "same")]) == found
    assert of_lines([Line("-", "gone"), Line(" ", "same"), *lines]) == found


def test_fifty_lines_are_learned():
    """A page whose lines all differ does not make the next comparison slow."""
    lines = [line for number in range(60) for line in (
        Line("-", f"{number:02}:a"), Line("+", f"{number:02}:b"), Line(" ", ""))]  # fmt: skip
    assert of_lines(lines) == tuple((f"{number:02}:", "") for number in range(50))


@pytest.mark.parametrize(
    ("text", "line"),
    [("id=1;", f"id={ANY};"), ("id=;", f"id={ANY};"), ("id;", "id;"), ("id=1", "id=1"), ("xid=1;", "xid=1;")],
)
def test_a_line_of_the_pattern_is_shortened(text: str, line: str):
    """A line begins and ends as the pattern does, and is at least as long; of several patterns the first counts."""
    volatile = Volatile(patterns=(("none", ""), ("id=", ";"), ("id", "")))
    first = Volatile(patterns=volatile.patterns[:2])
    assert first.line(text) == line
    assert volatile.line("id=1;") == f"id={ANY};"
    assert Volatile(patterns=(("abc", "cde"),)).line("abcde") == "abcde"
