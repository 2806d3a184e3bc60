"""When a process of ours is started again after it has ended by itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.supervisor.processes.child_restarts import LASTED_S, ChildRestarts

PAUSES_S = (0.5, 5.0, 30.0)


def after(restarts: ChildRestarts, *ran_s: float) -> ChildRestarts:
    """Return the restarts after processes that ran for so long."""
    for each in ran_s:
        restarts = restarts.after_end(each)
    return restarts


def test_each_end_in_a_row_waits_longer():
    """The pauses are taken in their order; one that is never given up repeats the last."""
    restarts = ChildRestarts(PAUSES_S)
    assert [after(restarts, *[1.0] * count).pause_s for count in range(1, 6)] == [0.5, 5.0, 30.0, 30.0, 30.0]


def test_a_process_is_given_up_after_the_last_pause():
    """A process that others can do without is not started without end."""
    restarts = ChildRestarts(PAUSES_S, gives_up=True)
    assert [after(restarts, *[0.0] * count).pause_s for count in range(1, 6)] == [0.5, 5.0, 30.0, None, None]


@given(st.lists(st.floats(0, 1000)), st.booleans())
def test_a_long_life_begins_a_new_row(ran_s: list[float], gives_up: bool):
    """The end of a process that has run for long is the first one, whatever came before; each pause is a listed one."""
    restarts = after(ChildRestarts(PAUSES_S, gives_up), *ran_s)
    assert not ran_s or restarts.pause_s in {*PAUSES_S, None}
    assert restarts.after_end(LASTED_S + 1).pause_s == PAUSES_S[0]
