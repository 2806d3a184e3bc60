"""A project that is changed at random, save by save, is served as a cold start would serve it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.soak.mutated_saves import SHARE, MutatedProject
from tests.thorough import THOROUGH

pytestmark = [pytest.mark.skipif("sys.platform != 'linux'", reason="snapshots are made on Linux"), pytest.mark.whole]

_DEFAULT_S, _THOROUGH_S = 6.0, 60.0
_MOST_S = 60.0  # until enough saves were swapped: on a busy machine snapshots take long


@pytest.mark.parametrize("kind", ["plain", "flask", "django"] if THOROUGH else ["flask"])
def test_a_swapped_state_is_that_of_a_cold_start(tmp_path: Path, kind: str) -> None:
    """After each save, every route and the fingerprint of every module answer as after an import of the same files."""
    project = MutatedProject(tmp_path, 5, kind)
    outcome = project.outcome
    ends = time.monotonic() + (_THOROUGH_S if THOROUGH else _DEFAULT_S)
    try:
        while time.monotonic() < ends or (outcome.share < SHARE and time.monotonic() < ends + _MOST_S):
            project.step()
    finally:
        project.close()
    assert outcome.differences == []
    assert outcome.mismatches == []
    assert outcome.share >= SHARE, outcome
