"""Merge ``.env`` files, secret files and the process environment into one mapping, each value with its origin.

This module knows the precedence, lines and names of ``.env`` files, and no key's meaning. Runs in the supervisor and
in the commands, again for each generation, always from the unchanged process environment: so a key that was changed or
removed in a file is changed or removed.

python-dotenv's parser reads the lines, because most projects use python-dotenv themselves. The rest is our own, because
``dotenv_values`` reads ``os.environ`` by itself, lets a file win over the environment in references, and expands within
single quotes, where a shell and compose do not. A line that can't be read is left out with a message, as in
python-dotenv: a project with such a file runs everywhere else.
"""

from __future__ import annotations

import io
import re
from itertools import islice
from typing import TYPE_CHECKING

from dotenv.parser import Binding, parse_stream

from appliance.config.env_content import HOLDS_NUL, UnreadPart, read_file
from appliance.config.env_references import Definition, EndlessError, Expansion
from appliance.config.secret_files import SecretFiles, read_secrets
from appliance.conventions import VARIABLE_FILES
from appliance.masking import secret_parts
from appliance.protocol.record import Record, made_default, replace

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

_SINGLE_QUOTED = re.compile(r"\s*(?:export[^\S\r\n]+)?(?:'[^']+'|[^=#\s]+)[^\S\r\n]*=[^\S\r\n]*'")
_MAX_LINES = 10_000  # python-dotenv takes 16 µs for each
# python-dotenv looks for a comment after blanks again from each blank: 1 MB of blanks would take it an hour.
_MANY_BLANKS = re.compile(r"[^\S\r\n]{64,}+(?!#)")
_FORM = "KEY=value, KEY='value' or KEY=\"value\", a comment after #, or an empty line"


class Environment(Record):
    """The variables that the project and the settings are read from.

    Attributes:
        values: every variable.
        origins: where each comes from: "environment", or the name of a file.
        files: the files that were looked for, whether they exist or not; all of them are watched.
        hidden: the keys whose value in a file loses against the process environment, each with that file's name.
        unread: what could not be read, at most one for each file.
        pipes: the text that was read from each file that is a pipe, by name.
        secret_files: the file of each variable that was read from the folder of secrets.
    """

    values: Mapping[str, str]
    origins: Mapping[str, str]
    files: tuple[Path, ...]
    hidden: tuple[tuple[str, str], ...]
    unread: tuple[UnreadPart, ...] = ()
    pipes: Mapping[str, str] = made_default(default_factory=dict)
    secret_files: Mapping[str, Path] = made_default(default_factory=dict)

    def secrets(self) -> list[str]:
        """Return the texts that are secret because they come from secret files, whatever their names."""
        return list(secret_parts(self.values[name] for name in self.secret_files))


def load_environment(
    process: Mapping[str, str],
    project: Path,
    names: Sequence[str] = VARIABLE_FILES,
    before: Environment | None = None,
    *,
    secrets: str = "",
) -> Environment:
    """Read the files and merge them: the first name wins over later ones, secrets over these, the environment over all.

    Args:
        process: the environment of this process, unchanged.
        project: the folder that the names are relative to.
        names: the files.
        before: the result of the last read, for pipes that have no writer any more.
        secrets: the folder whose files are variables, relative to the project; empty for none.
    """
    secret = read_secrets(project / secrets) if secrets else SecretFiles()
    secret_files = {key: file for key, file in secret.files.items() if key not in process}
    given = {**secret.values, **process}
    files = tuple(project / name for name in names)
    reading = _Reader(before.pipes if before is not None else {})
    for name, file in reversed(list(zip(names, files, strict=True))):
        reading.add(file, name)
    values = dict(given)
    origins = {**dict.fromkeys(given, "environment"), **{key: str(file) for key, file in secret_files.items()}}
    hidden: list[tuple[str, str]] = []
    for key, value, origin in reading.resolved(given):
        if key not in given:
            values[key] = value
            origins[key] = origin
        elif given[key] != value:
            hidden.append((key, origin))
    unread = (*secret.unread, *reading.unread.values())
    return Environment(values, origins, files, tuple(hidden), unread, reading.pipes, secret_files)


