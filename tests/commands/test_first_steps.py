"""The first steps of commands that write into a project."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from appliance.commands.first_steps import OpenedProject, mounted_folder
from appliance.config.env import Environment
from appliance.config.settings import read_settings
from appliance.errors import SettingsError


def opened(folder: Path) -> OpenedProject:
    """A project in this folder, with no settings of its own."""
    settings = read_settings({}, {}, {"project": str(folder)}, folder)
    return OpenedProject({}, {}, Environment({}, {}, (), ()), settings)


def test_the_images_example_is_not_a_mounted_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A command that writes files refuses the image's example, and the remedy names the command."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "image"))
    example, project = tmp_path / "image" / "examples" / "hello", tmp_path / "shop"
    for folder in (example, project):
        folder.mkdir(parents=True)
    assert mounted_folder(opened(project), "init") == project
    with pytest.raises(SettingsError, match="no project is mounted") as caught:
        mounted_folder(opened(example), "deploy --for swarm")
    assert caught.value.action.endswith(" wsgi-appliance deploy --for swarm")
