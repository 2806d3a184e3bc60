"""The difference by lines: right for every pair of texts, and linear."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.desk.comparison.line_difference import Line, difference, lines_of, shortened, with_context

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=40) | st.lists(st.text(max_size=3), max_size=20)


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_off(before: list[str], after: list[str]):
    """Without its added lines a difference is the text before, without its removed lines the text after."""
    found = difference(before, after)
    assert [line.text for line in found if line.kind != "+"] == before
    assert [line.text for line in found if line.kind != "-"] == after
    assert not (before == after and any(line.kind != " " for line in found))


@given(st.lists(st.integers().map(str), unique=True, max_size=60), st.data())
def test_a_single_change_is_shown_alone(lines: list[str], data: st.DataObject):
    """If one line was added, it alone is shown as added."""
    at = data.draw(st.integers(0, len(lines)))
    found = difference(lines, [*lines[:at], "new", *lines[at:]])
    assert [line for line in found if line.kind != " "] == [Line("+", "new")]


HOSTILE = {
    "empty lines": ("\n" * 65_536, "\n" * 65_000 + "x\n"),
    "two lines by turns": ("a\nb\n" * 16_384, "b\na\n" * 16_384),
    "all different": ("\n".join(map(str, range(12_000))), "\n".join(map(str, range(12_000, 0, -1)))),
    "small gaps": ("".join(f"{n}\na\nb\n" for n in range(5_000)), "".join(f"{n}\nb\na\n" for n in range(5_000))),
    "one long line": ("a" * 65_536, "a" * 65_535 + "b"),
    "tags": ("<a><b>" * 10_000, "<b><a>" * 10_000),
}


@pytest.mark.parametrize("texts", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_take_a_bounded_time(texts: tuple[str, str]):
    """64 KiB of any form take well under a second of CPU time, and what is shown of them is short."""
    began = time.thread_time()
    lines = difference(lines_of(texts[0], "text/html"), lines_of(texts[1], "text/html"))
    shown = shortened(with_context(lines))
    assert time.thread_time() - began < 1.0
    assert len(shown) < 250
    assert all(len(line.text) < 200 for line in shown)


def test_a_long_line_is_shown_where_it_differs():
    """The beginning that both have is left out."""
    shown = shortened([Line("-", "x" * 900 + "old"), Line("+", "x" * 900 + "new")])
    assert [line.text[-3:] for line in shown] == ["old", "new"]
    assert shown[0].text.startswith("...x")


def test_lines_far_from_a_change_are_left_out():
    """Two lines around a change are shown, and dots for the others."""
    shown = with_context(
        difference([str(n) for n in range(50)], [*(str(n) for n in range(25)), *map(str, range(26, 50))])
    )
    assert [line.text for line in shown] == ["...", "23", "24", "25", "26", "27", "..."]
