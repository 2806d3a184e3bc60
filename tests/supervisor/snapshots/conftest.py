"""Fixtures for the tests of snapshots: a project whose processes only remember."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from appliance.supervisor.processes import child_starts
from appliance.supervisor.snapshots import snapshot_imports, snapshot_memory, snapshot_runner, snapshots
from tests.supervisor.snapshots.snapshots_project import SnapshotsProject


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., SnapshotsProject]:
    """Make a project whose forks are its own."""

    def made(processors: float = 2.0, **options: str) -> SnapshotsProject:
        monkeypatch.setattr(snapshot_runner, "processors", lambda: processors)
        monkeypatch.setattr(snapshots, "are_crowded", lambda: False)
        memory = SimpleNamespace()
        monkeypatch.setattr(snapshot_memory, "Memory", lambda: memory)
        served = SnapshotsProject(tmp_path_factory.mktemp("project"), **options)
        memory.shortage = lambda: served.shortage
        monkeypatch.setattr(child_starts, "prepare_forked", served.prepare_forked)
        monkeypatch.setattr(snapshot_imports, "time", SimpleNamespace(monotonic=lambda: served.loop.now))
        return served

    return made


@pytest.fixture
def project(make) -> SnapshotsProject:
    """A project that has a snapshot."""
    made: SnapshotsProject = make()
    made.has_snapshot()
    return made


@pytest.fixture
def chain(project: SnapshotsProject) -> SnapshotsProject:
    """A project that has a snapshot, and a checkpoint before the module that was edited last."""
    project.has_checkpoint()
    return project
