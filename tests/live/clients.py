"""The programs that the tests of real clients need: not run without one, a failure where CI has promised it."""

from __future__ import annotations

import os
import shutil

import pytest

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
