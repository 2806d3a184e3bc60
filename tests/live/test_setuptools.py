"""An import that lacks what setuptools brings: it is installed, and the worker starts again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import HELLO, Appliance
from tests.package_index import wheel

pytestmark = pytest.mark.whole

Start = Callable[..., Appliance]


def only(wheels: Path) -> dict[str, str]:
    """Return the variables by which the installer takes these wheels alone, on any machine."""
    none = {"PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    return {"UV_FIND_LINKS": str(wheels), "UV_NO_INDEX": "1", "UV_OFFLINE": "1", **none}


def test_setuptools_are_supplied_once(start: Start, project: Path, tmp_path: Path):
    """One event says what was lacking; the project is served, and the next start has it from the first."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels, "setuptools", "80.0")
    wheel(wheels, "legacy")
    (project / "requirements.txt").write_text("legacy\n")
    # Not every Python lacks distutils, and a stand-in of setuptools brings no pkg_resources: it is imported itself.
    (project / "app.py").write_text("import setuptools\n" + HELLO.format(word="one"))
    settings = only(wheels)
    appliance = start(**settings)
    event = appliance.wait_for("install.extended")
    assert (event["package"], "setuptools" in event["reason"]) == ("setuptools", True)
    appliance.wait_for("install.started")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"
    appliance.stop()
    assert not [event for event in appliance.events if event["event"] == "worker.failed"]
    again = start(**settings)
    again.wait_for("worker.ready")
    assert not [event for event in again.events if event["event"].startswith("install.")]


def test_a_module_that_setuptools_lacks_is_reported_once(start: Start, project: Path, tmp_path: Path):
    """If the module is still missing, the failure is reported, and nothing repeats without end."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels, "setuptools", "79.0")
    (project / "app.py").write_text("import pkg_resources\n" + HELLO.format(word="one"))
    appliance = start(**only(wheels), APPLIANCE_CACHE=str(tmp_path / "own"))
    appliance.wait_for("install.extended")
    failed = appliance.wait_for("worker.failed")
    assert "pkg_resources" in failed["message"]
