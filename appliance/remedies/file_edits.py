"""Read and change text files, and keep their form: encoding, line endings, a missing last line break."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING

from appliance.conventions import SKIPPED_FOLDERS, SOURCE_FOLDERS_MAX, SOURCES_MAX
from appliance.remedies.remedy import CHANGE_MAX, FILE_MAX, Edit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def within(root: Path, name: str) -> Path | None:
    """Return the path of a file or folder in the project; None if a link leads out of it, or the name does."""
    path = root / name
    real = root.resolve()
    try:
        whole = path.resolve()
    except (OSError, RuntimeError):
        return None
    return path if real in whole.parents else None


def read(root: Path, name: str) -> bytes | None:
    """Return the content of a regular file in the project; None if there is none, or it is too large."""
    path = within(root, name)
    try:
        if path is None or not path.is_file() or path.stat().st_size > FILE_MAX:
            return None
        return path.read_bytes()
    except OSError:
        return None


def sources(root: Path) -> Iterator[str]:
    """Yield the project's own Python files, relative to its folder; not all of a large project."""
    count = 0
    for folder, names, files in islice(os.walk(root), SOURCE_FOLDERS_MAX):
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in SKIPPED_FOLDERS)
        for name in sorted(files):
            if name.endswith(".py"):
                count += 1
                yield os.path.relpath(f"{folder}/{name}", root)
                if count >= SOURCES_MAX:
                    return


def text_of(content: bytes | None) -> str | None:
    """Return the text of a content; None if it is not UTF-8."""
    try:
        return None if content is None else content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def line_break(text: str) -> str:
    """Return the line break that the text uses."""
    return "\r\n" if "\r\n" in text else "\n"


def appended(text: str, lines: list[str]) -> str:
    """Return the text with more lines at its end."""
    end = line_break(text)
    gap = end if text and not text.endswith("\n") else ""
    return text + gap + "".join(f"{line}{end}" for line in lines)


def edit_to(
    root: Path, name: str, change: str, *, variables: bool = False, hidden: tuple[str, ...] = ()
) -> Edit | None:
    """Return the edit that gives an existing file this text, or a missing one; None if it can't be done."""
    before = read(root, name)
    path = within(root, name)
    if path is None or (before is None and path.exists()):
        return None
    base = name if before is not None else ""
    return make_edit(name, base, before or b"", change, variables=variables, hidden=hidden)


def make_edit(
    file: str, base: str, before: bytes, change: str, *, variables: bool = False, hidden: tuple[str, ...] = ()
) -> Edit | None:
    """Return an edit; None if nothing would change, or too much."""
    after = change.encode()
    if after == before and file == base:
        return None
    if len(after) > FILE_MAX or abs(len(after) - len(before)) > CHANGE_MAX:
        return None
    return Edit(file, base, before, after, variables, hidden)
