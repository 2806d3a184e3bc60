"""Read secrets that are mounted as files: each file of a folder is a variable, its name and its text.

Docker Swarm, Compose and Kubernetes mount secrets so; ``docker inspect`` would show a variable of the container. This
module knows no variable's meaning. Runs in the supervisor and in commands, with ``env``.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from appliance.config.env_content import HOLDS_NUL, UnreadPart, read_file
from appliance.protocol.record import Record, made_default

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")  # a name that a shell takes as a variable
_MAX_FILES = 500  # more files are not secrets: a folder was named by mistake


class SecretFiles(Record):
    """The secrets that were read from the folder.

    Attributes:
        values: each variable's text.
        files: each variable's file.
        unread: what could not be read.
    """

    values: Mapping[str, str] = made_default(default_factory=dict)
    files: Mapping[str, Path] = made_default(default_factory=dict)
    unread: tuple[UnreadPart, ...] = ()


def read_secrets(folder: Path) -> SecretFiles:
    """Read every file of a folder; a single newline at the end of a file does not belong to its secret."""
    try:
        # Kubernetes' links to the newest state (..data) begin with a dot, as other hidden files do.
        names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith(".") and _is_file(entry))
    except OSError as error:
        action = "Mount the secrets there, or correct APPLIANCE_SECRETS."
        return SecretFiles(unread=(UnreadPart(str(folder), f"it can't be read ({error.strerror})", action),))
    unread: list[UnreadPart] = []
    if len(names) > _MAX_FILES:
        reason = f"it has more than {_MAX_FILES} files; the files after that are left out"
        unread.append(UnreadPart(str(folder), reason, "Name a folder in APPLIANCE_SECRETS that has secrets alone."))
    values: dict[str, str] = {}
    for name in names[:_MAX_FILES]:
        value, reasons = _read(folder, name)
        unread += reasons
        if value is not None:
            values[name] = value
    return SecretFiles(values, {name: folder / name for name in values}, tuple(unread))


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether the entry is not a folder; Kubernetes mounts one for a service account."""
    return not entry.is_dir()


def _read(folder: Path, name: str) -> tuple[str | None, tuple[UnreadPart, ...]]:
    shown = str(folder / name)
    if not VARIABLE.match(name):
        action = "Mount it under the name of its variable, for example SECRET_KEY."
        return None, (UnreadPart(shown, "its name can't be the name of a variable, and it is left out", action),)
    content = read_file(folder / name, shown)
    if "\0" in content.text:
        action = "Store a text: a variable can't hold a NUL character."
        return None, (UnreadPart(shown, HOLDS_NUL, action),)
    if content.unread and not content.text:
        return None, content.unread
    return content.text.removesuffix("\n").removesuffix("\r"), content.unread
