"""A requirements file for development, and what stands beside it that it needs to serve the project.

Owns the names of both, and what a file for development alone is. Must not know what is made of them. Runs in the
appliance's own interpreter.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.dependencies.text_file import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_DEVELOPMENT = re.compile(r"development|dev|local|test")
# What such a file leaves out bears its name with one of these words in it. What is for a host brings more than is
# needed here, and comes last.
_BASES = ("base", "common", "main", "prod", "production", "deploy")
_INCLUDES = re.compile(r"(?m)^[ \t]*(-r|--requirement|-e|--editable|\.)")


def names_development(name: str) -> bool:
    """Whether a requirements file of this name says that it is for development."""
    return "requirements" in name and _DEVELOPMENT.search(name.replace("requirements", "")) is not None


def is_for_development(file: Path) -> bool:
    """Whether it holds test tools alone: its name says that it is for development, and it includes nothing."""
    return _DEVELOPMENT.search(file.name) is not None and not _INCLUDES.search(read_text(file))


def beside(root: Path, file: Path, usual: Iterable[str]) -> tuple[Path, ...]:
    """The file that this one for development leaves out: a usual one, else one of its own naming scheme."""
    named = (root / name for name in usual)
    schemed = (file.with_name(_DEVELOPMENT.sub(base, file.name)) for base in _BASES)
    return tuple(each for each in (*named, *schemed) if each.is_file() and not is_for_development(each))[:1]
