"""Remember which files could not be swapped at their last save, and guess whether their next save may be.

A declined swap costs some milliseconds, and developers who edit the top of a module often edit it again. So a swap of
such a file is tried again only if its outline is the same as at the save before. The outline is the file without the
bodies of its functions. It is a guess from the indentation of lines: the worker decides what can be swapped.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_BYTES = 256 * 1024  # larger files are not read: the next worker waits for the result
_MOST = 100  # files
_FUNCTION = re.compile(r"(?:async\s+)?def\s")


class DeclinedFiles:
    """The files of one project, by absolute path, with the reason and the outline of the save that was declined."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[str, int | None]] = {}

    def declined(self, path: str, reason: str) -> None:
        """A swap of this file was declined."""
        self._files.pop(path, None)
        self._files[path] = reason, _outline_of(path)
        if len(self._files) > _MOST:
            del self._files[next(iter(self._files))]

    def swapped(self, paths: Iterable[str]) -> None:
        """Workers serve after swaps of these files."""
        for path in paths:
            self._files.pop(path, None)

    def take_save(self, paths: Iterable[str]) -> str:
        """Take saved files, and return why a swap of them is not worth a try; empty if it is."""
        found = ""
        for path in paths:
            if path not in self._files:
                continue
            reason, before = self._files[path]
            now = _outline_of(path)
            self._files[path] = reason, now
            if before is None or before != now:
                found = found or f"more than functions has changed, as at the save before: {reason}"
        return found


def _outline_of(path: str) -> int | None:
    """Return the hash of a file's outline; None if it can't be read, or is too large."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError:
        return None
    return hash(outline(content.decode("utf-8", "replace"))) if len(content) <= MOST_BYTES else None


def outline(source: str) -> tuple[str, ...]:
    """Return the lines of Python source, without empty ones, that are in no function's body."""
    kept: list[str] = []
    body: int | None = None  # the indentation of the function whose body is being left out
    in_signature = False
    for line in source.splitlines():
        text = line.strip()
        if not text:
            continue
        indent = len(line) - len(line.lstrip())
        if body is not None and not in_signature:
            if indent > body or text.startswith("#"):
                continue
            body = None
        kept.append(line)
        if body is None and _FUNCTION.match(text):
            body, in_signature = indent, True
        if in_signature and text.partition("#")[0].rstrip().endswith(":"):
            in_signature = False
    return tuple(kept)
