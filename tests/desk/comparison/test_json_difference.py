"""The difference of JSON values, by paths."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.desk.comparison.compare import compare
from appliance.desk.comparison.json_difference import changes, parsed
from appliance.desk.comparison.outcome import outcome
from appliance.desk.redaction import Redaction

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


def test_large_integers_are_not_rounded():
    """Integers of more than 64 bits count as text: a difference in the last digit is one."""
    texts = ['{"wei": 123456789012345678901}', '{"wei": 123456789012345678902}']
    assert [parsed(each)[0] for each in texts] == [False, False]
    one, other = (
        outcome(200, [("Content-Type", "application/json")], each.encode(), Redaction(), is_whole=True)
        for each in texts
    )
    assert compare(one, other)[0]["lines"] == [["-", texts[0]], ["+", texts[1]]]


def test_an_item_in_the_middle_is_one_change():
    """Items after a new one do not differ."""
    assert [tuple(each) for each in changes([1, 2, 3], [1, 9, 2, 3])] == [("$[1]", None, "9")]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ([1, 2], [2], [("$[0]", "1", None)]),
        ([1, 2], [1], [("$[1]", "2", None)]),
        ([1, 1], [1], [("$[1]", "1", None)]),
        ([1], [1, 1, 1], [("$[1]", None, "1"), ("$[2]", None, "1")]),
        ([1, 2, 3, 4], [1, 9, 4], [("$[1]", "2", "9"), ("$[2]", "3", None)]),
        ([1, 4], [1, 2, 3, 4], [("$[1]", None, "2"), ("$[2]", None, "3")]),
        ([7, 5, 4], [8, 9, 9, 4], [("$[0]", "7", "8"), ("$[1]", "5", "9"), ("$[2]", None, "9")]),
        ([1, 2], [3, 2], [("$[0]", "1", "3")]),
        ([[1], 2], [[3], 2], [("$[0][0]", "1", "3")]),
        ([{"a": 1}, 2], [{"a": 3}], [("$[0].a", "1", "3"), ("$[1]", "2", None)]),
        ([], [1], [("$[0]", None, "1")]),
        ([3, {"a": 1, "b": 2}], [{"b": 2, "a": 1}], [("$[0]", "3", None)]),
        ([1, 2, 3, 4], [1, 2, 3], [("$[3]", "4", None)]),
        ({}, {"a": {"b": 1}}, [("$.a", None, '{"b":1}')]),
        ([{"a": 1, "b": 2}, 3], [{"b": 2, "a": 1}], [("$[1]", "3", None)]),
        ([1], {"a": 1}, [("$", "[1]", '{"a":1}')]),
        ({}, [], [("$", "{}", "[]")]),
        (1, 1.0, [("$", "1", "1.0")]),
        (1, True, [("$", "1", "true")]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 2, "b": 1}}, []),
        ({"a-b": 1, "_1": 1, "1a": 1, "": 1}, {}, [
            ("$.a-b", "1", None), ("$._1", "1", None), ('$["1a"]', "1", None), ('$[""]', "1", None)]),
        ({"a" * 81: 1, "b" * 82: 1}, {}, [(f"$.{'a' * 81}", "1", None), (f'$["{"b" * 82}"]', "1", None)]),
    ],
)  # fmt: skip
def test_each_change_stands_at_its_place(before: Any, after: Any, found: list[tuple[str, str | None, str | None]]):
    """Items that both begin and end with are the same; the others are compared one by one, by their place."""
    assert [tuple(each) for each in changes(before, after)] == found


def test_long_values_are_cut():
    """200 characters of a value are shown, and dots for the rest."""
    assert changes("a" * 198, 1)[0].before == f'"{"a" * 198}"'
    assert changes("a" * 199, 1)[0].before == f'"{"a" * 199}...'


def nested(depth: int, value: Any) -> Any:
    """A value in so many lists and objects."""
    for number in range(depth):
        value = [value] if number % 2 else {"a": value}
    return value


@pytest.mark.parametrize(("depth", "at"), [(64, 64), (65, 64), (66, 64)])
def test_a_change_below_64_levels_is_one_change(depth: int, at: int):
    """The first 64 levels are named; what is deeper is compared as a whole."""
    (found,) = changes(nested(depth, 1), nested(depth, 2))
    assert found.path.count("[") + found.path.count(".") == at


@pytest.mark.parametrize("kind", [dict, list])
def test_a_hundred_changes_are_named(kind: type[Any]):
    """Further changes are not, wherever they stand."""
    before, after = ({str(n): n for n in range(150)}, {str(n): -1 - n for n in range(150)})
    if kind is list:
        assert len(changes(list(before.values()), list(after.values()))) == 100
        assert len(changes([*before.values()], [])) == 100
        assert len(changes([], [*before.values()])) == 100
        assert len(changes([[1] * 99, 2, 3, 4, 5], [[2] * 99, 3, 4, 5, 6])) == 100
    else:
        assert len(changes(before, after)) == 100
        assert len(changes(before, {})) == 100
        assert len(changes({}, before)) == 100
    assert len(changes({str(n): n for n in range(99)}, {})) == 99


@pytest.mark.parametrize("text", [None, "", "a", "{", '{"a": NaN}', "[1] 2"])
def test_text_that_json_refuses_has_no_value(text: str | None):
    """Text that JSON does not allow is compared by its lines."""
    assert parsed(text) == (False, None)


@pytest.mark.parametrize(("text", "value"), [("null", None), ("0", 0), (' {"a": [1]} ', {"a": [1]})])
def test_json_has_its_value(text: str, value: Any):
    """Any value is JSON, not only an object."""
    assert parsed(text) == (True, value)


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
