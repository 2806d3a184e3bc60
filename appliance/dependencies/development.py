"""Recognise a requirements file for development, and find the file with the project's own requirements beside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.dependencies.text_file import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_DEVELOPMENT = re.compile(r"development|dev|local|test")
# The file that it leaves out has the same name with one of these words in place of the development word. A file for a
# production host lists more than is needed here, so it comes last.
_BASES = ("base", "common", "main", "prod", "production", "deploy")
_INCLUDES = re.compile(r"(?m)^[ \t]*(-r|--requirement|-e|--editable|\.)")


def names_development(name: str) -> bool:
    """Whether the name of a requirements file says that it is for development."""
    return "requirements" in name and _DEVELOPMENT.search(name.replace("requirements", "")) is not None


def is_for_development(file: Path) -> bool:
    """Whether a file lists only development tools: its name says so, and it includes no other file or folder."""
    return _DEVELOPMENT.search(file.name) is not None and not _INCLUDES.search(read_text(file))


def counterpart_of(root: Path, file: Path, usual: Iterable[str]) -> Path | None:
    """Return the file that this development file leaves out: one with a usual name, else one with a similar name."""
    named = (root / name for name in usual)
    schemed = (file.with_name(_DEVELOPMENT.sub(base, file.name)) for base in _BASES)
    return next((each for each in (*named, *schemed) if each.is_file() and not is_for_development(each)), None)
