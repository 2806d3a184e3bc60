"""Remedies whose project, stand-in and worker only remember."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.protocol.page_messages import RemediesFound, RemedyProgress, RunRemedy, SetRemedies
from appliance.supervisor import lifecycle_events
from appliance.supervisor.lifecycle import State
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.processes import child_starts
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.remedy_runs import offered_remedies, remedy_run
from appliance.supervisor.remedy_runs.offered_remedies import OfferedRemedies
from tests.supervisor.fakes import FakeChildren, FakeLog, FakeLoop, handle


class AtOnce:
    """A thread that runs at once, in the caller's."""

    def __init__(self, target: Callable[[], None], **_: object) -> None:
        self.start = target


class Scene:
    """One project's remedies, its stand-in and its worker."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (offered_remedies, remedy_run):
            monkeypatch.setattr(module, "threading", SimpleNamespace(Thread=AtOnce))
        self.spawned: list[tuple[list[str], dict[str, Any]]] = []
        monkeypatch.setattr(child_starts, "spawn", self._spawn)
        self.loop, self.children, self.log = FakeLoop(), FakeChildren(), FakeLog()
        self.events: list[lifecycle_events.Event] = []
        self.lifecycle = SimpleNamespace(
            state=State(phase=Phase.BROKEN, generation=3, job=7), on_event=self.events.append
        )
        self.pages: list[dict[str, Any]] = []
        self.settings = settings = SimpleNamespace(
            project=root, pages="on", reload="on", env_files=(".env",), cache=root / "cache",
            python="", app="", asgi="", before_start="", origins={},
        )  # fmt: skip
        runtime: Any = SimpleNamespace(
            loop=self.loop, children=self.children, log=self.log, settings=settings, process={"PATH": "/bin"},
            lifecycle=self.lifecycle,
        )  # fmt: skip
        self.spawner = SimpleNamespace()
        spawner: Any = self.spawner
        self.remedies = OfferedRemedies(runtime, spawner)
        self.children.ended = self.remedies.ended
        self.standin, self.worker = handle("standin"), handle("worker")
        self.worker.generation = 3
        for child in (self.standin, self.worker):
            self.children.add(child)

    def _spawn(self, role: str, _generation: int, argv: list[str], **options: Any) -> Handle:
        assert role == "remedy"
        self.spawned.append((list(argv), options))
        return handle("remedy")

    def send(self, child: Handle, message: Any) -> None:
        """A child sends a message, and time passes."""
        self.remedies.handlers()[type(message)](child, message, [])
        self.loop.advance()

    def offer(self, *needs: Any, generation: int = 3) -> list[str]:
        """A worker has found needs; the ids that the stand-in knows now."""
        self.worker.generation = generation
        self.send(self.worker, RemediesFound(needs=list(needs)))
        told = [message for _, message in self.children.sent if isinstance(message, SetRemedies)]
        return [each["id"] for each in told[-1].remedies] if told else []

    def shown(self, remedy: str) -> dict[str, Any]:
        """Return the state that the pages show of a remedy; empty without it."""
        told = [message for _, message in self.children.sent if isinstance(message, SetRemedies)]
        return next((dict(each) for each in (told[-1].remedies if told else ()) if each["id"] == remedy), {})

    def press(self, remedy: str, shown: str | None = None) -> RemedyProgress:
        """A person presses a button; return the progress that the pages receive."""
        shown = str(self.shown(remedy).get("shown", "")) if shown is None else shown
        self.send(self.standin, RunRemedy(remedy=remedy, shown=shown))
        return [message for _, message in self.children.sent if isinstance(message, RemedyProgress)][-1]
