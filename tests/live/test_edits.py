"""The short form of a day's work: ``make soak`` has the long one."""

from __future__ import annotations

import sys

import pytest

from tests.soak.edits import work

pytestmark = pytest.mark.whole


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="not run: what processes hold is read from /proc")
def test_each_of_many_edits_gets_the_right_answer():
    """Edits of every kind, breaking ones too, are each followed by the right answer; of a burst the last is served."""
    result = work(edits=30, bursts=1, seed=5, looks=1)
    assert result.failures == []
    assert {"value", "break_import", "repair", "template"} <= result.kinds.keys()


@pytest.mark.waits
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="not run: only Linux has snapshots")
def test_a_short_day_with_swaps():
    """With swaps each edit is followed by the right answer as well, and most of those inside functions are swapped."""
    result = work(edits=24, bursts=1, seed=6, looks=1, swap="mixed")
    assert result.failures == []
    assert result.hows.get("swapped", 0) > 0
    assert {"body", "break_import"} <= result.kinds.keys()
