"""Any text in a file that `appliance deploy` writes is read as it was given."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from appliance.commands.yaml_scalars import compose_scalar, fits_a_line, yaml_scalar

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(TEXTS)
def test_yaml_reads_each_text_as_it_was(text: str):
    """A text is one line of ASCII or printable characters, and YAML reads the same text."""
    written = yaml_scalar(text)
    assert yaml.safe_load(f"a: {written} # b") == {"a": text}
    assert written.isprintable()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("no", '"no"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("\n\r\t", '"\\n\\r\\t"'),
        ("\x07\u2028", '"\\u0007\\u2028"'),
        ("\U000e0001é", '"\\U000e0001é"'),
    ],
)
def test_a_text_stands_between_quotes(text: str, written: str):
    """Printable text is written unchanged; everything else is escaped, so a file stays readable."""
    assert yaml_scalar(text) == written


@given(TEXTS)
def test_no_engine_expands_a_dollar(text: str):
    """In a compose file each $ is doubled, and the rest is as in YAML."""
    assert yaml.safe_load(compose_scalar(text)) == text.replace("$", "$$")


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("", True), ("a b", True), ("a=b # 'c'", True), (" a", False), ("a ", False), ("a\tb", False), ("a\nb", False),
        ("a\x00", False), ("a\x7fb", False), ("a\x85b", False), ("a\u2028b", False), ("\ufeffa", False), ("é日", True),
    ],
)  # fmt: skip
def test_a_line_of_variables_holds_one_line(text: str, fits: bool):
    """A file of variables has no quotes: blanks around a value, and controls in it, would be lost."""
    assert fits_a_line(text) is fits
