"""The names of distributions: one normal form, and a pattern for each spelling."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.package_names import any_spelling, normalized

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,12}[A-Za-z0-9])?", fullmatch=True)


@pytest.mark.parametrize("name", ["Flask_SQLAlchemy", "flask.sqlalchemy", " flask--sqlalchemy ", "FLASK-._SQLALCHEMY"])
def test_each_spelling_has_one_normal_form(name: str):
    """Names that differ in case and separators alone are the same distribution (PEP 503)."""
    assert normalized(name) == "flask-sqlalchemy"


@given(NAMES, st.sampled_from(["-", "_", ".", "--", "._"]))
def test_a_pattern_finds_each_spelling(name: str, separator: str):
    """The pattern of a name matches the name, its normal form, and any other separators; nothing else."""
    pattern = re.compile(any_spelling(name), re.IGNORECASE)
    other = re.sub(r"[-_.]+", separator, name)
    assert all(pattern.fullmatch(each) for each in (name, normalized(name), other))
    assert pattern.fullmatch(f"{name}x") is None
