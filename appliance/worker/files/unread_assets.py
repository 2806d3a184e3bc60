"""Find the templates and translations that the project's import has not read: a change of them changes no import.

Runs in the snapshot, once the project is imported.

Theory of operation. A framework that caches what it has read (Jinja without auto_reload, Django's cached loader,
gettext) needs a new worker when a template is saved. A fork of the snapshot has cached only files that the import has
read. So for any other template no import is needed. But an import may have asked whether a file exists, without reading
it. So a file counts only if it existed before the import began.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .template_folders import template_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .known_files import KnownFiles

_SUFFIXES = (".html", ".htm", ".djhtml", ".jinja", ".jinja2", ".j2", ".mako", ".txt", ".md", ".mo")
_FOLDERS = ("templates", "locale", "translations")
MOST = 5_000  # entries of all folders


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
    found = set()
    for entry in _entries(folders):
        path = files.absolute(entry.path)
        if not entry.name.endswith(_SUFFIXES) or os.path.dirname(path) in files.listed_folders:
            continue
        status = entry.stat()
        if status.st_ctime_ns < began_ns and os.path.realpath(path) not in known:
            found.add(path)
    return frozenset(found)


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
