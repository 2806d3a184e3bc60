"""Results of tools: within limits, and as text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.assistants.result_text import MOST, as_text, fitted


@pytest.mark.parametrize(
    "value",
    [
        {"text": "x" * 1_000_000},
        {"list": ["x" * 100] * 10_000},
        {"deep": [{"a": [{"b": "\u2028" * 1000}] * 50}] * 50},
        {f"name-{number}" * 10: "x" * 1000 for number in range(1_000)},
    ],
    ids=["text", "list", "deep", "members"],
)
def test_a_huge_result_is_cut(value: dict[str, Any]):
    """A result of any size fits, and says that something is missing."""
    found = fitted(value)
    assert len(json.dumps(found)) <= MOST
    assert "more" in json.dumps(found) or "too_long" in found


def test_a_small_result_is_whole():
    """A result that fits is not changed."""
    value = {"a": [1, {"b": "x" * 5000}], "c": None, "d": True}
    assert fitted(value) == value


def test_the_ends_of_a_long_text_are_kept():
    """The end of a traceback says most: a text is cut in its middle."""
    text = fitted({"traceback": f"first{'x' * 100_000}last"})["traceback"]
    assert text.startswith("first")
    assert text.endswith("last")
    assert "more characters" in text


def test_the_text_has_everything():
    """Each value of a result stands in its text, on a line with its name."""
    value = {
        "good": False,
        "errors": [{"error": "E: x", "frames": [{"file": "a.py", "line": 3}]}, {"error": "two\nlines"}],
        "fields": [["Host", "localhost"]],
        "empty": [],
        "none": None,
        "names": ["a", "b"],
    }
    assert as_text(value).splitlines() == [
        "good: no", "errors:", "  - error: E: x", "    frames:", "      - file: a.py", "        line: 3", "  - error:",
        "      | two", "      | lines", "fields:", "  - Host: localhost", "names: a, b",
    ]  # fmt: skip
    assert as_text({}) == "nothing"
