"""A step is tried in a fork of this process, which stays as it is."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.worker.preload.forking import succeeds_in_fork

PROGRAM = """
import os, sys
sys.path.insert(0, sys.argv[1])
from appliance.worker.preload.forking import succeeds_in_fork
kept = []

def fails():
    raise ValueError

tried = [succeeds_in_fork(lambda: kept.append(1) is None), succeeds_in_fork(lambda: False), succeeds_in_fork(fails)]
print(tried, kept)
"""


def test_a_step_is_tried_without_a_trace():
    """A step that returns True has succeeded, any other has not; this process keeps nothing of it."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(Path(__file__).parents[3])], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[True, False, False] []\n"


def test_a_step_is_not_tried_without_a_fork(monkeypatch: pytest.MonkeyPatch):
    """If no process can be forked, the step has not succeeded, and nothing fails."""

    def refuse() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    assert succeeds_in_fork(lambda: True) is False
