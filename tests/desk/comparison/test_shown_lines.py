"""Which lines of a difference are shown, and how: each example is what a person reads."""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cache

import pytest

from appliance.desk.comparison.line_difference import Line, difference, lines_of, shortened, with_context


def read(lines: list[Line]) -> str:
    """Lines as a person reads them: " a|-b|+c"."""
    return "|".join(f"{line.kind}{line.text}" for line in lines)


@cache
def common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many lines the longest order has that both share, by trying everything."""
    if not one or not other:
        return 0
    if one[0] == other[0]:
        return 1 + common(one[1:], other[1:])
    return max(common(one[1:], other), common(one, other[1:]))


def same(before: Iterable[str], after: Iterable[str]) -> int:
    """How many lines are shown as the same."""
    return sum(line.kind == " " for line in difference([*before], [*after]))


def test_a_small_difference_is_the_smallest():
    """Between lines that occur again and again, as few lines as possible are shown as changed."""
    chosen = random.Random(1)
    for _ in range(300):
        before, after = (tuple(chosen.choices("abc", k=8)) for _ in "ab")
        before, after = ("x", "y", *before, "x", "y"), ("y", "x", *after, "y", "x")
        if not any(before.count(line) == 1 == after.count(line) for line in "abc"):
            assert same(before, after) == common(before, after)


def test_lines_that_occur_once_keep_their_longest_order():
    """Lines that were moved are shown as changed; as many as possible are not."""
    chosen = random.Random(1)
    before = tuple("abcdefghi")
    for _ in range(300):
        after = tuple(chosen.sample(before, len(before)))
        assert same(before, after) == common(before, after)


@pytest.mark.parametrize("end", [False, True])
def test_a_long_part_that_both_have_is_the_same(end: bool):
    """The common beginning and end are left out, however long they are and how often their lines occur."""
    part = ["x", "y"] * 60
    before, after = (["a", *part], ["b", *part]) if end else ([*part, "a"], [*part, "b"])
    assert same(before, after) == len(part)


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a b c", "a x c", " a|-b|+x| c"),
        ("a b c d", "a c", " a|-b| c|-d"),
        ("a c", "a b c d", " a|+b| c|+d"),
        ("a b", "b a", "-a| b|+a"),
        ("", "a", "+a"),
        ("a", "", "-a"),
        ("a a b b", "b b a a", "-a|-a| b| b|+a|+a"),
        ("a x x b", "a x b", " a| x|-x| b"),
        ("a x b", "a x x b", " a| x|+x| b"),
        ("1 2 3 4 5", "5 1 2 3 4", "+5| 1| 2| 3| 4|-5"),
        ("1 2 3 4 5 6", "4 5 6 1 2 3", "-1|-2|-3| 4| 5| 6|+1|+2|+3"),
        ("9 1 8 2 7 3", "1 2 3 7 8 9", "-9| 1|-8| 2|-7| 3|+7|+8|+9"),
        ("x 1 y y 2 z", "z 1 y 2 x", "-x|+z| 1| y|-y| 2|-z|+x"),
    ],
)
def test_an_example_is_read_as_a_person_would(before: str, after: str, shown: str):
    """Lines that both have once are kept in the longest order that both share; removed lines come before added ones."""
    assert read(difference(before.split(), after.split())) == shown


def test_a_large_gap_is_replaced_as_a_whole():
    """50 by 50 lines without an anchor are compared; one line more is not worth it, and all is shown as replaced."""
    assert sum(line.kind == " " for line in difference(["a", "b"] * 25, ["b", "a"] * 25)) == 49
    assert read(difference(["a", "b"] * 26, ["b", "a"] * 26)) == "|".join(["-a|-b"] * 26 + ["+b|+a"] * 26)


def test_many_small_gaps_are_compared_up_to_a_budget():
    """Forty gaps of 50 by 50 lines are compared; those that follow are replaced as a whole."""
    before = [line for number in range(42) for line in (*["a", "b"] * 25, f"{number}")]
    after = [line for number in range(42) for line in (*["b", "a"] * 25, f"{number}")]
    shown = read(difference([*before, "a", "b"], [*after, "b", "a"]))
    assert shown.count("| a") + shown.count("| b") == 40 * 49
    assert shown.endswith("-a|-b|+b|+a")


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("text/html", ["<p>", "a</p>", "<p>", "<b>"]),
        ("application/xhtml+xml", ["<p>", "a</p>", "<p>", "<b>"]),
        ("image/svg+xml", ["<p>", "a</p>", "<p>", "<b>"]),
        ("text/plain", ["<p>", "a</p><p><b>"]),
        ("", ["<p>", "a</p><p><b>"]),
    ],
)
def test_markup_is_divided_between_its_tags(kind: str, lines: list[str]):
    """A page is often one line: HTML and XML are compared tag by tag, other text line by line."""
    assert lines_of("<p>\na</p><p><b>", kind) == lines
    assert lines_of("a><b") == ["a><b"]


def numbered(count: int, *changed: int) -> list[Line]:
    """Return numbered lines, of which some were added."""
    return [Line("+" if number in changed else " ", str(number)) for number in range(count)]


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ((), ""),
        ((0,), "+0| 1| 2| ..."),
        ((1,), " 0|+1| 2| 3| ..."),
        ((4,), " ...| 2| 3|+4| 5| 6| ..."),
        ((9,), " ...| 7| 8|+9"),
        ((7,), " ...| 5| 6|+7| 8| 9"),
        ((6,), " ...| 4| 5|+6| 7| 8| ..."),
        ((0, 5), "+0| 1| 2| 3| 4|+5| 6| 7| ..."),
        ((0, 6), "+0| 1| 2| ...| 4| 5|+6| 7| 8| ..."),
    ],
)
def test_two_lines_around_a_change_are_shown(changed: tuple[int, ...], shown: str):
    """Two lines before and two after each change are shown, and dots in place of the others."""
    assert read(with_context(numbered(10, *changed))) == shown


def test_more_than_200_lines_are_not_shown():
    """After 200 lines there are dots; what is shown begins with the first change."""
    assert len(with_context(numbered(200, *range(200)))) == 200
    shown = with_context(numbered(300, *range(300)))
    assert read(shown) == "|".join([*(f"+{number}" for number in range(201)), " ..."])


def test_a_line_of_160_characters_is_shown_whole():
    """Longer ones are cut at 160, with dots for the rest; a line that is the same is cut at its end."""
    whole, long = "x" * 160, "y" * 161
    cut = "y" * 160 + "..."
    assert shortened([Line("-", whole), Line(" ", long), Line("+", long)]) == [
        Line("-", whole), Line(" ", cut), Line("+", cut),
    ]  # fmt: skip


@pytest.mark.parametrize("shared", [*range(200, 232), 300])
def test_a_pair_of_long_lines_begins_before_its_difference(shared: int):
    """Two long lines are shown from 40 characters before the difference on, and up to 160 characters."""
    before, after = "x" * shared + "a" + "y" * 300, "x" * shared + "b"
    one, other = shortened([Line("-", before), Line("+", after)])
    assert one.text == "..." + "x" * 40 + "a" + "y" * 119 + "..."
    assert other.text == "..." + "x" * 40 + "b"


@pytest.mark.parametrize("length", [100, 160])
def test_a_pair_of_readable_lines_is_shown_whole(length: int):
    """Lines of up to 160 characters are not cut at their beginning either."""
    pair = [Line("-", "x" * (length - 1) + "a"), Line("+", "x" * (length - 1) + "b")]
    assert shortened(pair) == pair


def test_a_pair_that_differs_early_begins_at_its_beginning():
    """Nothing is left out in front of a difference within the first 40 characters."""
    for shared in (0, 39, 40):
        before, after = "x" * shared + "a" + "y" * 200, "x" * shared + "b" + "y" * 200
        assert shortened([Line("-", before), Line("+", after)])[0].text == before[:160] + "..."


@pytest.mark.parametrize(
    "lines",
    [
        [Line("-", "x" * 200), Line("-", "x" * 199)],
        [Line("+", "x" * 200), Line("-", "x" * 199)],
        [Line("-", "x" * 200), Line(" ", "x" * 199)],
        [Line("+", "x" * 200)],
        [Line("-", "x" * 200)],
    ],
)
def test_a_long_line_without_its_partner_begins_at_its_beginning(lines: list[Line]):
    """Only the added line that follows a removed one is its other form: without one, the beginning is shown."""
    assert shortened(lines)[0].text == "x" * 160 + "..."


def test_the_last_line_never_matches_the_first():
    """An added line at the beginning is not compared with a removed line at the end."""
    lines = [Line("+", "x" * 200 + "a"), Line(" ", ""), Line("-", "x" * 200 + "b")]
    assert [line.text[:3] for line in shortened(lines)] == ["xxx", "", "xxx"]
