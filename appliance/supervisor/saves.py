"""What the watcher tells, brought into the supervisor's loop.

Owns the watcher of the project, and what it needs to know of the project's state. Decides nothing: a burst of saves
becomes one call, in the loop's own thread.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.supervisor.lifecycle import Phase
from appliance.watch.ground import Terms
from appliance.watch.kinds import Kind
from appliance.watch.watcher import Changes, Mood, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from appliance.boot.settings import Settings
    from appliance.logs.setup import Log
    from appliance.supervisor.loop import Loop

_MOODS = {Phase.SERVING: Mood.SERVING, Phase.BROKEN: Mood.BROKEN}


class Saves:
    """The saves of one project."""

    def __init__(
        self,
        settings: Settings,
        loop: Loop,
        log: Log,
        *,
        changed: Callable[[Changes], None],
        phase: Callable[[], Phase],
    ) -> None:
        self._on = settings.reload == "on"
        self._loop = loop
        self._log = log
        self._told = changed
        self._phase = phase
        self._how: dict[str, Any] | None = None
        terms = Terms(str(settings.project), settings.watch, settings.ignore, settings.env_files, settings.watch_extra)
        self._watcher = Watcher(terms, self)

    def start(self) -> None:
        """Tell of saves from now on, if the user wants that."""
        if self._on:
            self._watcher.start()

    def stop(self) -> None:
        """Tell of nothing more."""
        self._watcher.stop()

    def planned(self, files: Iterable[Path]) -> None:
        """The installation's plan was made from these files, wherever they are."""
        self._watcher.also("plan", Kind.DEPENDENCIES, map(str, files))

    def found(self, file: str) -> None:
        """The application is in this file, which may have a name that no module has."""
        self._watcher.also("target", Kind.CODE, [file] if file else [])

    def loaded(self, files: Iterable[str]) -> None:
        """The worker's own modules are in these files: some may be where nobody would look, or ignored by git."""
        self._watcher.also("worker", Kind.CODE, files)

    def failed(self, report: Mapping[str, Any]) -> None:
        """An import ended in these files: to be mended there."""
        files = [report.get("file"), *(frame["file"] for frame in report.get("frames") or [])]
        installed = ("/site-packages/", "/dist-packages/", "/lib/python3")
        own = (str(file) for file in files if file and not any(part in str(file) for part in installed))
        self._watcher.also("failure", Kind.CODE, [file for file in own if file.startswith("/")])

    def told(self) -> dict[str, Any] | None:
        """How saves are noticed, for ``appliance status``; None where they are not."""
        return self._how if self._on else None

    def _note(self, event: str, fields: dict[str, Any]) -> None:
        self._how = {**(self._how or {}), **fields}
        self._log.event("warning" if event == "watch.failed" else "info", event, **fields)

    # -- called in the watcher's thread (watch.watcher.Listener) -------------------------------------------------------

    def changed(self, changes: Changes) -> None:
        """Files have changed."""
        self._loop.post(partial(self._told, changes))

    def watching(self, event: str, fields: Mapping[str, object]) -> None:
        """An event for the log."""
        self._loop.post(partial(self._note, event, dict[str, Any](fields)))

    def mood(self) -> Mood:
        """What became of what was last told."""
        return _MOODS.get(self._phase(), Mood.BUSY)
