"""Every form of dependencies, as a project that runs: installed from a wheel of the test's, served, left as it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance
from tests.package_index import wheel
from tests.thorough import one_in

pytestmark = pytest.mark.whole

Start = Callable[..., Appliance]
APPS = Path(__file__).parent.parent / "apps"
FORMS = {path.name: path for path in sorted(APPS.glob("deps_*"))}


@pytest.mark.parametrize("name", one_in(2, FORMS))
def test_a_project_of_each_form_is_installed_and_served(start: Start, tmp_path: Path, name: str):
    """The project comes up with what its file asks for, and nothing is written into its folder."""
    folder = tmp_path / name
    shutil.copytree(FORMS[name], folder)
    (folder / "wheels").mkdir()
    for version in ("1.0", "2.0"):
        wheel(folder / "wheels", "kettle", version)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    machine = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "UV_OFFLINE": "1"}
    appliance = start(folder, **machine, UV_FIND_LINKS=str(folder / "wheels"), UV_NO_INDEX="1")
    appliance.wait_for("install.finished")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"kettle 1.0"
    assert appliance.stop() == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before
