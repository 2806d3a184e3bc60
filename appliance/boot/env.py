"""``.env`` files and the process environment to one mapping, each value with its origin.

Owns the reading of ``.env`` files: their coding, their precedence, their ``${NAME}`` references. Must not know what any
key means. Runs in the supervisor and in the commands, anew for each generation, always from the pristine process
environment: a key that was changed or removed in a file is changed or removed.

The grammar of a line is python-dotenv's, which most projects use themselves; what stands between the lines is ours,
since ``dotenv_values`` reads ``os.environ`` behind our back, lets a file win over it in references, and expands within
single quotes, where a shell and compose do not.
"""

from __future__ import annotations

import io
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dotenv.parser import Binding, parse_stream

from appliance.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FILES = (".env.local", ".env", ".flaskenv")

_REFERENCE = re.compile(r"\$\{([^}:]*)(?::-([^}]*))?\}")
_SINGLE_QUOTED = re.compile(r"\s*(?:export[^\S\r\n]+)?(?:'[^']+'|[^=#\s]+)[^\S\r\n]*=[^\S\r\n]*'")
# A megabyte of variables is more than execve takes (a single string of 128 KiB is its limit on Linux).
_LONGEST_FILE = 1024 * 1024


@dataclass(frozen=True)
class Environment:
    """What the project and the settings are read from.

    Attributes:
        values: every variable.
        origins: where each comes from: "environment", or the name of a file.
        files: the files that were looked at, there or not: each is worth watching.
        hidden: the keys whose value in a file the process environment hides, each with that file's name.
    """

    values: Mapping[str, str]
    origins: Mapping[str, str]
    files: tuple[Path, ...]
    hidden: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Definition:
    text: str
    literal: bool
    origin: str


def load_environment(process: Mapping[str, str], project: Path, names: Sequence[str] = FILES) -> Environment:
    """Read the files, the first name winning over the later ones, the process environment over all.

    Raises:
        SettingsError: a file can't be read, is not UTF-8 or holds a line that can't be meant.
    """
    files = tuple(project / name for name in names)
    definitions: dict[str, list[_Definition]] = {}
    for name, file in reversed(list(zip(names, files, strict=True))):
        for key, definition in _definitions(file, name):
            definitions.setdefault(key, []).append(definition)
    values = dict(process)
    origins = dict.fromkeys(process, "environment")
    hidden: list[tuple[str, str]] = []
    expansion = _Expansion(process, definitions)
    for key in definitions:
        value = expansion.value(key)
        origin = definitions[key][-1].origin
        if key not in process:
            values[key] = value
            origins[key] = origin
        elif process[key] != value:
            hidden.append((key, origin))
    return Environment(values, origins, files, tuple(hidden))


class _Expansion:
    """References resolved over all files at once, the process environment winning.

    ``A=${A}b`` means what A was before: the definition below it, in the file or in a file of lower precedence.
    """

    def __init__(self, process: Mapping[str, str], definitions: Mapping[str, list[_Definition]]) -> None:
        self._process = process
        self._definitions = definitions
        self._below: dict[str, int] = {}

    def value(self, key: str) -> str:
        """What the files say of the key, whatever the process environment says."""
        return self._at(key, len(self._definitions[key]) - 1)

    def _at(self, key: str, index: int) -> str:
        definition = self._definitions[key][index]
        if definition.literal:
            return definition.text
        before = self._below.get(key)
        self._below[key] = index
        try:
            return _REFERENCE.sub(self._reference, definition.text)
        finally:
            if before is None:
                del self._below[key]
            else:
                self._below[key] = before

    def _reference(self, match: re.Match[str]) -> str:
        name, default = match[1], match[2] or ""
        if name in self._process:
            return self._process[name]
        index = self._below.get(name, len(self._definitions.get(name, ()))) - 1
        return self._at(name, index) if index >= 0 else default


def _definitions(file: Path, name: str) -> list[tuple[str, _Definition]]:
    text = _read(file, name)
    found: list[tuple[str, _Definition]] = []
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or "\0" in binding.original.string:
            raise _bad_line(binding, name)
        # ``KEY`` without a sign sets nothing, in python-dotenv as in compose.
        if binding.key is not None and binding.value is not None:
            literal = _SINGLE_QUOTED.match(binding.original.string) is not None
            found.append((binding.key, _Definition(binding.value, literal, name)))
    return found


def _bad_line(binding: Binding, name: str) -> SettingsError:
    # The parser counts from before the blank lines that precede the binding.
    blank = binding.original.string[: len(binding.original.string) - len(binding.original.string.lstrip())]
    line = binding.original.line + len(re.findall(r"\r\n|\n|\r", blank))
    # The line itself is not shown: it may hold a secret.
    return SettingsError(
        f"line {line} of {name} can't be read",
        expected="KEY=value, KEY='value' or KEY=\"value\", a comment after #, or an empty line",
        action=f"Correct line {line} of {name}: most often a quote is not closed, or the sign = is missing.",
        file=name,
        line=line,
    )


def _read(file: Path, name: str) -> str:
    try:
        status = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise _unreadable(name, error.strerror or str(error)) from error
    if not stat.S_ISREG(status.st_mode):
        # A pipe would be waited for, for ever.
        raise _unreadable(name, "it is a folder" if stat.S_ISDIR(status.st_mode) else "it is no regular file")
    if status.st_size > _LONGEST_FILE:
        raise _unreadable(name, f"it has {status.st_size} bytes, more than {_LONGEST_FILE}")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise _unreadable(name, error.strerror or str(error)) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(
            f"line {line} of {name} is not UTF-8",
            expected="a text file in UTF-8",
            action=f"Save {name} as UTF-8 (Windows PowerShell's > writes UTF-16).",
            file=name,
            line=line,
        ) from error


def _unreadable(name: str, reason: str) -> SettingsError:
    return SettingsError(
        f"{name} can't be read: {reason}",
        expected="a text file that the appliance's user may read, or none",
        action=f"Correct {name} or remove it; APPLIANCE_ENV_FILES names other files to read.",
        file=name,
    )
