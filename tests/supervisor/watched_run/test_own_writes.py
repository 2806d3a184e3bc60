"""Which changes may be a command's own, by the time from its start to each."""

from __future__ import annotations

import pytest

from appliance.supervisor.watched_run.own_writes import OwnWrites


@pytest.mark.parametrize(
    ("seconds", "own"),
    [
        ([0.1, 0.9, 0.3], [True, True, True]),
        ([1.4, 1.6, 1.2, 2.3], [False, True, True, True]),
        ([0.8, 1.2, 0.7], [True, True, True]),
        ([5.0, 6.0, 9.0], [False, True, True]),
        ([2.0, 8.0, 1.5], [False, False, False]),
        ([12.0, 12.0, 12.0], [False, False, False]),
    ],
    ids=["at once", "slow machine", "about a second", "slow command", "person", "slow person"],
)
def test_writes_come_as_regularly_as_starts(seconds: list[float], own: list[bool]):
    """A change within a second, or about as long after the start as the last one, may be the command's own."""
    writes = OwnWrites()
    assert [writes.note_change(each) for each in seconds] == own
