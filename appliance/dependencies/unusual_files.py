"""Find requirements files with unusual names, by their names and contents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.dependencies.requirement_text import requirement_of
from appliance.dependencies.text_file import read_text
from appliance.errors import InstallError
from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_WORD = r"(?:requirements?|requires|reqs?|deps|dependencies|pip)"
_NAME = re.compile(rf"(?i)(?:.*[-_.])?{_WORD}(?:[-_.]?\w[\w.-]*?)?(?:\.(?:txt|in|pip|lst|list))?\Z")
_FOLDER = re.compile(rf"(?i)(?:.*[-_.])?{_WORD}\Z")
_SUFFIXES = frozenset({"", ".txt", ".in", ".pip", ".lst", ".list"})
# Files for other machines, and files that install nothing.
_ASIDE = re.compile(
    r"(?i)(?:^|[-_.])(?:tests?|testing|tox|ci|travis|docs?|documentation|rtd|readthedocs|lint|linters?|flake8|mypy|pre-?commit|build"
    r"|release|constraints?|upper|min|minimum|lowest|apt|conda|npm|win|windows|macos|osx|py2|py27|python2|bench\w*)(?:[-_.]|$)"
)
# Names for the file that everybody installs, the most likely first.
_WORDS = (
    "requirements", "requirement", "dev", "development", "local", "base", "common", "default", "main", "app", "web",
    "server", "site", "api", "backend", "core", "all", "install", "runtime", "py3", "python3", "prod", "production",
    "deploy",
)  # fmt: skip
_LONGEST = 200_000
_LINE = re.compile(r"\s*(?:-[rcefi]|--[a-z-]+|[a-z+]+://|\.{0,2}/)")


def other_requirements(folder: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """Return the one requirements file of this folder, or those of its requirements folder.

    Args:
        folder: the folder to search.
        names: the names of the project's parts: a file with such a name belongs to that part.
    """
    here = [file for file in _entries(folder) if _NAME.match(file.name) and file.is_file()]
    best = _best(here, names)
    if best:
        return (best,)
    for below in (entry for entry in _entries(folder) if _FOLDER.match(entry.name) and entry.is_dir()):
        files = _entries(below)
        best = _best(files, names)
        if best:
            return (best,)
        parts = tuple(file for file in files if _reads_as_one(file))
        if parts:
            return parts  # each belongs to a part of the project, but no name says to which
    return ()


def _best(files: Iterable[Path], names: Sequence[str]) -> Path | None:
    """Return the file with the most general name, or the project's or a part's name; else the only file."""
    reading = [file for file in files if _reads_as_one(file)]
    if len(reading) == 1:
        return reading[0]
    ranks = {word: rank for rank, word in enumerate((*_WORDS, *map(normalized, names)))}
    ranked = [(min((ranks[word] for word in _words(file) if word in ranks), default=-1), file) for file in reading]
    known = [pair for pair in ranked if pair[0] >= 0]
    return min(known, key=lambda pair: (pair[0], len(pair[1].name)))[1] if known else None


def _words(file: Path) -> list[str]:
    stem = file.name.removesuffix(file.suffix) if file.suffix in _SUFFIXES else file.name
    whole = normalized(stem)
    without = re.sub(rf"(?i){_WORD}", "", whole).strip("-")
    return [whole, without, *without.split("-")]


def _reads_as_one(file: Path) -> bool:
    """Whether every line is a requirement, an option or a comment, and at least one is a requirement."""
    if file.suffix not in _SUFFIXES or _ASIDE.search(file.name) or not file.is_file():
        return False
    try:
        lines = read_text(file)[:_LONGEST].splitlines()
    except InstallError:
        return False
    meant = [text for line in lines if (text := re.sub(r"(^|\s)#.*", "", line).strip(" \t\\"))]
    return bool(meant) and all(map(_is_line, meant)) and any(map(_is_requirement, meant))


def _is_line(text: str) -> bool:
    return _LINE.match(text) is not None or _is_requirement(text)


def _is_requirement(text: str) -> bool:
    return requirement_of(re.sub(r"\s--hash[= ]\S+", "", text)) is not None


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
