"""``appliance init``: write the compose file, the dev container and ``.env.example`` into a project.

It shows every change as a diff first, and leaves a file that exists alone without ``--force``. ``drafts`` makes the
texts. It runs as the project's owner, so the owner owns the files.
"""

from __future__ import annotations

import difflib
import os
import sys
from typing import TYPE_CHECKING

from appliance.commands.drafts import Draft, drafts
from appliance.commands.opening import open_project
from appliance.errors import ApplianceError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def command(process: Mapping[str, str], flags: Mapping[str, str], *, force: bool) -> int:
    """Show the changes, and write them.

    Raises:
        ApplianceError: there is no project, or its folder can't be written.
    """
    opening = open_project(process, flags)
    root = opening.settings.project
    if root.is_relative_to(sys.prefix):
        raise SettingsError(
            "no project is mounted",
            expected="the folder of a project at /workspace",
            action="docker run --rm -v .:/workspace wsgi-appliance init",
        )
    written, kept = 0, []
    settings = opening.settings
    for draft in drafts(root, opening.environment.values, settings.app or None, adapts=settings.asgi == "adapt"):
        file = root / draft.path
        before = file.read_text("utf-8", "replace") if file.is_file() else None
        if before == draft.text:
            continue
        _print(_diff(draft, before))
        if before is not None and not force:
            kept.append(draft.path)
            continue
        _write(file, draft.text)
        written += 1
    for path in kept:
        _print(f"left as it is: {path} (--force changes it as shown)\n")
    _print(f"{written} files written to {root}\n" if written or kept else "nothing to do: every file exists\n")
    return 0


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
        raise _UnwritableError(
            f"{file} can't be written by uid {os.geteuid()}: {error.strerror}",
            expected="a project's folder that its owner can write",
            action="Mount it without :ro, or write the file from the diff above.",
        ) from None


class _UnwritableError(ApplianceError):
    """The folder is mounted read-only, or the disk is full."""


def _print(text: str) -> None:
    sys.stdout.write(text)
