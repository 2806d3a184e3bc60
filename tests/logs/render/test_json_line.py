"""Lines of JSON: one each, always valid, never harmful."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.logs.render.json_line import json_line, json_renderer
from appliance.logs.render.log_fields import WITH_LINES
from appliance.logs.sanitise import MAX_TEXT, sanitised_entry

TEXT = st.text(alphabet=st.characters(codec=None))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.binary() | st.datetimes() | st.uuids(),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT | st.integers(), inner),
    max_leaves=10,
)


@given(st.dictionaries(TEXT | st.sampled_from(sorted(WITH_LINES)), VALUES))
def test_any_event_is_one_line(entry):
    """The line of any event is one valid JSON object without control characters, with a newline at its end."""
    line = json_line(None, "info", dict(entry))
    assert line.endswith(b"\n")
    assert not any(byte < 0x20 or byte == 0x7F for byte in line[:-1])
    assert isinstance(json.loads(line.decode()), dict)


@given(st.dictionaries(TEXT, st.none() | st.integers(-5, 5) | TEXT))
def test_the_short_way_says_what_the_careful_way_says(entry):
    """A line that was found clean by its rendering is the line that sanitising each value would have made."""
    assert json.loads(json_line(None, "info", dict(entry))) == sanitised_entry(entry, with_lines=WITH_LINES)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("del \x7f", "del \\x7f"),
        ("c1 \x9b31m", "c1 \\x9b31m"),
        ("bidi \u202e", "bidi \\u202e"),
        ("surrogate \udc80", "surrogate \\udc80"),
        ("日本語 é", "日本語 é"),
        (2**70, str(2**70)),
        (math.nan, None),
        ({3: "x"}, {"3": "x"}),
        (b"bytes", "bytes"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_each_value_is_rendered_as_documented(value, written):
    """Each value that orjson lets through, refuses or renders by itself is written as documented."""
    assert json.loads(json_line(None, "info", {"event": "x", "field": value}))["field"] == written


def test_a_dataclass_hides_nothing():
    """An object that orjson could render by itself is sanitised too."""

    @dataclasses.dataclass
    class Told:
        text: str

    assert b"\\u202e" in json_line(None, "info", {"field": Told("\u202e")})


def test_a_text_is_bounded():
    """A text of megabytes is cut, and says how much more there was, also if it is all plain ASCII."""
    line = json_line(None, "info", {"text": "x" * (MAX_TEXT + 5)})
    assert json.loads(line)["text"] == "x" * MAX_TEXT + "... (5 more characters)"


@pytest.mark.parametrize("text", ["plain", "with \x1b and \u202e", "é"])
def test_constant_fields_end_each_line(text):
    """Fields that are the same in every line stand at its end, as safe as the others."""
    line = json_renderer({"service.name": text, "env": "dev"})(None, "info", {"event": "output", "text": text})
    assert list(json.loads(line)) == ["event", "text", "service.name", "env"]
    assert json.loads(line)["service.name"] == json.loads(line)["text"]
    assert json_renderer({}) is json_line
