"""The tests of swaps on the Pythons that swap: this one may be older."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.releases import environment
from tests.thorough import one_in

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[3]
FILES = ("test_body_swap.py", "test_code_difference.py", "test_import_monitor.py")


@pytest.mark.parametrize("python", one_in(2, ["3.13", "3.12"]))
def test_swaps_are_tested_on_other_pythons(python):
    """The same tests pass on the Pythons that swap, and none of them is left out there."""
    program = environment(python, "pytest==9.0.1", project="import pytest\n") / "bin" / "python"
    options = ["-q", "-rs", "-p", "no:cacheprovider", "--noconftest", "-c", "/dev/null", "--rootdir", str(ROOT)]
    done = subprocess.run(
        [program, "-m", "pytest", *options, *(str(Path(__file__).with_name(name)) for name in FILES)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert re.search(r"\d+ passed", done.stdout)
    assert "run on newer Pythons" not in done.stdout
