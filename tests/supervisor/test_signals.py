"""Signals before there is anything to stop."""

from __future__ import annotations

import subprocess
import sys

import pytest

EARLY = """
import os, signal
from appliance.supervisor.signals import answer_early
answer_early()
os.kill(os.getpid(), signal.{})
print("goes on")
"""


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [("SIGTERM", 0, ""), ("SIGINT", 130, ""), ("SIGQUIT", 131, ""), ("SIGHUP", 0, "goes on\n")],
)
def test_an_early_signal_ends_the_program(name: str, code: int, said: str):
    """An early signal ends the program as asked; a request to reload without a terminal changes nothing."""
    done = subprocess.run(
        [sys.executable, "-c", EARLY.format(name)],
        check=False, capture_output=True, text=True, timeout=60, start_new_session=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (code, said), done.stderr
