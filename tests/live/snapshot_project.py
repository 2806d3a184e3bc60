"""A project of any files, served with APPLIANCE_SWAP=on: its snapshot, checkpoints, and how its saves are served."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.live.live_appliance import Appliance, Event, Start
from tests.live.swapped_project import status_of, worst_of


class SnapshotProject:
    """The project, served."""

    def __init__(self, start: Start, folder: Path, files: Mapping[str, str], python: str, **settings: str) -> None:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        self.folder = folder
        given = {"APPLIANCE_INSTALL": "off", "APPLIANCE_SWAP": "on", "VIRTUAL_ENV": python, **settings}
        self.appliance: Appliance = start(folder, **given)
        self.appliance.wait_for("worker.ready")

    def has_snapshot(self) -> None:
        """Wait until there is a snapshot of what was saved last."""
        while self.status()["snapshot"]["state"] != "ready":
            self.appliance.wait_for("snapshot.ready")

    def has_checkpoint(self, name: str) -> None:
        """Wait until there is a checkpoint before this file."""
        while name not in {each["file"] for each in self.status()["snapshot"]["checkpoints"]}:
            self.appliance.wait_for("checkpoint.ready")

    def save(self, name: str, text: str) -> Event:
        """Save a file; how it was reloaded."""
        self.appliance.edit(name, text)
        return self.appliance.wait_for("reload.finished")

    def text(self, path: str = "/") -> str:
        """The body of an answer."""
        return self.appliance.get(path)[1].decode()

    def answers(self, text: str) -> None:
        """Wait until this is what is answered."""
        while self.text() != text:
            self.appliance.wait_for("reload.finished")

    def status(self) -> dict[str, Any]:
        """Return the answer of ``appliance status --json``."""
        return status_of(self.appliance)

    def worst(self) -> list[str]:
        """The events of the log so far that are errors, or defects of ours."""
        return worst_of(self.appliance)

    def named(self, name: str) -> list[Event]:
        """The events of this name, of the log so far."""
        self.appliance.catch_up()
        return [each for each in self.appliance.events if each["event"] == name]
