"""When a preloader makes a copy of itself."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import pytest

from appliance.worker.preload import preloader_copy
from appliance.worker.preload.preloader_copy import FIRST_S, PreloaderCopy


class Clock:
    """The time, as the test says."""

    now = 100.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now


@contextlib.contextmanager
def not_copied() -> Iterator[bool]:
    """Be the process that goes on, not its copy."""
    yield False


def test_a_copy_is_due_when_the_time_spent_has_doubled(monkeypatch: pytest.MonkeyPatch):
    """A copy is made at the beginning, and whenever the time spent has doubled: a round repeats at most half of it."""
    clock = Clock()
    monkeypatch.setattr(preloader_copy, "time", clock)
    monkeypatch.setattr(preloader_copy, "forked", not_copied)
    copy = PreloaderCopy([-1])
    made = []
    for step in range(8_000):  # milliseconds
        clock.now = 100.0 + step / 1000
        if copy.is_due:
            assert copy.make_copy() is None
            made.append(step / 1000)
    copy._drop()
    assert made[0] == 0.0
    assert made[1] == pytest.approx(FIRST_S, abs=0.002)
    assert [later / earlier for earlier, later in itertools.pairwise(made[1:])] == pytest.approx([2.0] * 7, rel=0.03)


def test_no_copy_is_due_without_descriptors():
    """Without descriptors for it, no copy is ever due."""
    assert not PreloaderCopy([]).is_due
