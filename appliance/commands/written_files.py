"""Show the files that a command makes for a project as a diff, and write those that do not exist.

A file that exists is changed only if the caller was asked to. Used by the commands that write into a project.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.errors import ApplianceError
from appliance.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class Draft:
    """One file: its path below the project, and its text."""

    path: str
    text: str


class UnwritableError(ApplianceError):
    """The folder is mounted read-only, or the disk is full."""


def wrote(paths: list[str]) -> str:
    """Say which files were written."""
    return f"Wrote {counted(len(paths), 'file')}: {', '.join(paths)}"


def write_all(root: Path, drafts: Iterable[Draft], *, force: bool = False) -> tuple[list[str], list[str]]:
    """Show each file that differs as a diff, and write it; return the paths of those written, and of those left alone.

    Args:
        root: the project's folder.
        drafts: the files.
        force: whether to change files that exist.

    Raises:
        UnwritableError: a file can't be written.
    """
    written: list[str] = []
    kept: list[str] = []
    for draft in drafts:
        file = root / draft.path
        before = file.read_text("utf-8", "replace") if file.is_file() else None
        if before == draft.text:
            continue
        sys.stdout.write(_diff(draft, before))
        if not force and os.path.lexists(file):
            kept.append(draft.path)
            continue
        _write(file, draft.text)
        written.append(draft.path)
    return written, kept


def _diff(draft: Draft, before: str | None) -> str:
    lines = difflib.unified_diff(
        (before or "").splitlines(keepends=True),
        draft.text.splitlines(keepends=True),
        "/dev/null" if before is None else draft.path,
        draft.path,
    )
    return "".join(lines)


def _write(file: Path, text: str) -> None:
    aside = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)
        with aside.open("x", encoding="utf-8") as new:  # "x" never follows a link of that name
            new.write(text)
        aside.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise _unwritable(file, error) from None


def _unwritable(file: Path, error: OSError) -> UnwritableError:
    first = {errno.ENOSPC: "Free some space", errno.EDQUOT: "Free some space"}.get(error.errno or 0, "Correct that")
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        first = "Mount it without :ro"
    return UnwritableError(
        f"{file} can't be written by uid {os.geteuid()}: {error.strerror}",
        expected="a project's folder that its owner can write",
        action=f"{first}, or write the file from the diff above.",
    )
