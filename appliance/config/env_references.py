"""Resolve ``${NAME}`` and ``${NAME:-default}`` in the values of ``.env`` files.

References are resolved over all files at once, in a time that is linear in the size of any text. This module knows no
files. Runs in the supervisor and in commands, with ``env``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_LENGTH = 1024 * 1024  # characters of a value
MAX_REFERENCES = 10_000  # references to follow for one value
MAX_REFERENCES_IN_ALL = 1_000_000  # and for all values: a second
MAX_DEPTH = 100  # of references within references


class EndlessError(Exception):
    """A value that its references make larger than the limits."""


@dataclass(frozen=True)
class Definition:
    """One line: its value, whether references in it stay as they are, and its file and line."""

    text: str
    literal: bool
    origin: str
    line: int


class Expansion:
    """Resolves references; the process environment wins.

    In ``A=${A}b`` the reference means the earlier A: the definition above it in the file, or in a file of lower
    precedence.
    """

    def __init__(self, process: Mapping[str, str], definitions: Mapping[str, list[Definition]]) -> None:
        self._process = process
        self._definitions = definitions
        self._below: dict[str, int] = {}
        self._followed = self._followed_before = 0
        self._depth = 0

    def value(self, key: str) -> str:
        """Return the key's value in the files; the process environment does not replace it.

        Raises:
            EndlessError: it refers to too much.
        """
        self._followed_before += self._followed
        self._followed = 0
        return self._at(key, len(self._definitions[key]) - 1)

    def _at(self, key: str, index: int) -> str:
        definition = self._definitions[key][index]
        if definition.literal or "${" not in definition.text:
            return definition.text
        before = self._below.get(key)
        self._below[key] = index
        self._depth += 1
        try:
            if self._depth > MAX_DEPTH:
                raise EndlessError
            return self._expanded(definition.text)
        finally:
            self._depth -= 1
            if before is None:
                del self._below[key]
            else:
                self._below[key] = before

    def _expanded(self, text: str) -> str:
        parts: list[str] = []
        size = place = 0
        for start, end, name, default in references(text):
            for part in (text[place:start], self._referred(name, default)):
                parts.append(part)
                size += len(part)
            place = end
            if size > MAX_LENGTH:
                raise EndlessError
        return "".join([*parts, text[place:]])

    def _referred(self, name: str, default: str) -> str:
        self._followed += 1
        if self._followed > MAX_REFERENCES or self._followed_before > MAX_REFERENCES_IN_ALL:
            raise EndlessError
        if name in self._process:
            return self._process[name]
        index = self._below.get(name, len(self._definitions.get(name, ()))) - 1
        return self._at(name, index) if index >= 0 else default


def references(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield start, end, name and default of each reference; a name has neither ``}`` nor ``:``, a default no ``}``.

    A regular expression would look for the end again from each beginning: a megabyte of ``${`` would take a day.
    """
    start, end, colon = text.find("${"), -1, -1
    while start >= 0:
        if end < start + 2:
            end = text.find("}", start + 2)
            if end < 0:
                return
        if colon < start + 2:
            colon = text.find(":", start + 2)
            colon = colon if colon >= 0 else len(text)
        if colon >= end:
            yield start, end + 1, text[start + 2 : end], ""
            start = text.find("${", end + 1)
        elif text.startswith(":-", colon):
            yield start, end + 1, text[start + 2 : colon], text[colon + 2 : end]
            start = text.find("${", end + 1)
        else:
            start = text.find("${", start + 2)
