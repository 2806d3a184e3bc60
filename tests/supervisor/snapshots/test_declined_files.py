"""The guess whether a file that could not be swapped may be swapped at its next save."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.supervisor.snapshots.declined_files import MOST_BYTES, DeclinedFiles, outline

SOURCE = '''
import re

LIMIT = 1

@decorated(
    LIMIT,
)
def first(
    one, two=2,
):
    """A docstring."""
    if one:
# a comment at the margin
        return two

    return one

class Shop:
    name = "shop"

    async def sell(self): # with a comment
        def inner(): return 1
        return inner

    def one_line(self): return 1
    price = 2
'''


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("return two", "return three", True),
        ("return inner", "return (inner,\n            1)", True),
        ("    return one\n", "    other()\n    return one\n", True),
        ("\nclass Shop", "\n\n\nclass Shop", True),
        ("LIMIT = 1", "LIMIT = 2", False),
        ("two=2", "two=3", False),
        ('name = "shop"', 'name = "mall"', False),
        ("price = 2", "price = 3", False),
        ("async def sell", "def sell", False),
        ("    LIMIT,\n)", "    LIMIT, 2,\n)", False),
        ("return 1\n    price", "return 2\n    price", False),
        ("import re", "import re, os", False),
    ],
)
def test_an_outline_leaves_bodies_out(before: str, after: str, same: bool):
    """Lines in the bodies of functions do not count; every other line does."""
    assert before in SOURCE
    assert (outline(SOURCE) == outline(SOURCE.replace(before, after, 1))) is same


@pytest.mark.parametrize("source", ["", "def", "def f(", "\0\t def x:\n\ty", "x" * 100_000, "def f():\n" * 1000])
def test_any_text_has_an_outline(source: str):
    """Any text has an outline, also if it can not be compiled."""
    assert outline(source) == outline(source)


def test_a_declined_file_is_tried_for_functions(tmp_path: Path):
    """After a declined swap the next is tried only if no more than functions differ from the save before."""
    file, other = tmp_path / "shop.py", tmp_path / "other.py"
    declined = DeclinedFiles()
    file.write_text(SOURCE, encoding="utf-8")
    assert declined.take_save([str(file)]) == ""
    declined.declined(str(file), "a class has changed")
    assert declined.take_save([str(other)]) == ""
    file.write_text(SOURCE.replace("LIMIT = 1", "LIMIT = 2"), encoding="utf-8")
    why = "more than functions has changed, as at the save before: a class has changed"
    assert declined.take_save([str(other), str(file)]) == why
    file.write_text(SOURCE.replace("LIMIT = 1", "LIMIT = 2").replace("return two", "return 3"), encoding="utf-8")
    assert declined.take_save([str(file)]) == ""
    declined.swapped([str(other), str(file)])
    file.write_text(SOURCE, encoding="utf-8")
    assert declined.take_save([str(file)]) == ""


def test_a_file_that_cannot_be_looked_at_is_not_tried_again(tmp_path: Path):
    """A file that is missing, or too large to be looked at while a worker waits, is not tried again."""
    declined = DeclinedFiles()
    large = tmp_path / "large.py"
    large.write_text("#" * (MOST_BYTES + 1), encoding="utf-8")
    for path in (str(tmp_path / "missing.py"), str(large), str(tmp_path)):
        declined.declined(path, "a class")
        assert declined.take_save([path])


def test_many_declined_files_are_forgotten(tmp_path: Path):
    """Only so many files are remembered: those that were declined last."""
    declined = DeclinedFiles()
    for number in range(200):
        declined.declined(str(tmp_path / f"{number}.py"), "a class")
    assert declined.take_save([str(tmp_path / "0.py")]) == ""
    assert declined.take_save([str(tmp_path / "199.py")])
