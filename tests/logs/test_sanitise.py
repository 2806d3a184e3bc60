r"""Sanitising: nothing that can harm comes through, and what was written can be had back."""

from __future__ import annotations

import enum
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.logs.render.json_line import json_line
from appliance.logs.sanitise import MAX_DEPTH, MAX_TEXT, sanitise, sanitised, sanitised_entry

ANY_TEXT = st.text(alphabet=st.characters(codec=None))  # lone surrogates too
NEAR_ESCAPES = st.text(alphabet=st.sampled_from("\\xuU0129abdefn\x1b\u202e\udcff é\u200d\ufe0f👩❤ã\U000e0041"))
JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(ANY_TEXT | st.integers() | st.none(), inner)
        | st.sets(st.integers() | ANY_TEXT)
    ),
    max_leaves=20,
)


def documented() -> Any:
    """The function that the documentation gives to undo the escapes, as its readers would run it."""
    page = (Path(__file__).parents[2] / "docs" / "log-events.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert found
    space: dict[str, Any] = {}
    exec(found[1], space)
    return space["restore"]


RESTORE = documented()


# DerivedCoreProperties.txt of Unicode 16, Default_Ignorable_Code_Point, reserved ones included.
IGNORABLE = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
# Cf in Unicode 16, and not in the data of an older interpreter.
NEWER = "\u0890\u0891\U00013439\U0001343a\U0001343b\U0001343c\U0001343d\U0001343e\U0001343f"
SOMETIMES = "\u200c\u200d\ufe0f"  # what a text may need, where it does


_LISTED = frozenset([*NEWER, *(chr(code) for first, last in IGNORABLE for code in range(first, last + 1))])


def harmful(character: str) -> bool:
    """The rule in words of the Unicode standard, as plain as can be."""
    return unicodedata.category(character) in {"Cc", "Cs", "Cf", "Zl", "Zp"} or character in _LISTED


def texts(value: object) -> list[str]:
    """Every text in a value, keys included."""
    if isinstance(value, dict):
        return [text for item in value.items() for part in item for text in texts(part)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


@given(ANY_TEXT | NEAR_ESCAPES)
def test_no_harmful_character_comes_through(text):
    """No harmful character is left in a sanitised text, except for those allowed between two visible ones."""
    kept = sanitise(text)
    for place, character in enumerate(kept):
        if harmful(character):
            assert character in SOMETIMES
            assert not harmful(kept[place - 1]) or kept[place - 1 : place + 1] == "\ufe0f\u200d"
            assert character == "\ufe0f" or not harmful(kept[place + 1])


@given(ANY_TEXT | NEAR_ESCAPES)
def test_lines_keep_newline_and_tab_alone(text):
    """With lines, newline and tab stay where they were, and nothing else that can harm does."""
    kept = sanitise(text, lines=True)
    assert not any(harmful(character) for character in kept if character not in f"\n\t{SOMETIMES}")
    assert (kept.count("\n"), kept.count("\t")) == (text.count("\n"), text.count("\t"))


@given(ANY_TEXT | NEAR_ESCAPES, st.booleans())
def test_the_documented_function_undoes_it(text, lines):
    """The documentation's function gives back exactly the text that was sanitised."""
    assert RESTORE(sanitise(text, lines=lines)) == text


@given(ANY_TEXT)
def test_what_can_not_harm_is_untouched(text):
    """A text without harmful characters and backslashes is the same afterwards."""
    harmless = "".join(character for character in text if not harmful(character) and character != "\\")
    assert sanitise(harmless) == harmless


def test_exactly_the_harmful_characters_are_escaped():
    """Exactly the harmful characters of Unicode are escaped."""
    characters = [chr(code) for code in range(0x110000)]
    assert [c for c in characters if sanitise(c) != c] == [c for c in characters if harmful(c)]


@pytest.mark.parametrize(
    "text",
    [
        "C:\\Users\\new",
        "\\d+\\n",
        "\\u00e9",
        "\\x41",
        "\\X1B",
        "\\x1B",
        "tail\\",
        "नमस्ते",
        "日本語",
        "שלום",
        "👩\u200d💻",
        "a\u00a0b",
        "\\u00ad",
        "می\u200cشود",
        "ක්\u200dර",
        "क्\u200dष",
        "क्\u200cष",
        "❤\ufe0f",
        "1\ufe0f\u20e3 #\ufe0f\u20e3",
        "🏳\ufe0f\u200d🌈",
        "👩🏽\u200d🚀",
        "👨\u200d👩\u200d👧\u200d👦",
        "🏴\u200d☠\ufe0f",
        "🧔🏿\u200d♂\ufe0f",
        "🇩🇪",
    ],
)
def test_ordinary_text_is_untouched(text):
    """Text of every language, emoji of several parts, and backslashes that start no escape stay as they are."""
    assert sanitise(text) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\u200bb", r"a\u200bb"),
        ("\ufefftext", r"\ufefftext"),
        ("so\u00adft", r"so\xadft"),
        ("\U000e0069\U000e0067\U000e006e", r"\U000e0069\U000e0067\U000e006e"),
        ("🏴\U000e0067\U000e0062\U000e007f", r"🏴\U000e0067\U000e0062\U000e007f"),
        ("x\ufe0f", r"x\ufe0f"),
        ("❤\ufe0f\ufe0f", "❤\ufe0f\\ufe0f"),
        ("❤\ufe0e", r"❤\ufe0e"),
        ("1\ufe0f", r"1\ufe0f"),
        ("葛\U000e0100", r"葛\U000e0100"),
        ("a\u200d\u200db", r"a\u200d\u200db"),
        ("a \u200db", r"a \u200db"),
        ("a\u200d", r"a\u200d"),
        ("\u200da", r"\u200da"),
        ("a\u200d1", r"a\u200d1"),
        ("👩\u200dx", r"👩\u200dx"),
        ("👩\u200c💻", r"👩\u200c💻"),
        ("a\ufe0f\u200db", r"a\ufe0f\u200db"),
        ("\u3164\u115f\u034f\u180b\ufff9\u06dd\U0001d173", r"\u3164\u115f\u034f\u180b\ufff9\u06dd\U0001d173"),
        (r"\U000e0041 \xad \ufe00 \U000E0041", r"\\U000e0041 \\xad \\ufe00 \U000E0041"),
    ],
)
def test_invisible_characters_are_shown_as_escapes(text, written):
    """An invisible character in a text is shown as an escape, also if a cheap check would do."""
    assert sanitise(text) == sanitise(text, lines=True) == written
    assert json.loads(json_line(None, "info", {"event": "x", "text": text}))["text"] == written
    assert sanitised_entry({"text": text}, with_lines=()) == {"text": written}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("a\r\nb\t", "a\\x0d\\x0ab\\x09"),
        ("\x7f\x85", "\\x7f\\x85"),
        ("\u2028\u2029\u202e\u2066\u061c\u200f", "\\u2028\\u2029\\u202e\\u2066\\u061c\\u200f"),
        ("\udcff", "\\udcff"),
        ("\\x1b", "\\\\x1b"),
        ("\\\x1b", "\\\\\\x1b"),
        ("\\\\server", "\\\\\\server"),
    ],
)
def test_escapes_are_the_documented_ones(text, written):
    """The escapes are the documented ones, and a backslash is doubled only where it would be read as one."""
    assert sanitise(text) == written


