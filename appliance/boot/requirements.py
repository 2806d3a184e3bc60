"""Requirements files: what they include, and what in them means the project itself.

Owns the reading of ``-r`` and ``-c`` lines. Must not know what installs them. Runs in the appliance's own interpreter.

A line ``-e .`` would build the project and write ``*.egg-info`` into the mount, and nobody needs it: the project is
served from its own folder. Where one is met, the files are flattened into one without it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.errors import InstallError

if TYPE_CHECKING:
    from pathlib import Path

_INCLUDE = re.compile(r"\s*(-r|--requirement|-c|--constraint)(?:\s*=\s*|\s+|(?<=-[rc])(?=\S))(.+?)\s*\Z")
_ITSELF = re.compile(r"\s*(?:(?:-e|--editable)(?:\s+|=))?(?:file:)?\.(?:/)?(?:\[([^\]]*)\])?\s*\Z")


@dataclass(frozen=True)
class Requirements:
    """One or more requirements files.

    Attributes:
        roots: the files that were asked for.
        files: all that were read, includes too.
        itself: whether a line means the project itself.
        extras: the extras of the project that such a line asks for.
        flat: the lines of all files in one text, without those lines and with absolute includes of constraints.
    """

    roots: tuple[Path, ...]
    files: tuple[Path, ...]
    itself: bool
    extras: tuple[str, ...]
    flat: str


def read_requirements(root: Path, files: tuple[Path, ...]) -> Requirements:
    """Follow the includes.

    Raises:
        InstallError: a file that is included is not there or is no text; its file and line are named.
    """
    reading = _Reading(root)
    for file in files:
        reading.follow(file, "")
    extras = tuple(dict.fromkeys(reading.extras))
    return Requirements(files, tuple(reading.files), reading.itself, extras, "\n".join(reading.lines) + "\n")


class _Reading:
    def __init__(self, root: Path) -> None:
        self.files: list[Path] = []
        self.lines: list[str] = []
        self.extras: list[str] = []
        self.itself = False
        self._root = root

    def follow(self, file: Path, included_by: str) -> None:
        if file in self.files:
            return
        self.files.append(file)
        text = _read(file, self._name(file), included_by)
        # A backslash at the end joins a line with the next.
        number = 0
        joined = ""
        for raw in text.splitlines():
            number += 1
            joined += raw
            if joined.endswith("\\") and not joined.lstrip().startswith("#"):
                joined = joined[:-1]
                continue
            self._line(file, number, joined)
            joined = ""
        if joined:
            self._line(file, number, joined)

    def _line(self, file: Path, number: int, line: str) -> None:
        meaning = re.sub(r"(^|\s)#.*", "", line)
        itself = _ITSELF.match(meaning)
        if itself and file.parent == self._root:
            self.itself = True
            self.extras += [extra.strip() for extra in (itself[1] or "").split(",") if extra.strip()]
            return
        include = _INCLUDE.match(meaning)
        if not include:
            self.lines.append(line)
            return
        option, name = include[1], include[2].strip("\"'")
        if re.match(r"[a-z+]+://", name):
            self.lines.append(line)
            return
        other = file.parent / name
        where = f"line {number} of {self._name(file)}"
        if option in {"-c", "--constraint"}:
            if other not in self.files:
                self.files.append(other)
                _read(other, name, where)
            self.lines.append(f"-c {other}")
        else:
            self.follow(other, where)

    def _name(self, file: Path) -> str:
        return str(file.relative_to(self._root)) if self._root in file.parents else str(file)


def _read(file: Path, name: str, included_by: str) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InstallError(
            f"{name} can't be read ({error.strerror})" + (f"; {included_by} includes it" if included_by else ""),
            expected="a requirements file",
            action=f"Add {name}, or correct {included_by or 'APPLIANCE_DEPENDENCIES'}.",
            file=name,
        ) from None
    for mark, coding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig")):
        if data.startswith(mark):
            # What Windows PowerShell's ``pip freeze > requirements.txt`` writes; pip reads it too.
            return data.decode(coding, "replace")
    return ""
