"""A project that is changed at random, save by save, is served as a cold start would serve it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.soak.mutated_saves import MutatedProject
from tests.thorough import THOROUGH

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="images are made on Linux")

_DEFAULT_S, _THOROUGH_S = 6.0, 55.0
_MOST_S = 180.0  # until a save was swapped: on a busy machine most find no image ready


def test_a_swapped_state_is_that_of_a_cold_start(tmp_path: Path) -> None:
    """After each save, every route and the fingerprint of every module answer as after an import of the same files."""
    project = MutatedProject(tmp_path, seed=5)
    ends = time.monotonic() + (_THOROUGH_S if THOROUGH else _DEFAULT_S)
    try:
        while time.monotonic() < ends or (not project.outcome.how["swapped"] and time.monotonic() < ends + _MOST_S):
            project.step()
    finally:
        project.close()
    outcome = project.outcome
    assert outcome.differences == []
    assert outcome.mismatches == []
    assert outcome.how["swapped"], outcome.how