@given(JSON_LIKE)
def test_a_value_becomes_json_that_orjson_takes(value):
    """Any value becomes JSON that orjson renders, without harmful text."""
    result = sanitised(value)
    assert not any(harmful(character) for text in texts(result) for character in text)
    assert json.loads(orjson.dumps(result)) == result


@given(
    st.recursive(st.none() | st.booleans() | ANY_TEXT, lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner))
)
def test_nothing_of_a_value_is_lost(value):
    """Undoing the escapes in keys and values gives back the value."""

    def restored(item):
        if isinstance(item, dict):
            return {RESTORE(key): restored(inner) for key, inner in item.items()}
        if isinstance(item, list):
            return [restored(inner) for inner in item]
        return RESTORE(item) if isinstance(item, str) else item

    assert restored(sanitised(value)) == value


def test_values_that_json_lacks_become_text_lists_or_null():
    """Bytes become text, huge integers text, sets lists, odd keys text, NaN null, and equal keys stay apart."""

    class Colour(enum.Enum):
        RED = "red\x1b"

    assert sanitised(b"caf\xc3\xa9 \xff") == "café \\udcff"
    assert sanitised({2**64, -(2**63)}) in ([str(2**64), -(2**63)], [-(2**63), str(2**64)])
    keys = sanitised({1: "a", "1": "b", None: "c", (2, 3): "d", False: "e"})
    assert keys == {"1": "a", "1'": "b", "None": "c", "(2, 3)": "d", "False": "e"}
    assert sanitised([float("nan"), float("inf"), Colour.RED]) == [None, None, "red\\x1b"]
    assert str(sanitised(10**5000)).startswith("0x")


def test_an_object_whose_text_raises_is_named_by_its_type():
    """An object that can't even be printed is named by its type."""

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    assert sanitised([Broken()]) == ["<Broken whose str() failed: RuntimeError>"]


def test_depth_and_length_are_bounded():
    """A value that contains itself ends at the bound, and so does a text, which says how much is left out."""
    endless: list[object] = []
    endless.append(endless)
    assert json.dumps(sanitised(endless)) == "[" * MAX_DEPTH + '"..."' + "]" * MAX_DEPTH
    assert sanitised("x" * (MAX_TEXT + 7)) == "x" * MAX_TEXT + "... (7 more characters)"


def test_an_entry_keeps_lines_only_where_they_belong():
    """Newlines stay in the fields that are named, and become escapes in all others."""
    entry = {"traceback": "a\n\tb\x1b", "url.path": "a\nb", "key\n": {"n": "a\nb"}}
    assert sanitised_entry(entry, with_lines={"traceback"}) == {
        "traceback": "a\n\tb\\x1b",
        "url.path": "a\\x0ab",
        "key\\x0a": {"n": "a\\x0ab"},
    }
