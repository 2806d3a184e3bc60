"""``${NAME}`` and ``${NAME:-default}`` in the values of ``.env`` files.

Owns how they are resolved, over all files at once, and that this ends: in linear time of what stands there, whoever
wrote it. Knows nothing of files. Runs wherever ``env`` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST = 1024 * 1024  # characters of a value
MOST = 10_000  # references that are followed for one value
MOST_IN_ALL = 1_000_000  # and for all of them: a second
DEEPEST = 100  # of references in what is referred to


class EndlessError(Exception):
    """A value that grows beyond every bound by what it refers to."""


@dataclass(frozen=True)
class Definition:
    """One line: its value, whether that is to be taken as it stands, and where it is from."""

    text: str
    literal: bool
    origin: str
    line: int


class Expansion:
    """References resolved, the process environment winning.

    ``A=${A}b`` means what A was before: the definition below it, in the file or in a file of lower precedence.
    """

    def __init__(self, process: Mapping[str, str], definitions: Mapping[str, list[Definition]]) -> None:
        self._process = process
        self._definitions = definitions
        self._below: dict[str, int] = {}
        self._followed = self._followed_before = 0
        self._depth = 0

    def value(self, key: str) -> str:
        """What the files say of the key, whatever the process environment says.

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
            if self._depth > DEEPEST:
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
            if size > LONGEST:
                raise EndlessError
        return "".join([*parts, text[place:]])

    def _referred(self, name: str, default: str) -> str:
        self._followed += 1
        if self._followed > MOST or self._followed_before > MOST_IN_ALL:
            raise EndlessError
        if name in self._process:
            return self._process[name]
        index = self._below.get(name, len(self._definitions.get(name, ()))) - 1
        return self._at(name, index) if index >= 0 else default


def references(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Start, end, name and default of each reference; a name has neither ``}`` nor ``:``, a default no ``}``.

    A regular expression would look for the end from each beginning anew: a megabyte of ``${`` would take a day.
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
