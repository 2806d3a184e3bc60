"""Find the files that the project's import has not read: a change of them changes no import.

They are templates, translations, and modules that are imported later or never: tests, commands, what functions import.

Runs in the snapshot, once the project is imported.

Theory of operation. A framework that caches what it has read (Jinja without auto_reload, Django's cached loader,
gettext) needs a new worker when a template is saved. A fork of the snapshot has cached only files that the import has
read. So for any other template no import is needed. But an import may have asked whether a file exists, without reading
it. So a file counts only if it existed before the import began. A module that was not imported is read when it is
imported, in the fork as in any other worker.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from ...conventions import UNSEARCHED, VERSION_CONTROL
from .template_folders import template_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .known_files import KnownFiles

_SUFFIXES = (".html", ".htm", ".djhtml", ".jinja", ".jinja2", ".j2", ".mako", ".txt", ".md", ".mo")
_SKIPPED = UNSEARCHED | VERSION_CONTROL
_FOLDERS = ("templates", "locale", "translations")
MOST = 5_000  # entries of all folders of templates
_MOST_SOURCES = 20_000  # entries of the project's folders


def unread_assets(files: KnownFiles, application: Any, began_ns: int) -> frozenset[str]:
    """Return the absolute paths of these files; none where it is not certain what the import has read.

    Args:
        files: knows what the import has read and listed.
        application: the imported application.
        began_ns: when the import began, in nanoseconds since the epoch.
    """
    read = files.read_at_start()
    if read is None:
        return frozenset()
    known = {os.path.realpath(path) for path in read}
    folders = [*template_folders(application), *_usual_folders(files)]
    templates = (entry.path for entry in _entries(folders) if entry.name.endswith(_SUFFIXES))
    found = set()
    for path in map(files.absolute, (*templates, *_sources(files.root))):
        if os.path.dirname(path) in files.listed_folders:
            continue
        with contextlib.suppress(OSError):  # it was removed just now
            if os.stat(path).st_ctime_ns < began_ns and os.path.realpath(path) not in known:
                found.add(path)
    return frozenset(found)


def _sources(root: str) -> Iterator[str]:
    """Yield the modules of the project's folder, imported or not."""
    left = _MOST_SOURCES
    for folder, folders, names in os.walk(root):
        is_environment = "pyvenv.cfg" in names
        folders[:] = [
            each for each in folders if each not in _SKIPPED and not each.startswith(".") and not is_environment
        ]
        left -= len(folders) + len(names)
        if left < 0:
            return
        yield from (f"{folder}/{name}" for name in names if name.endswith(".py") and not is_environment)


def _usual_folders(files: KnownFiles) -> Iterator[str]:
    """Yield the folders of templates and translations beside the project's modules."""
    beside = {os.path.dirname(path) for path in files.project_modules()}
    for folder in sorted(beside):
        yield from (f"{folder}/{name}" for name in _FOLDERS)


def _entries(folders: Iterable[str]) -> Iterator[os.DirEntry[str]]:
    """Yield the files below these folders, each once."""
    left, waiting, seen = MOST, list(folders), set[str]()
    while waiting:
        folder = os.path.abspath(waiting.pop())
        if folder in seen:
            continue
        seen.add(folder)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0:
                        return
                    if entry.is_dir():
                        waiting.append(entry.path)
                    elif entry.is_file():
                        yield entry
        except OSError:
            continue
