"""Numbers with their nouns, and shortened lists."""

import pytest

from appliance.plural import counted, first_names


@pytest.mark.parametrize(("number", "words"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_a_noun_after_one_is_singular(number, words):
    """One is singular, everything else plural."""
    assert counted(number, "file") == words


def test_an_irregular_plural_is_given():
    """A plural that is not made with an s is given."""
    assert counted(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(("names", "shown"), [("", ""), ("ab", "a, b"), ("abc", "a, b and 1 more")])
def test_a_long_list_ends_in_a_number(names, shown):
    """The names beyond the most that are shown are counted."""
    assert first_names(names, 2) == shown
