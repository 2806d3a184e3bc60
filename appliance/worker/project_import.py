"""Import the project in this process: its output is tagged, its files are recorded, its code comes from the cache.

This module has the steps before, during and after the import, in this order; they are the same however the application
is served. Runs in the main thread of a process of the project's side.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from . import app, stdlib_shadowing
from .entry import standard_library
from .files import source_loader
from .files.known_files import KnownFiles
from .hooks import Hooks
from .preload.import_order import ImportOrder
from .preload.module_reporter import ModuleReporter
from .preload.warming import warm
from .side_applications import SideApplications
from .stdio.stdio import tag_output

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from ..protocol.snapshot_messages import ImportAhead
    from ..protocol.start.first_messages import Start
    from .files.source_loader import Loader
    from .frameworks.live_objects import References
    from .preload.inheritance import Inheritance, PreloadMismatch
    from .stdio.held_output import HeldOutput


class ProjectImport:
    """The import of one project. Make it before anything of the project is imported, and after any fork.

    Args:
        start: the supervisor's description of the project.
        inheritance: the state that the preloader has left; None: this process was started cold.
        notes: the pipe for files that are used later; -1: none.
        held: keeps the output of the import, until ``rebind``.

    Attributes:
        hooks: guard our code in this process.
        stdio: its tagged output; None: it is not tagged.
        code: the cache of the project's compiled code.
        files: those that the project was made from.
        began: CLOCK_MONOTONIC at the start of the import.
        frozen: references to what ``rereading`` looks for, and ``gc.freeze`` hides; None if they are unknown.
        side_applications: those that a script serves itself, in other threads.
    """

    def __init__(
        self,
        start: Start | ImportAhead,
        inheritance: Inheritance | None,
        *,
        notes: int = -1,
        held: HeldOutput | None = None,
    ) -> None:
        self._start = start
        self._inheritance = inheritance
        self.hooks = Hooks() if inheritance is None else inheritance.hooks
        self.stdio = self.hooks.call("tagged output", tag_output, start.mark, self.hooks, held, otherwise=None)
        self.code = source_loader.CodeCache(start.code)
        self.files = KnownFiles(start, notes, self.hooks, is_forked=inheritance is not None)
        self.began = 0.0
        self.frozen: References | None = ()
        self.side_applications = SideApplications()
        self._order = ImportOrder()
        self.module_reporter = ModuleReporter(self.files, self._order, is_forked=inheritance is not None)
        self._loader: Loader | None = None

    def begin(self) -> PreloadMismatch | None:
        """Prepare this process, but import nothing yet; return why the preloaded modules do not fit, or None."""
        os.chdir(self._start.root)
        self.began = time.monotonic()
        target = self._start.target
        words = target["arguments"] if target["kind"] == "script" else []
        sys.argv[:] = [target["file"] or target["module"], *words]
        own = self.hooks.call(
            "modules that hide the standard library",
            stdlib_shadowing.choose_modules,
            target["search_path"],
            standard_library(sys.path),
            otherwise=list[str](),
        )
        if self._inheritance is not None and (mismatch := self._inheritance.before(target["search_path"], own)):
            return mismatch
        self._order.begin()
        self._loader = self.files.begin(self.code)
        sys.path[:0] = [entry for entry in target["search_path"] if entry not in sys.path]
        return None

    def run(self, serving: Callable[[app.Application], None]) -> None:
        """Import the application, and pass it to ``serving``, within the call of a script's server if it has one.

        Raises:
            TargetError: the target names no application that can be served.
            BaseException: any exception of the project's code.
        """
        if self._loader is None:
            raise RuntimeError("the import has not begun")
        target, adapter = self._start.target, self._start.options["adapter"]
        app.serve(target, self._loader, serving, self.hooks, adapter, self.side_applications)

    def code_of(self, name: str, path: str) -> CodeType:
        """Read a module's file again, and return its code.

        Raises:
            OSError: the file can't be read.
            Exception: it can't be compiled.
        """
        if self._loader is None:
            raise RuntimeError("the import has not begun")
        return self._loader(name, path).get_code(name)

    def rebind(self, start: Start, notes: int) -> None:
        """Go on as this worker, in a fork of the process that has imported the project.

        Its output goes to its own pipes, first what the import has printed; its files are reported by itself.
        """
        self._start = start
        os.chdir(start.root)  # somebody may have moved the folder away, and put another one into its place
        if self.stdio is not None:
            self.stdio.rebind(bytes.fromhex(start.mark))
        self.files.rebind(start, notes)

    def resume(self) -> PreloadMismatch | None:
        """Go on with an import that has paused, in a fork that serves; return why the preloaded modules do not fit."""
        self.began = time.monotonic()
        self.code.end_following()
        return self.unfit()

    def unfit(self) -> PreloadMismatch | None:
        """Return why the preloaded modules do not fit any more, or None: packages may have been installed since."""
        return None if self._inheritance is None else self._inheritance.before(self._start.target["search_path"], [])

    def after_failure(self, error: BaseException) -> PreloadMismatch | None:
        """Return why the import may have failed because of preloaded modules; None if it has not."""
        return None if self._inheritance is None else self._inheritance.after_failure(error)

    def warm(self, application: app.Application) -> None:
        """Do a framework's work for its first request.

        Raises:
            Exception: whatever the project's modules raise.
        """
        warm(application)

    def finish(self) -> PreloadMismatch | None:
        """The import is over; return why the preloaded modules do not fit, or None."""
        self._order.end()
        return None if self._inheritance is None else self._inheritance.after(self._start.target["search_path"])
