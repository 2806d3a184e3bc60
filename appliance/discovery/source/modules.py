"""Find the project's modules by name and by file, and read each only once.

This module maps a dotted name to a file of the project and back, and finds the folder that must be first on
``sys.path``. It knows no frameworks or rules. Runs in the supervisor and in commands; the cache of sources lasts for
one discovery.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from appliance.conventions import UNSEARCHED
from appliance.discovery.source.source import Source, read_source
from appliance.identity.folder import has_file
from appliance.identity.regular_file import read_regular, read_text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

# Folders without the project's own code, or never with its application.
_TESTS = frozenset(("tests", "test", "testing"))
_SKIPPED = UNSEARCHED | _TESTS | {
    "build", "dist", "docs", "doc", "migrations", "alembic", "fixtures", "static", "templates", "media", "locale",
    "examples", "example", "samples", "benchmarks", "vendor", "bin", "scripts", "tools",
}  # fmt: skip
# Templates for new projects: they have placeholders instead of names.
_TEMPLATE = re.compile(r"(?:project|setup|app|site)_templates?\Z|.*\{\{", re.IGNORECASE)
_PLACEHOLDER = re.compile(rb"\{\{\s*[\w.]+\s*\}\}")
_MAX_FILES = 400
# Python 3.15 has ``lazy import`` too (PEP 810); the Python that runs here may be older than the project's.
_IMPORT = re.compile(r"^[ \t]*(?:lazy[ \t]+)?(?:from[ \t]+(\w+)|import[ \t]+(\w+))", re.MULTILINE)
_DOTTED = re.compile(r"^[ \t]*(?:lazy[ \t]+)?(?:from|import)[ \t]+(\w+)\.(\w+)", re.MULTILINE)
_ADDS = re.compile(r"^[ \t]*sys\.path\.(?:insert|append)\(", re.MULTILINE)


class Modules:
    """The modules below one root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        # Packaging guides teach src/; older projects use lib/ and app/.
        self.roots = tuple(folder for folder in (root, root / "src", root / "lib") if _is_open(folder))
        self._added: list[Path] = []  # folders that files add to the path when they run: their own
        self._sources: dict[tuple[Path, str], Source] = {}
        self._by_name: dict[str, Source] = {}  # the first source that was read under each name
        self._found: dict[tuple[str, Path | None], Path | None] = {}

    def find(self, module: str, first: Path | None = None) -> Path | None:
        """Return the file of a module: ``package/__init__.py`` or ``module.py`` in one of the roots."""
        key = (module, first)
        if key not in self._found:
            self._found[key] = self._find(module.split("."), first)
        return self._found[key]

    def _find(self, parts: list[str], first: Path | None) -> Path | None:
        if not all(parts):
            return None
        folders = (*([first] if first else []), *self.roots, *self._added)
        return next((file for folder in folders if (file := module_in(folder, parts))), None)

    def source(self, file: Path, module: str = "") -> Source:
        """Return one file's source, read once under each name: its own, or the one it was found by."""
        key = (file, module)
        if key not in self._sources:
            self._sources[key] = source = read_source(file, module or self.name_of(file)[0])
            self._by_name.setdefault(source.module, source)
            known = (*self.roots, *self._added)
            if file.parent not in known and "__file__" in source.text and _ADDS.search(source.text):
                self._added.append(file.parent)
                self._found.clear()
        return self._sources[key]

    @property
    def unparsed(self) -> frozenset[Path]:
        """The files that were read and can't be parsed now."""
        return frozenset(file for (file, _), source in self._sources.items() if source.problem)

    @property
    def parsed(self) -> frozenset[Path]:
        """The files that were read, and are valid Python."""
        return frozenset(file for (file, _), source in self._sources.items() if not source.problem)

    def name_of(self, file: Path) -> tuple[str, Path]:
        """Return a file's module name, and the folder that it is imported from by that name.

        The folder is the first above the file that is not a package. If a module of a package imports its siblings by
        absolute names, it was written to run as a script: then it is the file's own folder.
        """
        folder = file.parent
        parts = [] if file.name == "__init__.py" else [file.stem]
        if parts and self._imports_siblings(file):
            return file.stem, folder
        while folder != self.root and (folder / "__init__.py").is_file():
            parts.insert(0, folder.name)
            folder = folder.parent
        if folder not in self.roots and self.root in folder.parents:
            # A folder without __init__.py is a package too, if the file imports it: ``from shop.models import ..``.
            namespace = folder.relative_to(self.root).parts
            if namespace[0] not in {"src", "lib"} and namespace[0] in imports_of(file):
                return ".".join([*namespace, *parts]), self.root
        return ".".join(parts), folder

    def resolve(self, name: str) -> tuple[Source, tuple[str, ...]] | None:
        """Return the longest part of a dotted name that is a module of the project, and the rest; None for others."""
        parts = name.split(".")
        for end in range(len(parts), 0, -1):
            file = self.find(".".join(parts[:end]))
            if file is None:
                continue
            source = self.source(file)
            if end == len(parts) > 1:
                # ``from shop import app``: a name that shop/__init__.py binds hides a module shop/app.py.
                package = self.find(".".join(parts[:-1]))
                bound = self.source(package).values.get(parts[-1]) if package else None
                if package and bound and bound.kind in {"call", "function", "class"}:
                    return self.source(package), (parts[-1],)
            return source, tuple(parts[end:])
        # A file outside of all roots: a script in a sub-folder.
        for end in range(len(parts) - 1, 0, -1):
            known = self._by_name.get(".".join(parts[:end]))
            if known is not None:
                return known, tuple(parts[end:])
        return None

    def files(self, depth: int, *, tests: bool = False) -> Iterator[Path]:
        """Yield Python files, the shallow ones first, by name, without those that are not the project's own.

        With ``tests`` also the files in folders of tests.
        """
        level = [self.root]
        count = 0
        for _ in range(depth + 1):
            below: list[Path] = []
            for folder in level:
                try:
                    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
                except OSError:
                    continue
                for entry in entries:
                    if entry.name.endswith((".py", ".wsgi")) and _leads(entry.is_file):
                        if entry.name == "manage.py" and _is_template(folder / entry.name):
                            continue
                        yield folder / entry.name
                        count += 1
                        if count >= _MAX_FILES:
                            return
                    elif self._is_own_folder(entry) or (tests and entry.name in _TESTS and _leads(entry.is_dir)):
                        below.append(folder / entry.name)
            level = below

    def is_left_out(self, file: Path) -> bool:
        """Whether the file is in a folder of the project that is always skipped."""
        folders = file.relative_to(self.root).parts[:-1] if self.root in file.parents else ()
        return any(_is_skipped(name) for name in folders)

    def top_level_names(self) -> list[str]:
        """Return the names of the top-level modules and packages."""
        names = {
            path.stem
            for folder in self.roots
            for path in folder.iterdir()
            if path.suffix == ".py" or has_file(path / "__init__.py")
        }
        return sorted(names)

    def _imports_siblings(self, file: Path) -> bool:
        if not (file.parent / "__init__.py").is_file() or file.parent in self.roots:
            return False
        siblings = {path.stem for path in file.parent.glob("*.py")} - {"__init__", file.stem}
        siblings |= {name for name, part in _dotted_imports_of(file) if module_in(file.parent / name, [part])}
        above = {name for folder in self.roots for name in _names_in(folder)}
        return bool((imports_of(file) & siblings) - above)

    def _is_own_folder(self, entry: os.DirEntry[str]) -> bool:
        name = entry.name
        if _is_skipped(name) or not entry.is_dir(follow_symlinks=False):
            return False
        if name == "project_name" and entry.path != str(self.root / name):
            return False  # Django's placeholder in a template; in the root it is a real project
        return not os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))  # noqa: PTH110, PTH118 - a DirEntry's


