"""What differs anyway: learned from two responses, and left out of the next comparison."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.desk.comparison.line_difference import difference
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


def test_a_line_that_shares_nothing_is_no_pattern():
    """A pattern that would match every line is not learned."""
    assert of_lines(difference(["abc"], ["xyz"])) == ()
    assert of_lines(difference(["id=1", "same"], ["id=2", "same", "more"])) == (("id=", ""),)
    assert Volatile(patterns=(("id=", ""),)).names() == [f"id={ANY}"]
