"""For how long the supervisor has shown no progress."""

from __future__ import annotations

from appliance.probes.liveness import Liveness


def test_a_supervisor_that_goes_on_is_live():
    """A count that changes resets the time."""
    liveness = Liveness(0.0)
    for second in range(20):
        liveness.look(second // 2, float(second))
    assert liveness.stalled_s <= 1.0


def test_a_supervisor_that_stands_is_found():
    """A count that does not change adds the time between two looks."""
    liveness = Liveness(0.0)
    for second in range(15):
        liveness.look(7, float(second))
    assert liveness.stalled_s == 14.0
    liveness.look(8, 15.0)
    assert liveness.stalled_s == 0.0


def test_a_pause_of_both_counts_for_little():
    """A pause of the whole container adds no more than two seconds: the supervisor had no time either."""
    liveness = Liveness(0.0)
    liveness.look(7, 1.0)
    liveness.look(7, 3601.0)
    assert liveness.stalled_s == 2.0
