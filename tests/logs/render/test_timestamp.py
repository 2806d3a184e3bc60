"""Timestamps: RFC 3339 in UTC, microseconds, in any order of moments."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.logs.render.timestamp import Timestamps


@given(st.lists(st.floats(0, 253_402_300_799.0), min_size=1))
def test_every_timestamp_names_its_microsecond(moments):
    """Each timestamp names its moment to the microsecond, after any other one."""
    timestamps = Timestamps()
    for at in moments:
        text = timestamps(at)
        assert len(text) == len("1970-01-01T00:00:00.000000Z")
        passed = dt.datetime.fromisoformat(text) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        # Exact to the microsecond that was begun; a float of year 9999 itself is exact to 30 of them.
        assert abs(passed.total_seconds() - at) <= 0.000_001 + at * 1e-15


@pytest.mark.parametrize("at", [-1, -0.1, 253_402_300_800, math.nan, math.inf, 1e300])
def test_a_time_outside_rfc_3339_is_refused(at):
    """A time without a form in RFC 3339 is refused, also when a second is cached."""
    timestamps = Timestamps()
    timestamps(0.5)
    with pytest.raises(ValueError, match="not a time"):
        timestamps(at)
