"""Tell which files are the project's own, and which of them this worker was made from.

Starts what observes them in this process: the finder of missing modules, the audit of opened files. Runs in the worker.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ...protocol.messages import FilesReport
from . import source_loader
from .input_files import InputFiles
from .missing_modules import MissingModules
from .open_audit import OpenAudit
from .project_places import ProjectPlaces

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...protocol.snapshot_messages import ImportAhead
    from ...protocol.start.first_messages import Start
    from ..hooks import Hooks
    from .input_files import Mark
    from .source_loader import CodeCache, Loader


class KnownFiles:
    """The files of one generation; create it before anything of the project is imported.

    Args:
        start: the supervisor's description of this worker.
        notes: the pipe for files that are used later; -1: none.
        hooks: guard the observers.
        is_forked: the preloader has already checked what Python imports at its start.
    """

    def __init__(self, start: Start | ImportAhead, notes: int, hooks: Hooks, *, is_forked: bool) -> None:
        self._start = start
        self._hooks = hooks
        self.root = start.root
        self.places = ProjectPlaces(start.root, sys.path)
        self.unpreloadable = "" if is_forked else self.places.loaded_early()
        self._inputs = InputFiles(start.root, notes)
        self._read_so_far: Mapping[str, Mark] = {}  # with other names, and with what only a snapshot notices
        self._opened: OpenAudit | None = None
        self._missing: MissingModules | None = None

    def begin(self, code: CodeCache) -> Loader:
        """Observe the project's files from now on, and load its modules by content; return the loader."""
        loader = source_loader.install(self.places, code, self._inputs)
        options = self._start.options
        if watched := options["watched"]:
            removed = options["removed"]
            self._missing = MissingModules(self.places, self._inputs.record, removed, self._hooks)
            self._missing.begin()
            self._opened = OpenAudit(self._inputs, self.places, self._start.root, watched, self._hooks)
            self._opened.begin()
        return loader

    def rebind(self, start: Start, notes: int) -> None:
        """Go on as this worker, in a fork of the process that has imported the project; report what it adds."""
        self._start = start
        self._inputs.bind(notes)
        if self._missing is not None:
            self._missing.set_removed(start.options["removed"])

    def absolute(self, path: str) -> str:
        """Return a file's absolute path, below the project's folder as the supervisor names that."""
        return self._inputs.absolute(path)

    def report(self) -> FilesReport:
        """Return the files used during the start, which is over, successful or not. Later ones report themselves."""
        if self._opened is not None:
            self._opened.end_start()
        more = self._inputs.is_addition
        return FilesReport(files=self._inputs.report(), listed=[] if more else sorted(self._inputs.listed), more=more)

    def report_once(self) -> FilesReport:
        """Return the files so far, once for all forks of this process: their reports have only what they add."""
        report = self.report()
        self._inputs.keep_added()
        return report

    def report_so_far(self, before: str, sources: Iterable[str]) -> FilesReport:
        """Return the files that the start, which goes on, has used until now, by each name that a save may have.

        Args:
            before: the file of the module that comes next.
            sources: files that the project has read itself, wherever they are.
        """
        self.record_loaded(but=self.absolute(before))
        unmarked = {path: list[int]() for path in map(self.absolute, sources)}
        self._read_so_far = {**unmarked, **self._inputs.real_places(), **self._inputs.files}
        return FilesReport(files=dict(self._read_so_far), listed=sorted(self._inputs.listed))

    def is_used(self, path: str) -> bool:
        """Whether a file (absolute path) was read or looked for until now."""
        return path in self._inputs.files or path in self._read_so_far

    def template_readers(self, path: str) -> set[str] | None:
        """Return who has read a template since the start; None if it was read before, or if that is not certain."""
        return None if self._opened is None else self._opened.readers_of(path)

    def read_at_start(self) -> frozenset[str] | None:
        """Return the files that the import has read, looked for or written; None if that is not certain."""
        return None if self._opened is None else self._opened.at_start()

    @property
    def listed_folders(self) -> set[str]:
        """The folders that the import has listed."""
        return self._inputs.listed

    def project_modules(self) -> list[str]:
        """Return the files of the project's own modules that are loaded."""
        return source_loader.project_files(self.places)

    def record_loaded(self, but: str = "") -> None:
        """Record the files that our loader did not load: extension modules, a script. ``but``: a file to leave out."""
        for file in self.project_modules():
            if self.absolute(file) != but:
                self._inputs.record(file)
