"""The project's files as one worker knows them: which are its own, and which it was made from.

Owns what watches them in this process: the finder of missing modules, the audit of opened files. Knows nothing of who
is told. Runs in the worker.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ...protocol.channel import FilesReport
from . import source_loader
from .input_files import InputFiles
from .missing_modules import MissingModules
from .open_audit import OpenAudit
from .project_places import ProjectPlaces

if TYPE_CHECKING:
    from ...protocol.channel import Start
    from ..hooks import Hooks
    from .source_loader import CodeCache, Loader


class KnownFiles:
    """The files of one generation; to be made before anything of the project's is imported.

    Args:
        start: what this worker is to be.
        notes: the pipe for what is met later; -1 for none.
        hooks: guards what watches them.
        is_forked: whether the preloader has looked for what Python imports when it starts.
    """

    def __init__(self, start: Start, notes: int, hooks: Hooks, *, is_forked: bool) -> None:
        self._start = start
        self._hooks = hooks
        self.places = ProjectPlaces(start.root, sys.path)
        self.unpreloadable = "" if is_forked else self.places.loaded_early()
        self._inputs = InputFiles(start.root, notes)
        self._opened: OpenAudit | None = None

    def begin(self, code: CodeCache) -> Loader:
        """See the project's files from now on, and load its modules by their content; the loader."""
        loader = source_loader.install(self.places, code, self._inputs)
        watched = self._start.options.get("watched")
        if watched:
            MissingModules(self.places, self._inputs.met, self._start.options.get("removed", ()), self._hooks).begin()
            self._opened = OpenAudit(self._inputs, self.places, self._start.root, watched, self._hooks)
            self._opened.begin()
        return loader

    def loaded(self) -> FilesReport:
        """The start is over, well or not: what was met so far. What is met from now on is noted by itself."""
        if self._opened is not None:
            self._opened.starting = False
        return FilesReport(files=self._inputs.tell())

    def look(self) -> None:
        """Note what no loader of ours has loaded: extension modules, a script."""
        for file in source_loader.own_files(self.places):
            self._inputs.met(file)
