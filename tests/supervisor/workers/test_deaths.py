"""Crash loops: many deaths of workers in a short time are one event."""

from __future__ import annotations

from appliance.supervisor.workers.crash_loops import LOOP_DEATHS, LOOP_S, CrashLoops


def test_a_crash_loop_is_reported_once():
    """The death that makes it a loop is reported with the usual cause, and no later one of the same loop."""
    loops = CrashLoops()
    causes = ["exit status 1", *["killed by SIGSEGV"] * (LOOP_DEATHS - 1), "exit status 1", "exit status 1"]
    reported = [loops.died(cause, 100.0 + second) for second, cause in enumerate(causes)]
    (loop,) = [each for each in reported if each is not None]
    assert reported[LOOP_DEATHS - 1] is loop
    assert (loop["count"], loop["how"]) == (LOOP_DEATHS, "killed by SIGSEGV")
    assert loop["duration_s"] == LOOP_DEATHS - 1.0
    assert loop["action"]


def test_a_pause_ends_a_crash_loop():
    """After a time without a death the next deaths are another loop, which is reported again."""
    loops = CrashLoops()
    for now in (100.0, 100.0 + LOOP_S):
        reported = [loops.died("exit status 1", now) for _ in range(LOOP_DEATHS)]
        assert [each is not None for each in reported] == [False] * (LOOP_DEATHS - 1) + [True]


def test_deaths_far_apart_are_not_a_crash_loop():
    """Deaths that come seldom are never reported as a loop."""
    loops = CrashLoops()
    for death in range(LOOP_DEATHS * 2):
        assert loops.died("exit status 1", 100.0 + death * LOOP_S) is None


def test_a_crash_loops_event_says_how_long_it_took():
    """A loop's event says in tenths of a second how long the deaths took."""
    loops = CrashLoops()
    reported = [loops.died("exit status 1", 100.0 + 0.07 * death) for death in range(LOOP_DEATHS)]
    assert reported[-1] is not None
    assert reported[-1]["duration_s"] == 0.3