def _leads(to_kind: Callable[[], bool]) -> bool:
    """Whether an entry is of this kind; a link to itself, or into a closed folder, is of none."""
    try:
        return to_kind()
    except OSError:
        return False


def module_in(folder: Path, parts: Sequence[str]) -> Path | None:
    """Return the file of the module with this dotted name, given in parts, in this folder alone."""
    base = folder.joinpath(*parts)
    return next((file for file in (base / "__init__.py", base.with_name(f"{base.name}.py")) if has_file(file)), None)


def _is_open(folder: Path) -> bool:
    """Whether this is a folder that this user can list and enter: a database's own folder, for example, is not."""
    return folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)


def _is_skipped(folder: str) -> bool:
    return folder.startswith((".", "_")) or folder.lower() in _SKIPPED or _TEMPLATE.match(folder) is not None


def _is_template(file: Path) -> bool:
    try:
        return _PLACEHOLDER.search(read_regular(file)) is not None
    except OSError:
        return False


def _names_in(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}


def text_of(file: Path) -> str:
    """Return the text of a file; empty if it can't be read."""
    try:
        return read_text_of(file)
    except OSError:
        return ""


def _dotted_imports_of(file: Path) -> frozenset[tuple[str, str]]:
    """Return the first two parts of each absolute import of a module in a package."""
    return frozenset(_DOTTED.findall(text_of(file)))


def imports_of(file: Path) -> frozenset[str]:
    """Return the modules that a file imports by absolute names, from its text: parsing every file twice is too slow."""
    return frozenset(first or second for first, second in _IMPORT.findall(text_of(file)))
