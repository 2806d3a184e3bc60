"""Load the project's modules from the present content of their files.

Loads the project's files, and caches their compiled code. Installed packages keep the interpreter's bytecode.
``places`` decides which files are the project's. Runs in the worker.

Theory of operation. The interpreter trusts compiled code if the size of the file and the second of its last change are
the same. So after two saves of equal length within one second it runs the code of the first save. Here the file's
content is the key: the file is read whole (the page cache has it; a look at its time would save nothing) and hashed,
and its code is taken from the cache or compiled. The hash is ``importlib.util.source_hash``, which the interpreter uses
for its hash-based bytecode: 64 bits, no import, 1 GB/s. The length and the code's path are compared too.

Compiled code is written later, when the worker is idle: a reload does not wait for a disk. If the cache can't be
written, everything is compiled each time.

The interpreter finds each module itself, so the import hooks of the project and of its packages work as elsewhere. Only
``SourceFileLoader.get_code`` asks this module for the code of the project's files. Everything else about a module
(``__file__``, ``__spec__``, its loader's ``get_source`` and ``get_data``, tracebacks) is the interpreter's own. A
loader that changes the code which it loads (beartype's, typeguard's, jaxtyping's) compiles the file each time.

For each file, the loader records the mark of the file before it was read, and a checksum of what was read. So a save
that comes after the reading and before the start of the watch is noticed.

Decision 16 says why.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import marshal
import os
import sys
import threading
from binascii import crc32
from functools import partial
from typing import TYPE_CHECKING, Any

from ... import PACKAGE
from ...ownership import CLOSED, LEVELS, NotOursError, open_folder
from .loaded_modules import namespaces

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from ...ownership import Folder
    from .import_pauses import ImportPauses
    from .input_files import InputFiles
    from .project_places import ProjectPlaces

    Loader = Callable[[str, str], "ProjectLoader"]

_CHECKED_LEVELS = LEVELS + 1  # and the interpreter's folder in "code"
MAX_VERSIONS = 8  # versions of a file: as many branches switch without compiling


class CodeCache:
    """Caches code by path and content, in ``folder``; with an empty one it caches nothing."""

    def __init__(self, folder: str) -> None:
        magic = importlib.util.MAGIC_NUMBER.hex()
        self._path = f"{folder}/{sys.implementation.cache_tag}-{magic}-{sys.flags.optimize}" if folder else ""
        self._folder: Folder | None = None  # stays open: it is checked once, and can't be replaced afterwards
        self._unwritten: list[tuple[str, CodeType]] = []
        self._ahead: dict[str, tuple[bytes, CodeType]] = {}  # by path: a content, and its code (``compile_ahead``)
        self._writing = threading.Lock()  # the control thread writes on request, and the main thread at its end
        self.refused: NotOursError | None = None  # a folder that another user can have written, so it is not used
        self._imported: dict[str, CodeType] | None = None  # what a snapshot's import has loaded, by path
        self._pauses: ImportPauses | None = None

    def follow_import(self, pauses: ImportPauses | None) -> None:
        """Keep the code that is loaded from now on, by its path, and pause before some files; only a snapshot does."""
        self._imported, self._pauses = {}, pauses

    def has_followed(self) -> bool:
        """Whether code was loaded since ``follow_import``."""
        return bool(self._imported)

    def end_pauses(self) -> None:
        """Pause before no other file: the import is over."""
        self._pauses = None

    def end_following(self) -> dict[str, CodeType]:
        """Return the code that was loaded since ``follow_import``, and stop keeping it."""
        found, self._imported, self._pauses = self._imported or {}, None, None
        return found

    def pause_before(self, path: str) -> None:
        """Pause if the import is to pause before it reads this file."""
        if self._pauses is not None:
            self._pauses.before(path)

    def note_loaded(self, path: str, code: CodeType) -> None:
        """Keep this code, if an import is followed."""
        if self._imported is not None:
            self._imported[path] = code

    def find(self, path: str, source: bytes) -> tuple[CodeType | None, str]:
        """Return the cached code of this content, and the name under which to cache it."""
        if not self._path:
            return None, ""
        name = importlib.util.source_hash(os.fsencode(path)).hex()
        place = f"{name}-{importlib.util.source_hash(source).hex()}-{len(source):x}"
        try:
            if self._folder is None and self.refused is None:
                self._folder = open_folder(self._path, _CHECKED_LEVELS)
            if self._folder is None:
                return None, place
            kept = self._folder.read(place)
        except NotOursError as error:
            self.refused = error
            return None, place
        except OSError:
            return None, place
        # marshal trusts its input: it must not get data that a full disk or a power cut has damaged.
        if len(kept) < 5 or crc32(memoryview(kept)[4:]).to_bytes(4, "little") != kept[:4]:
            return None, place
        code: CodeType = marshal.loads(memoryview(kept)[4:])  # noqa: S302  written by this user, for this interpreter
        return (code if code.co_filename == path else None), place

    def code_of(self, path: str, source: bytes, compiled: Callable[[bytes, str], CodeType]) -> CodeType:
        """Return the code of this content: compiled ahead, from the cache, or from ``compiled``.

        Raises:
            Exception: of ``compiled``.
        """
        content, code = self._ahead.get(path, (b"", None))
        if code is not None and content == source:
            return code
        code, place = self.find(path, source)
        if code is None:
            code = compiled(source, path)
            self.add(place, code)
        return code

    def compile_ahead(self, path: str) -> CodeType | None:
        """Compile a file as it is now: ``code_of`` returns this code while the content is the same.

        None: the cache is off.

        Raises:
            OSError: the file can't be read.
            Exception: it can't be compiled.
        """
        if not self._path:
            return None
        loader = importlib.machinery.SourceFileLoader("", path)
        source = loader.get_data(path)
        code = self.code_of(path, source, loader.source_to_code)
        self._ahead[path] = source, code
        return code

    def add(self, place: str, code: CodeType) -> None:
        """Write the code later."""
        if place:
            self._unwritten.append((place, code))

    def write(self) -> None:
        """Write all code that waits; code that can't be written is compiled again next time."""
        with self._writing:
            if self._unwritten:
                self._write()

    def _write(self) -> None:
        names = set()
        try:
            with self._own_folder() as folder:
                while self._unwritten:
                    place, code = self._unwritten.pop()
                    payload = marshal.dumps(code)
                    folder.write(place, crc32(payload).to_bytes(4, "little") + payload)
                    names.add(place.partition("-")[0])
                _prune(folder.descriptor, names)
        except OSError:
            self._unwritten.clear()

    def _own_folder(self) -> Folder:
        """Return the cache's folder; one that another user can have written is set aside and replaced."""
        code, _, name = self._path.rpartition("/")
        with open_folder(code, _CHECKED_LEVELS - 1, make=CLOSED) as parent:
            try:
                return parent.enter(name, CLOSED)
            except NotOursError:
                parent.set_aside(name)
                return parent.enter(name, CLOSED)


