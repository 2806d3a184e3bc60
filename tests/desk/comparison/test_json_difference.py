"""The difference of JSON values, by paths."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.desk.comparison.json_difference import changes, parsed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab.", max_size=2), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_equal_values_alone_have_no_change(before: Any, after: Any):
    """There is a change exactly where the two are not the same JSON."""
    assert bool(changes(before, after)) == (json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True))


def test_changes_are_named_by_their_paths():
    """A member, an item, and a name with a blank have paths; what is missing is None."""
    before = {"items": [{"name": "a"}, {"name": "b"}], "x y": 1, "old": True}
    after = {"items": [{"name": "a"}, {"name": "c"}], "x y": 2, "new": None}
    assert [tuple(each) for each in changes(before, after)] == [
        ("$.items[1].name", '"b"', '"c"'),
        ('$["x y"]', "1", "2"),
        ("$.old", "true", None),
        ("$.new", None, "null"),
    ]


def test_an_item_in_the_middle_is_one_change():
    """Items behind a new one do not differ."""
    assert [tuple(each) for each in changes([1, 2, 3], [1, 9, 2, 3])] == [("$[1]", None, "9")]


HOSTILE = {
    "deep": ("[" * 30_000 + "]" * 30_000, "[" * 30_000 + "1" + "]" * 30_000),
    "as deep as is read": ("[" * 1_000 + "]" * 1_000, "[" * 1_000 + "1" + "]" * 1_000),
    "deep with items": ("[1," * 200 + "1" + "]" * 200, "[2,2," * 200 + "1" + "]" * 200),
    "wide": (json.dumps(list(range(12_000))), json.dumps(list(range(12_000, 0, -1)))),
    "wide and longer": (json.dumps(list(range(12_000))), json.dumps([*range(1, 12_000), 0, 0])),
    "many members": (json.dumps({str(n): n for n in range(5_000)}), json.dumps({str(n): 0 for n in range(5_000)})),
}


@pytest.mark.parametrize("texts", HOSTILE.values(), ids=HOSTILE)
def test_hostile_values_take_a_bounded_time(texts: tuple[str, str]):
    """64 KiB of any form take well under a second of CPU time; at most a hundred changes are named."""
    began = time.thread_time()
    (is_json, before), (is_json_after, after) = map(parsed, texts)
    if is_json and is_json_after:
        assert 0 < len(changes(before, after)) <= 100
    assert time.thread_time() - began < 1.0
