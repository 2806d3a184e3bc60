"""Clients of the live tests: programs that must be installed, and a plain request that is timed.

Without a program its tests are not run; where CI has promised it, that is a failure.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time

import pytest

from tests.live.live_appliance import Appliance

# Read before the tests' environment is cleared of the appliance's names (tests/conftest.py).
REQUIRED = os.environ.get("APPLIANCE_TESTS_CLIENTS") == "required"


def program(*names: str) -> str:
    """The first of these that is installed."""
    for name in names:
        if found := shutil.which(name):
            return found
    if REQUIRED:
        pytest.fail(f"{names[0]} is not installed, and APPLIANCE_TESTS_CLIENTS=required")
    pytest.skip(f"not run: there is no {names[0]}")


def plain_s(appliance: Appliance) -> float:
    """The seconds that a plain request of ``tests/apps/soaked`` takes, the median of many."""
    took = []
    for _ in range(31):
        began = time.monotonic()
        response, body = appliance.get("/sized?n=100")
        took.append(time.monotonic() - began)
        assert (response.status, len(body)) == (200, 100)
    return statistics.median(took)
