"""Which of a project's dependencies are wanted: the word of APPLIANCE_DEPENDENCIES.

Owns its grammar: files, ``extra:NAME`` and ``group:NAME``, parted by commas; ``*`` is all of them, ``group:none``
leaves out what is for development alone. Must not know any file. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class DependencySelection:
    """What was asked for.

    Attributes:
        files: to install from, instead of those that are found.
        extras: names, normalised; ``*`` for all.
        groups: the same.
        development: whether what a tool has for development comes too, though nobody named it.
    """

    files: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    development: bool = True

    def takes_extra(self, name: str) -> bool:
        """Whether this extra is wanted."""
        return "*" in self.extras or plain(name) in self.extras

    def names_group(self, name: str) -> bool:
        """Whether this group was asked for."""
        return "*" in self.groups or plain(name) in self.groups

    def takes_group(self, name: str) -> bool:
        """Whether this group is wanted: it was asked for, or is the one that the standard's tools take."""
        return self.names_group(name) or (self.development and plain(name) == "dev")


def read_choice(entries: Sequence[str]) -> DependencySelection:
    """The entries of the setting."""
    files = tuple(entry for entry in entries if not re.match(r"(extra|group):", entry))
    named = [entry.partition(":") for entry in entries if entry not in files]
    extras = tuple(plain(name) for kind, _, name in named if kind == "extra")
    groups = tuple(plain(name) for kind, _, name in named if kind == "group")
    return DependencySelection(files, extras, tuple(name for name in groups if name != "none"), "none" not in groups)


def plain(name: str) -> str:
    """A name as PEP 503 and PEP 685 compare it."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
