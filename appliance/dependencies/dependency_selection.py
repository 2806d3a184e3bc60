"""Parse APPLIANCE_DEPENDENCIES: which of a project's dependencies to install.

The value is a list of files, ``extra:NAME`` and ``group:NAME``, separated by commas. ``*`` selects all extras or
groups; ``group:none`` excludes the dependencies that only development needs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.package_names import normalized
from appliance.protocol.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence


class DependencySelection(Record):
    """The user's selection.

    Attributes:
        files: the files to install from, instead of those that the appliance finds.
        extras: normalised names; ``*`` for all.
        groups: the same for groups.
        development: whether to install a tool's default development dependencies too.
    """

    files: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    development: bool = True

    def takes_extra(self, name: str) -> bool:
        """Whether this extra is selected."""
        return "*" in self.extras or normalized(name) in self.extras

    def names_group(self, name: str) -> bool:
        """Whether the user selected this group by name, or all groups."""
        return "*" in self.groups or normalized(name) in self.groups

    def takes_group(self, name: str) -> bool:
        """Whether to install this group: it is selected, or is ``dev``, which tools install by default."""
        return self.names_group(name) or (self.development and normalized(name) == "dev")


def read_choice(entries: Sequence[str]) -> DependencySelection:
    """Parse the entries of the setting."""
    files = tuple(entry for entry in entries if not re.match(r"(extra|group):", entry))
    named = [entry.partition(":") for entry in entries if entry not in files]
    extras = tuple(normalized(name) for kind, _, name in named if kind == "extra")
    groups = tuple(normalized(name) for kind, _, name in named if kind == "group")
    return DependencySelection(files, extras, tuple(name for name in groups if name != "none"), "none" not in groups)
