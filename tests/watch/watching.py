"""A watcher of a real folder, and what it has told."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance.watch import burst
from appliance.watch.event_sources import FileEvent
from appliance.watch.file_contents import FileContents
from appliance.watch.kinds import Kind
from appliance.watch.tree import Mark
from appliance.watch.watch_set import WatchOptions
from appliance.watch.watcher import Changes, Watcher, WorkerState


class Watching:
    """A watcher that runs; a listener that remembers."""

    def __init__(self, options: WatchOptions) -> None:
        self.root = Path(options.root)
        self.bursts: queue.SimpleQueue[Changes] = queue.SimpleQueue()
        self.noticed_files: list[str] = []
        self.events: queue.SimpleQueue[tuple[str, dict[str, object]]] = queue.SimpleQueue()
        self.seen: list[tuple[str, dict[str, object]]] = []
        self.state = WorkerState.SERVING
        self.watcher = Watcher(options, self)
        self.watcher.start()
        self.begun = self.event("watch.started")

    @property
    def source(self) -> Any:
        """Return the source of the watcher's events."""
        return self.watcher._watch_set.source

    def fail(self) -> None:
        """Let the next wait for events fail, as a defect would."""

        def failing(_timeout_s: float) -> list[FileEvent]:
            raise RuntimeError("a defect")

        self.source.wait = failing
        self.source.wake()

    def event(self, name: str) -> dict[str, object]:
        """The fields of the next event of this name."""
        while True:
            event, fields = self.events.get(timeout=30)
            self.seen.append((event, fields))
            if event == name:
                return fields

    def burst(self) -> Changes:
        """The next burst."""
        return self.bursts.get(timeout=30)

    def changes(self) -> dict[str, Kind]:
        """Return the changes of the next burst."""
        return dict(self.burst().kinds)

    def changes_before(self, mark: str = "mark.py") -> list[str]:
        """All that was told before a save that is certain to be."""
        save(self.root / mark, f"{time.monotonic_ns()}")
        changes: list[str] = []
        while mark not in changes:
            changes += self.changes()
        return sorted(set(changes) - {mark})

    @contextlib.contextmanager
    def as_one(self) -> Iterator[None]:
        """All that happens to the files in this context is seen at once, however slow the machine is."""
        source = self.source
        wait, waits, over = source.wait, threading.Event(), threading.Event()

        def held(timeout_s: float) -> list[FileEvent]:
            waits.set()
            over.wait()
            found: list[FileEvent] = wait(timeout_s)
            return found

        source.wait = held
        source.wake()
        assert waits.wait(timeout=30)
        try:
            yield
        finally:
            source.wait = wait
            over.set()

    def look(self) -> None:
        """Return once the watcher has seen all events until now: it has begun to wait for events twice more."""
        for _ in range(2):
            with self.as_one():
                pass

    def end(self) -> None:
        """Stop the watcher, and wait for its end: what the next test counts must not be this one's."""
        self.watcher.stop()
        self.watcher._thread.join(timeout=10)
        assert not self.watcher._thread.is_alive()
        self.source.close()

    # -- the listener --------------------------------------------------------------------------------------------------

    def noticed(self, path: str) -> None:
        """Keep the path of a file that was noticed."""
        self.noticed_files.append(path)

    def changed(self, changes: Changes) -> None:
        """Keep a burst of changes."""
        self.bursts.put(changes)

    def unchanged(self, seen: Mapping[str, float]) -> None:
        """Ignore saves that have changed nothing."""

    def report_event(self, event: str, fields: Mapping[str, object]) -> None:
        """Keep an event for the log."""
        self.events.put((event, dict(fields)))

    def worker_state(self) -> WorkerState:
        """As the test says."""
        return self.state


Watch = Callable[..., Watching]


def save(path: Path, text: str) -> None:
    """As many editors do: another file, renamed over it. That is one event, so no pause can make two saves of it."""
    aside = path.with_name(f"{path.name}.tmp{time.monotonic_ns()}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


@pytest.fixture
def watch_set(tmp_path: Path) -> Path:
    """A project with a few files."""
    root = tmp_path / "project"
    (root / "shop").mkdir(parents=True)
    for name in ("app.py", "shop/__init__.py", "shop/views.py", ".env"):
        (root / name).write_text(f"# {name}\n", encoding="utf-8")
    return root


@pytest.fixture
def watch(watch_set: Path) -> Iterator[Watch]:
    """Begin to watch the project, or another folder."""
    running: list[Watching] = []

    def begin(root: Path | None = None, **options: object) -> Watching:
        running.append(Watching(WatchOptions(str(root or watch_set), **options)))  # type: ignore[arg-type]
        return running[-1]

    yield begin
    for each in running:
        each.end()


def age(folder: Path) -> None:
    """Everything was saved a while ago."""
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - 60,) * 2, follow_symlinks=False)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wait for an editor is long, since a busy machine may be slow; the editor's last event ends it."""
    for wait in ("PARTIAL_S", "MISSING_S", "MAX_S"):
        monkeypatch.setattr(burst, wait, 20.0)


Looked = Callable[[Watching, bool], None]


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Looked:
    """Wait until a watcher has looked at each file in the background, and knows its content, or could not learn it."""
    record = FileContents.record
    looks: queue.SimpleQueue[tuple[FileContents, str, bool]] = queue.SimpleQueue()

    def observed(contents: FileContents, path: str, seen: Mark) -> bool:
        is_known = record(contents, path, seen)
        looks.put((contents, path, is_known))
        return is_known

    monkeypatch.setattr(FileContents, "record", observed)

    def wait(watching: Watching, is_known: bool) -> None:
        missing = set(watching.watcher._watch_set.existing_files())
        while missing:
            contents, path, result = looks.get(timeout=30)
            if contents is watching.watcher._contents and result is is_known:
                missing.discard(path)

    return wait
