"""Random saves of real and of written sources: what was swapped is what a fresh import makes, to the last position."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.releases import interpreter
from tests.swaps.sources import PACKAGES
from tests.thorough import THOROUGH, in_turn, long_form

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[3]
CARELESS = ["blocked", "classes", "constants", "lines", "objections", "outside", "ran"]


def saved(python, *options):
    """The last line of a run of random saves, its exit code, and all that it printed."""
    done = subprocess.run(
        [interpreter(python), "-m", "tests.swaps.saves", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=1700,
        check=False,
    )
    printed = done.stdout + done.stderr
    return done.stdout.splitlines()[-1], done.returncode, printed[-8000:]


@pytest.mark.timeout(1800 if THOROUGH else 120)
@pytest.mark.parametrize(
    ("sources", "saves", "python"),
    in_turn([("standard", 2700 if THOROUGH else 12), ("hazards", 7000 if THOROUGH else 76)], ["3.12", "3.13"]),
)
def test_a_swap_is_what_a_fresh_import_makes(sources, saves, python):
    """No save that was swapped differs from a fresh import, and enough of them are swapped."""
    last, code, printed = saved(python, "--sources", sources, "--saves", str(saves))
    assert code == 0, printed
    assert last.endswith(" 0 differences")
    found = re.search(r"'swapped': (\d+)", last)
    assert found is not None
    assert int(found[1]) > saves / 5


@pytest.mark.timeout(1800)
@long_form("it imports each package hundreds of times")
@pytest.mark.parametrize("python", ["3.12", "3.13"])
def test_installed_packages_are_swapped_like_a_project(python):
    """Flask, Werkzeug, Jinja and parts of Django as projects: no save that was swapped differs from a fresh import."""
    folder = sysconfig.get_path("purelib")
    assert all(Path(folder, name).is_dir() for name in PACKAGES)
    last, code, printed = saved(python, "--sources", "none", "--packages", folder, "--saves", "320")
    assert code == 0, printed
    assert last.endswith(" 0 differences")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("careless", CARELESS if THOROUGH else ["ran"])
def test_a_careless_swap_is_found(careless):
    """If a swap leaves a check out, the comparison finds differences."""
    saves = "3000" if THOROUGH else "76"
    last, code, printed = saved("3.13", "--sources", "hazards", "--saves", saves, "--careless", careless)
    assert code == 1, printed
    assert not last.endswith(" 0 differences")
