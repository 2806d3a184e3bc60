"""Observe which files this process opens: those that the project reads while it starts, and those that it writes.

Folders that the project lists while it starts are observed too: a server of static files (WhiteNoise) then keeps what
it has seen of each file.

An audit hook. It ignores the sources of modules, which the loader records. Runs in the worker, in whatever thread opens
a file.

Theory of operation. A save must restart the worker. But a write of the worker itself must not: otherwise a view that
writes a report would restart its own worker. Only to processes with CAP_SYS_ADMIN does the kernel report which process
wrote a file. But Python raises an audit event (PEP 578) before each ``open``, rename and removal. So the supervisor
knows of the write before the kernel's event comes. A hook can't be removed, and costs 0.2 µs for each event; a request
has none to ten of them. Writes by C code that bypass Python are not seen.

If the hook raised an exception, the project's ``open`` would raise it. So the hook raises none, and is off after the
first failure.

Decision 28 says why.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any, Final

from ...conventions import BYTECODE_FOLDER, ENVIRONMENTS, SCRIPT_PACKAGES, VERSION_CONTROL
from ..hooks import TRANSIENT
from .template_readers import TRANSPARENT, TemplateReaders, reads_template

if TYPE_CHECKING:
    from types import FrameType

    from ..hooks import Hooks
    from .input_files import InputFiles
    from .project_places import ProjectPlaces

MAX_READ: Final = 500  # files that are read during a start
MAX_LISTED: Final = 500  # folders that are listed during a start
_NAME: Final = "opened files"  # the hook's name in events
_NO_INPUTS = VERSION_CONTROL | SCRIPT_PACKAGES | ENVIRONMENTS | {BYTECODE_FOLDER}  # installed packages: ``_places``
_NEVER_INPUT = re.compile(
    rf"/(?:{'|'.join(map(re.escape, sorted(_NO_INPUTS)))}|\.cache|\.[a-z]+_cache)/"
    r"|\.(?:pyc|pyo|log|out|pid|lock|sock|tmp|swp|db|sqlite3?|dbm|rdb)(?:[.-][\w.-]*)?\Z"
    r"|/\.coverage[^/]*\Z|[-.](?:journal|wal|shm)\Z"
)
TEMPLATE: Final = re.compile(r"\.(?:html?|djhtml|jinja2?|j2|mako|mak|pt|tpl|stpl|txt|xml|md|svg)\Z")
MAX_MOVED: Final = 500  # files in a renamed folder
# The audit events of changes: the positions of each path argument, and of the descriptor of the folder that it is
# relative to.
_CHANGES: dict[str, tuple[tuple[int, int], ...]] = {
    "os.rename": ((0, 2), (1, 3)),
    "os.remove": ((0, 1),),
    "os.truncate": ((0, 2),),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
}
_LISTINGS = frozenset({"os.scandir", "os.listdir"})
_CALLER = 2  # frames from this method to the caller that lists the folder: the hook calls this method


class OpenAudit:
    """Observes which files are opened, from ``begin`` on.

    Args:
        inputs: receives the files.
        places: tells which files are the project's.
        root: the project's folder.
        watched: a pattern of the names that the supervisor watches.
        hooks: receive a failure.
    """

    def __init__(self, inputs: InputFiles, places: ProjectPlaces, root: str, watched: str, hooks: Hooks) -> None:
        self._hooks = hooks
        self._off = False
        self._inputs = inputs
        self._places = places
        self._root = root.rstrip("/") + "/"
        self._roots = (self._root, os.path.realpath(root).rstrip("/") + "/")
        self._watched = watched  # compiled at the first write: this takes 2 ms, which each reload would otherwise pay
        self._read = 0
        self._written: set[str] = set()
        self.readers = TemplateReaders()
        self._at_start: frozenset[str] = frozenset()
        self.starting = True  # until the application is imported

    def begin(self) -> None:
        """Observe from now on; not at all if a hook of the project refuses further hooks."""
        opened, changed, listed = self.file_opened, self.files_changed, self.folder_listed

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "open":
                opened(arguments)
            elif event in _CHANGES:
                changed(event, arguments)
            elif event in _LISTINGS:
                listed(event, arguments)

        try:
            sys.addaudithook(hook)
        except Exception as error:  # noqa: BLE001  it may raise anything
            self._hooks.drop(_NAME, error)

    def file_opened(self, arguments: tuple[Any, ...]) -> None:
        """Take an audit event ``open``."""
        if self._off or len(arguments) != 3:  # any code may raise an event of this name
            return
        try:
            path, _, flags = arguments
            if not isinstance(flags, int):
                return
            if flags & os.O_ACCMODE != os.O_RDONLY:
                self._note_write(self._name(path))
            elif self.starting or (isinstance(path, str) and TEMPLATE.search(path)):
                self._note_read(path, flags)
        except Exception as error:  # noqa: BLE001  see the module
            self._failed(error)

    def files_changed(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take an audit event that is listed in ``_CHANGES``."""
        if self._off:
            return
        try:
            padded = (*arguments, None, None, None, None)
            paths = [self._name(padded[at], padded[folder]) for at, folder in _CHANGES[event]]
            for path in paths:
                self._note_write(path)
            if event == "os.rename" and os.path.isdir(paths[0]):
                self._note_move(*paths)
        except Exception as error:  # noqa: BLE001  see the module
            self._failed(error)

    def folder_listed(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take an audit event ``os.listdir`` or ``os.scandir``."""
        if self._off or not self.starting or len(self._inputs.listed) >= MAX_LISTED or not arguments:
            return
        try:
            if event == "os.listdir" and _is_import(sys._getframe(_CALLER)):  # noqa: SLF001  as below
                return  # the import system lists the folder, and keeps nothing of it
            name = self._name(os.curdir if arguments[0] is None else arguments[0])  # os.listdir() without a folder
            if f"{name}/".startswith(self._root) and self._places.is_project_path(name):
                self._inputs.listed.add(name)
        except Exception as error:  # noqa: BLE001  see the module
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        """Switch the hook off, since it can't be removed. A guard around the hook would cost each ``open`` 0.3 µs."""
        if not isinstance(error, TRANSIENT):
            self._off = True
            self._hooks.drop(_NAME, error)

    def _note_write(self, name: str) -> None:
        if name and (name in self._inputs.files or (name.startswith(self._root) and re.search(self._watched, name))):
            if self.starting:
                self._written.add(name)
                self._inputs.remove(name)
            self._inputs.record_write(name)

    def _note_move(self, old: str, new: str) -> None:
        """Record that all files of a folder move with it."""
        left = MAX_MOVED
        for folder, _, files in os.walk(old) if new else ():
            for file in files[:left]:
                self._note_write(f"{folder}/{file}")
                self._note_write(f"{new}{folder[len(old) :]}/{file}")
            left -= len(files)
            if left <= 0:
                return

    def _note_read(self, path: Any, flags: int) -> None:
        if isinstance(path, str) and path.startswith("/") and not path.startswith(self._roots):
            return  # mostly a package's file: 0.2 µs
        name = self._name(path)
        if not name.startswith(self._root) or flags & getattr(os, "O_DIRECTORY", 0):
            return
        if not self.starting:
            self.readers.note(name, _opener())
        if name in self._inputs.files:
            return
        if _NEVER_INPUT.search(name) or name in self._written or not self._places.is_project_path(name):
            return
        if self.starting:
            if self._read < MAX_READ:
                self._read += 1
                self._inputs.record(name)
        elif reads_template(sys._getframe(), self._places.is_project_path):  # noqa: SLF001  the only way to know who opens it
            self._inputs.record(name)

    def _name(self, path: Any, folder: Any = None) -> str:
        """Return the absolute path; "" if there is none. ``folder``: the descriptor that it may be relative to."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return ""
        path = os.fsdecode(path)
        if isinstance(folder, int) and folder >= 0 and not path.startswith("/"):
            try:
                path = f"{os.readlink(f'/proc/self/fd/{folder}')}/{path}"
            except OSError:
                return ""
        return self._inputs.absolute(path)

    def readers_of(self, path: str) -> set[str] | None:
        """Return who has read a template since the start; None if it was read before, or if that is not certain."""
        real = os.path.realpath(path)
        if not real.startswith(self._roots) or not TEMPLATE.search(real) or self.starting or self._off:
            return None
        if self._read >= MAX_READ or not self.readers.is_complete:
            return None
        at_start = (name for name in (*self._at_start, *self._written) if TEMPLATE.search(name))
        return None if any(os.path.realpath(name) == real for name in at_start) else self.readers.of(real)

    def at_start(self) -> frozenset[str] | None:
        """Return the files that were used until ``end_start``; None if that is not certain."""
        certain = not self.starting and not self._off and self._read < MAX_READ
        return self._at_start | self._written if certain else None

    def end_start(self) -> None:
        """The application is imported: its import has read all files so far."""
        if self.starting:
            self._at_start = frozenset(self._inputs.files)
            self.starting = False


def _is_import(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith("<frozen importlib")


def _opener() -> FrameType | None:
    """Return the frame of the code that opens a file, without the hook's own frames and those of ``open``."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  as above
    while frame is not None:
        if frame.f_globals is not globals() and frame.f_globals.get("__name__") not in TRANSPARENT:
            return frame
        frame = frame.f_back
    return None
