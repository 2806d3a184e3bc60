"""A file that causes one reload after the other: a line at the fifth, and then delays that lose no save."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.supervisor.saves.reload_loops import DELAY_S, LOOP, Reaction, ReloadLoops

NOTHING = Reaction()


def test_the_fifth_reload_of_one_file_in_ten_seconds_is_reported_once():
    """The fifth reload by one file alone is reported, once; slower ones, and ones with another in between, are not."""
    repeats = ReloadLoops()
    said = [repeats.saved(["a.py"], now, starting=False) for now in (10.0, 12.0, 14.0, 16.0, 20.0, 20.5, 21.0)]
    assert said == [NOTHING] * 4 + [Reaction(often="a.py"), NOTHING, NOTHING]
    assert [repeats.saved(["b.py"], now, starting=False) for now in (30.0, 32.0, 34.0, 36.0, 41.0)] == [NOTHING] * 5
    assert repeats.saved(["b.py"], 41.5, starting=False) == Reaction(often="b.py")
    names = "c.py", "c.py", "c.py", "c.py", "d.py", "c.py", "c.py"
    assert [repeats.saved([name], 50.0, starting=False) for name in names] == [NOTHING] * len(names)
    assert repeats.saved(["c.py", "d.py"], 51.0, starting=False) == NOTHING


def test_changes_at_each_start_are_delayed():
    """Changes that come at each start are held, twice as long each time; one that comes at another time ends that."""
    repeats = ReloadLoops()
    verdicts = [repeats.saved(["a.ini"], float(now), starting=True) for now in range(LOOP + 2)]
    assert [each.delay_s for each in verdicts] == [0.0] * (LOOP - 1) + [3.0, 6.0, 12.0]
    assert repeats.saved(["a.ini"], 99.0, starting=False).delay_s == 0.0
    assert [repeats.saved(["a.ini"], 100.0, starting=True).delay_s for _ in range(LOOP)][-1] == DELAY_S[0]


def test_the_file_of_the_last_start_is_known():
    """One file that has changed during the last start counts, alone, until it changes at another time."""
    repeats = ReloadLoops()
    assert not repeats.counts(["a.ini"])
    repeats.saved(["a.ini"], 0.0, starting=True)
    assert [repeats.counts(files) for files in (["a.ini"], ["b.ini"], ["a.ini", "b.ini"])] == [True, False, False]
    repeats.saved(["a.ini"], 1.0, starting=False)
    assert not repeats.counts(["a.ini"])


def test_another_file_ends_a_circle():
    """As soon as something else is saved too, nothing is put off."""
    repeats = ReloadLoops()
    for _ in range(LOOP + 3):
        repeats.saved(["a.ini"], 0.0, starting=True)
    assert repeats.saved(["a.ini", "app.py"], 1.0, starting=True) == NOTHING
    assert repeats.saved(["a.ini"], 2.0, starting=True) == NOTHING


def test_several_files_at_each_start_are_not_delayed():
    """Several files that change together, as after a checkout, are never delayed, however often they change."""
    repeats = ReloadLoops()
    files = ["a.ini", "app.py"]
    assert [repeats.saved(files, 0.0, starting=True) for _ in range(LOOP + 3)] == [NOTHING] * (LOOP + 3)


@given(st.lists(st.tuples(st.sampled_from([("a",), ("b",), ("a", "b")]), st.booleans()), max_size=60))
def test_only_a_loop_of_one_file_is_delayed(reload_trigger: list[tuple[tuple[str, ...], bool]]):
    """Only a row of changes of one file, each while a worker starts, is ever delayed, whatever is saved."""
    repeats = ReloadLoops()
    row: list[tuple[str, ...]] = []
    for now, (files, starting) in enumerate(reload_trigger):
        row = [*row, files] if starting and (not row or row[-1] == files) else [files] * starting
        delay_s = repeats.saved(files, float(now), starting=starting).delay_s
        assert (delay_s > 0) == (len(files) == 1 and len(row) >= LOOP)
        assert delay_s <= DELAY_S[1]