class ProjectLoader(importlib.machinery.SourceFileLoader):
    """Loads one module of the project from its file's content."""

    def __init__(self, cache: CodeCache, inputs: InputFiles, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._cache = cache
        self._inputs = inputs
        self.changing: importlib.machinery.SourceFileLoader | None = None  # makes other code of the file

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the module's file as it is now."""
        path = self.get_filename(fullname)
        is_ours = fullname.startswith(PACKAGE)
        if not is_ours:
            self._cache.pause_before(path)
        status = self._inputs.before_compile(path)
        source = (self.changing or self).get_data(path)
        self._inputs.after_compile(path, status, crc32(source))
        if self.changing is not None:
            return self.changing.source_to_code(source, path)
        try:
            code = self._cache.code_of(path, source, self.source_to_code)
        except SyntaxError as error:
            _name_place(error, path, source)
            raise
        except ValueError as error:  # Python 3.10: a NUL byte is a SyntaxError in later ones
            unnamed = SyntaxError(str(error))
            _name_place(unnamed, path, source)
            raise unnamed from error
        if not is_ours:
            self._cache.note_loaded(path, code)
        return code


def _name_place(error: SyntaxError, path: str, source: bytes) -> None:
    """Name the file and the line, which the interpreter leaves out for a NUL byte."""
    if error.filename:
        return
    error.filename, error.lineno = path, source[: source.find(b"\0") + 1].count(b"\n") + 1
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):  # as Windows PowerShell's ">" writes it
        error.msg += ": the file is in UTF-16, save it as UTF-8"


def project_files(places: ProjectPlaces) -> list[str]:
    """Return the files of loaded modules that are the project's own."""
    found: list[str] = []
    for name, names in namespaces():
        file = names.get("__file__")
        if isinstance(file, str) and not name.startswith(PACKAGE):
            path = os.path.abspath(file)
            if places.is_project_path(path):
                found.append(path)
    return found


def install(places: ProjectPlaces, cache: CodeCache, inputs: InputFiles) -> Loader:
    """Load the project's modules this way from now on; return the loader, for files that no name finds."""
    loader = partial(ProjectLoader, cache, inputs)
    for path in [each for each in sys.path_importer_cache if places.is_project_path(each)]:
        del sys.path_importer_cache[path]  # the preloader has listed the folder at another time
    _patch_interpreter_loader(places, loader)
    return loader


def _patch_interpreter_loader(places: ProjectPlaces, loader: Loader) -> None:
    """Make the interpreter's own loader ask here for the code of the project's files."""
    kind: Any = importlib.machinery.SourceFileLoader
    original = kind.get_code

    def get_code(self: Any, fullname: str) -> Any:
        if not isinstance(self.path, str) or not places.is_project_path(os.path.abspath(self.path)):
            return original(self, fullname)
        ours = loader(fullname, self.path)
        ours.changing = None if type(self) is kind else self
        return ours.get_code(fullname)

    kind.get_code = get_code


def _prune(folder: int, names: set[str]) -> None:
    """Delete old versions of these files, except the last few."""
    versions: dict[str, list[os.DirEntry[str]]] = {name: [] for name in names}
    with os.scandir(folder) as entries:
        for entry in entries:
            if (name := entry.name.partition("-")[0]) in names:
                versions[name].append(entry)
    for found in versions.values():
        found.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_mtime_ns)
        for entry in found[:-MAX_VERSIONS]:
            os.unlink(entry.name, dir_fd=folder)
