"""The starts of preloaders, for all tests here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from appliance.supervisor.processes import child_starts
from tests.supervisor.preloading.preloading_project import Project


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Callable[[Project], Project]:
    """Let its starts be its own."""

    def begin(project: Project) -> Project:
        monkeypatch.setattr(child_starts, "spawn_side", project.spawn)
        monkeypatch.setattr(child_starts, "prepare_forked", project.unborn)
        return project

    return begin
