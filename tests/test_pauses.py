"""The pause before another try."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.pauses import nth_pause_s


def test_the_last_pause_is_repeated():
    """The first failure is followed by the first pause; where the list ends, its last pause is taken again."""
    assert [nth_pause_s((0.5, 2.0, 8.0), failures) for failures in range(1, 6)] == [0.5, 2.0, 8.0, 8.0, 8.0]
    assert nth_pause_s([1.0], 1000) == 1.0


@given(st.lists(st.floats(0, 60), min_size=1), st.integers(1, 100))
def test_no_pause_is_shorter_than_the_one_before(pauses_s: list[float], failures: int):
    """A growing pause is never followed by a shorter one."""
    rising = sorted(pauses_s)
    assert nth_pause_s(rising, failures) <= nth_pause_s(rising, failures + 1) <= rising[-1]
