"""When a preloader is made: whatever happens in whatever order, the newest list is, or will be, preloaded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.supervisor.workers.preload_demand import GROWN_S, PreloadDemand

HAPPENINGS = ("renewed", "begun", "done", "failed", "lost")


def test_the_first_one_is_made_at_once():
    """Nothing is made before a list is known; the first list is preloaded without a delay."""
    demand = PreloadDemand()
    delays = [demand.delay_s()]
    demand.renewed()
    assert [*delays, demand.delay_s()] == [None, 0.0]


def test_a_list_that_grows_meanwhile():
    """What is being made goes on; the longer list is preloaded afterwards, and what is there serves until then."""
    demand = PreloadDemand()
    demand.renewed()
    demand.begun()
    demand.renewed()
    delays = [demand.delay_s()]
    demand.done()
    delays.append(demand.delay_s())
    demand.begun()
    demand.done()
    assert [*delays, demand.delay_s()] == [None, GROWN_S, None]
    assert demand.is_newest


@given(st.lists(st.sampled_from(HAPPENINGS), max_size=40))
def test_any_order(happenings: list[str]):
    """After any history either the newest list is preloaded, or one is being made, or the next has its time."""
    demand = PreloadDemand()
    for each in happenings:
        if each == "begun" and (demand.making is not None or not demand.wanted):
            continue
        if each == "done" and demand.making is None:
            continue
        getattr(demand, each)()
        idle = demand.delay_s() is None
        assert idle == (not demand.wanted or demand.making is not None or demand.made == demand.wanted)
    if demand.wanted:
        for _ in range(2):  # what is being made may be of an older list
            if demand.making is None and not demand.is_newest:
                demand.begun()
            if demand.making is not None:
                demand.done()
        assert demand.is_newest
