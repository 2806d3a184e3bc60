"""Numbers and their nouns."""

import pytest

from appliance.plural import counted


@pytest.mark.parametrize(("number", "words"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_one_is_singular(number, words):
    """One is singular, everything else plural."""
    assert counted(number, "file") == words


def test_an_irregular_plural_is_given():
    """A plural that is not made with an s is given."""
    assert counted(2, "entry", "entries") == "2 entries"
