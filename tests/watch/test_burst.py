"""When a burst is over."""

from __future__ import annotations

from appliance.watch.burst import MANY_S, MAX_S, MISSING_S, PARTIAL_S, WHOLE_S, Burst


def test_one_whole_file():
    """A file that is whole waits for its neighbours alone."""
    burst = Burst()
    burst.add("a", 10.0, whole=True)
    assert burst.due() == 10.0 + WHOLE_S


def test_a_file_that_becomes_whole():
    """What is being written waits longer, until it is said to be whole."""
    burst = Burst()
    burst.add("a", 10.0, whole=False)
    assert burst.due() == 10.0 + PARTIAL_S
    burst.add("a", 10.01, whole=True)
    assert burst.due() == 10.01 + WHOLE_S


def test_a_third_file_extends_the_burst():
    """From the third file on a burst waits longer between two of them."""
    burst = Burst()
    for number, path in enumerate("abc"):
        burst.add(path, 10.0 + number / 1000, whole=True)
    assert burst.due() == 10.002 + MANY_S
    assert burst.paths() == ["a", "b", "c"]


def test_no_burst_is_endless():
    """A program that never stops writing is still reported."""
    burst = Burst()
    now = 10.0
    while now < 10.0 + MAX_S * 2:
        burst.add("a", now, whole=False)
        now += 0.01
        if now >= burst.due():
            break
    assert now <= 10.0 + MAX_S + 0.02


def test_a_held_burst_waits():
    """A burst that is held waits, even past the longest time."""
    burst = Burst()
    burst.add("a", 10.0, whole=True)
    burst.postpone(10.0 + MAX_S * 2, 0.01)
    assert burst.due() == 10.0 + MAX_S * 2 + 0.01


def test_a_doubtful_file_is_waited_for_once():
    """A doubtful file is waited for once a burst."""
    burst = Burst()
    burst.add("a", 10.0, whole=True)
    assert burst.wait_longer("a", 10.002)
    assert burst.due() == 10.002 + MISSING_S
    assert not burst.wait_longer("a", 10.1)
    burst.clear()
    assert not burst
    burst.add("a", 11.0, whole=True)
    assert burst.wait_longer("a", 11.002)
