"""When a burst is over."""

from __future__ import annotations

import pytest

from appliance.watch.burst import (
    ARCHIVED_S,
    GAPS,
    MANY_S,
    MAX_S,
    MISSING_S,
    OPEN_S,
    PARTIAL_S,
    QUIET_S,
    SYNC_MAX_S,
    SYNC_PATHS,
    WHOLE_S,
    Burst,
)


def add_many(burst: Burst, count: int, gap: float, now: float = 10.0) -> float:
    """Add ``count`` new files, one after the other; return the time of the last."""
    for number in range(count):
        now += gap if number else 0.0
        burst.add(f"m{number}.py", now, whole=True)
    return now


def test_a_whole_file_waits_for_its_neighbours_alone():
    """A file that is whole waits for its neighbours alone."""
    burst = Burst()
    burst.add("a", 10.0, whole=True)
    assert burst.due() == 10.0 + WHOLE_S


def test_a_file_that_is_being_written_waits_until_it_is_whole():
    """A file that is being written waits longer, until it is reported as whole."""
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


def test_a_file_that_was_doubtful_may_also_be_half_written():
    """A file that was waited for because it was missing is waited for again, once, if it is then half-written."""
    burst = Burst()
    burst.add("a", 10.0, whole=True)
    assert burst.wait_longer("a", 10.002)
    burst.add("a", 10.05, whole=False)
    assert burst.wait_longer("a", 10.11, OPEN_S)
    assert not burst.wait_longer("a", 10.11, OPEN_S)
    assert burst.due() == 10.11 + OPEN_S


def test_a_half_written_file_is_waited_for():
    """A file that its writer has not closed is waited for, until it is closed."""
    burst = Burst()
    burst.add("a", 10.0, whole=False)
    assert burst.wait_longer("a", 10.05, OPEN_S)
    assert burst.due() == 10.05 + OPEN_S
    burst.add("a", 10.3, whole=True)
    assert burst.due() == 10.3 + WHOLE_S


@pytest.mark.parametrize("count", [3, SYNC_PATHS - 1])
def test_few_files_are_not_a_synchronisation(count: int):
    """Few files are reported without a longer wait, whatever the pauses between them."""
    burst = Burst()
    last = add_many(burst, count, 0.02)
    assert not burst.is_sync
    assert burst.due() == last + MANY_S


def test_the_wait_grows_with_the_pauses():
    """The longer the pauses between the files of a synchronisation, the longer the next one is waited for."""
    burst = Burst()
    add_many(burst, SYNC_PATHS, 0.02)
    last = add_many(burst, SYNC_PATHS * 2, 0.1, now=10.2)
    assert burst.is_sync
    assert burst.due() == pytest.approx(last + 0.1 * GAPS, abs=0.25)
    burst.add("late.py", last + 0.9, whole=True)
    assert burst.due() == last + 0.9 + QUIET_S


def test_the_wait_grows_only_with_new_files():
    """A program that writes the same files without end is reported after the usual time."""
    burst = Burst()
    now = 10.0
    while now < 10.0 + MAX_S * 2 and (now < burst.due() if burst else True):
        add_many(burst, SYNC_PATHS * 2, 0.0005, now=now)
        now += 0.01
    assert now <= 10.0 + MAX_S + 0.03


def test_a_synchronisation_has_an_end():
    """Files that never cease to come are reported too."""
    burst = Burst()
    now, number = add_many(burst, SYNC_PATHS, 0.001), SYNC_PATHS
    while now < 10.0 + SYNC_MAX_S * 2 and now < burst.due():
        burst.add(f"m{number}.py", now, whole=True)
        now, number = now + 0.02, number + 1
    assert 10.0 + SYNC_MAX_S - 0.1 < now < 10.0 + SYNC_MAX_S + 0.1


def test_files_of_several_bursts_are_counted():
    """Files that come one after the other, each in its own burst, count as a program's after a while."""
    burst = Burst()
    now = 10.0
    for number in range(SYNC_PATHS):
        now += 0.2
        burst.add(f"m{number}.py", now, whole=True)
        if number < SYNC_PATHS - 1:
            assert burst.due() == now + WHOLE_S
            burst.clear()
    assert burst.due() == pytest.approx(now + 0.2 * GAPS)


def test_saves_of_one_file_are_a_persons():
    """However often a person saves one file, it is reported at once; so is a save after a pause."""
    burst = Burst()
    for number in range(SYNC_PATHS * 3):
        burst.add("app.py", 10.0 + number / 10, whole=True)
        assert burst.due() == 10.0 + number / 10 + WHOLE_S
        burst.clear()


def test_a_save_after_a_synchronisation_is_a_persons():
    """A file saved after a report of many files is reported at once."""
    burst = Burst()
    last = add_many(burst, 2000, 0.001)
    burst.clear()
    burst.add("app.py", last + 0.3, whole=True)
    assert burst.due() == last + 0.3 + WHOLE_S


def test_an_archives_file_waits_for_the_next():
    """One file of an archive waits a moment, and is not waited with once it is reported."""
    burst = Burst()
    burst.add("a", 10.0, whole=True)
    burst.add_archived()
    assert burst.due() == 10.0 + ARCHIVED_S
    burst.clear()
    burst.add("a", 11.0, whole=True)
    assert burst.due() == 11.0 + WHOLE_S


def test_a_known_writer_needs_no_quiet():
    """If the program that writes the files is known, its end is the end of the burst."""
    burst = Burst()
    burst.note_writer(is_known=True)
    last = add_many(burst, 200, 0.1)
    assert burst.due() == last + MANY_S
