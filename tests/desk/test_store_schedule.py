"""When the recorder stores what has come."""

from __future__ import annotations

from itertools import pairwise

from appliance.desk.store_schedule import StoreSchedule


def flood(
    schedule: StoreSchedule, seconds: float, a_second: float, *, of_requests: bool = True, full: bool = False
) -> list[float]:
    """Let lines come for a while, whose storing takes ``a_second`` of a processor; when they were stored."""
    stored, now = [], 100.0
    oldest = heard = now
    while now < 100.0 + seconds:
        for comes in (True, False):
            heard = now if comes else heard
            if not schedule.should_wait(now, oldest, heard, flood=of_requests, full=full):
                schedule.stored(now, (now - oldest) * a_second + 0.003)
                stored.append(now)
                oldest = now
            now += 0.01 if comes else 0.02
    return stored


def test_a_persons_request_is_stored_at_the_first_pause():
    """Few requests are stored as soon as nothing comes; what comes without a pause is stored after a while."""
    schedule = StoreSchedule()
    for second in range(10):
        assert schedule.should_wait(second, second, second)
        assert not schedule.should_wait(second + 0.02, second, second)
        schedule.stored(second + 0.02, 0.002)
    assert schedule.should_wait(20.2, 20.0, 20.2)
    assert not schedule.should_wait(20.26, 20.0, 20.26)


def test_a_flood_takes_a_small_share_of_a_processor():
    """The supervisor wakes every 30 ms, with pauses in between: storing takes 1 % of the time, the rest at the end."""
    schedule = StoreSchedule()
    stored = flood(schedule, 60.0, 0.1)
    spent = sum(later - earlier for earlier, later in pairwise([100.0, *stored])) * 0.1
    assert spent + 0.003 * len(stored) < 0.9
    assert schedule.is_spent(stored[-1])
    assert schedule.should_wait(160.0, 159.0, 160.0, flood=True)
    assert not schedule.should_wait(160.2, 159.0, 160.0, flood=True)


def test_a_steady_load_is_stored_within_seconds():
    """Lines that would be lost if they were overwritten wait for five seconds, or less if their memory is full."""
    stored = flood(StoreSchedule(), 60.0, 0.03, of_requests=False)
    assert max(later - earlier for earlier, later in pairwise(stored)) < 5.1
    sooner = flood(StoreSchedule(), 60.0, 0.03, of_requests=False, full=True)
    assert max(later - earlier for earlier, later in pairwise(sooner)) < 1.0


def test_a_flood_of_lines_takes_a_bounded_share_too():
    """Lines that take more of a processor than that are left out, however full their memory is."""
    stored = flood(StoreSchedule(), 60.0, 0.5, of_requests=False, full=True)
    assert len(stored) < 12