def without_copies(
    process: Mapping[str, str],
    environment: Environment,
    project: Path,
    names: Sequence[str],
    given: Collection[str],
    *,
    secrets: str = "",
) -> tuple[Mapping[str, str], Environment]:
    """Return the process environment without those ``given`` variables that have their value from a file; read again.

    Compose reads the .env file beside the compose file too, and passes its values on. A copy would win over the file,
    and hide each later edit of the file.

    Args:
        process: the environment of this process, unchanged.
        environment: the result of ``load_environment`` with it.
        project: as for ``load_environment``.
        names: as for ``load_environment``.
        given: the variables that may be copies.
        secrets: as for ``load_environment``.
    """
    passed = process.keys() & set(given)
    if not passed:
        return process, environment
    own = {key: value for key, value in process.items() if key not in passed}
    files = load_environment(own, project, names, environment, secrets=secrets)
    copies = {key for key in passed if files.values.get(key) == process[key]}
    rest = {key: value for key, value in process.items() if key not in copies}
    return rest, load_environment(rest, project, names, environment, secrets=secrets)


class _Reader:
    """The definitions in the files, in the order of their precedence, the winner last."""

    def __init__(self, before: Mapping[str, str]) -> None:
        self._before = before
        self._definitions: dict[str, list[Definition]] = {}
        self.unread: dict[str, UnreadPart] = {}
        self.pipes: dict[str, str] = {}

    def add(self, file: Path, name: str) -> None:
        """Read one file."""
        content = read_file(file, name, before=self._before.get(name))
        if content.is_pipe and content.text:
            self.pipes[name] = content.text
        for part in content.unread:
            self._note_unread(part)
        text, blanks = _MANY_BLANKS.subn(" ", content.text)
        if blanks:
            self._note_unread(
                UnreadPart(name, "it has many blanks in a row; each such row counts as one blank", "Shorten it.")
            )
        bindings = parse_stream(io.StringIO(text))
        for binding in islice(bindings, _MAX_LINES):
            self._define(binding, name)
        if next(bindings, None) is not None:
            reason = f"it has more than {_MAX_LINES} lines; the lines after that are left out"
            self._note_unread(UnreadPart(name, reason, "Remove lines that are not variables.", _line(binding)))

    def resolved(self, process: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
        """Yield each key with its value and the name of its file."""
        expansion = Expansion(process, self._definitions)
        for key, definitions in self._definitions.items():
            last = definitions[-1]
            try:
                yield key, expansion.value(key), last.origin
            except EndlessError:
                reason = f"{key} refers to values that grow without end, and is left out"
                self._note_unread(UnreadPart(last.origin, reason, "Write its value out.", last.line))

    def _define(self, binding: Binding, name: str) -> None:
        key, value, line = binding.key, binding.value, _line(binding)
        if binding.error:
            action = f"Write {_FORM}: most often a quote is not closed, or the sign = is missing."
            self._note_unread(UnreadPart(name, "this is not a variable, and is left out", action, line))
        elif "\0" in binding.original.string:
            self._note_unread(UnreadPart(name, HOLDS_NUL, f"Write {_FORM}.", line))
        elif key is None or value is None:
            return  # ``KEY`` without = sets nothing, in python-dotenv as in compose
        elif not key or "=" in key:
            action = "The name of a variable can't contain =."
            self._note_unread(UnreadPart(name, "this can't be the name of a variable, and is left out", action, line))
        else:
            literal = _SINGLE_QUOTED.match(binding.original.string) is not None
            self._definitions.setdefault(key, []).append(Definition(value, literal, name, line))

    def _note_unread(self, part: UnreadPart) -> None:
        """Keep one unread part for each file: about its first line, with the number of lines."""
        known = self.unread.get(part.file)
        if known is not None:
            first = part if part.line and not known.line else known
            part = replace(first, count=known.count + 1)
        self.unread[part.file] = part


def _line(binding: Binding) -> int:
    # The parser counts from before the blank lines that precede the binding.
    blank = binding.original.string[: len(binding.original.string) - len(binding.original.string.lstrip())]
    return binding.original.line + len(re.findall(r"\r\n|\n|\r", blank))
