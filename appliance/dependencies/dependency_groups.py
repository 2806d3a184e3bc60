"""``[dependency-groups]`` (PEP 735): the requirement lines of groups, with the groups that they include.

Owns the words for tables that are wrong. Must not know which groups are wanted. Runs in the appliance's own
interpreter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.dependency_groups import resolve_dependency_groups

from appliance.dependencies.text_file import table
from appliance.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def group_lines(data: Mapping[str, Any], names: Iterable[str], file: Path) -> list[str]:
    """The lines of these groups, each line once.

    Raises:
        InstallError: the tables can't be meant: a group that is not there, a circle, no requirement.
    """
    lines: dict[str, None] = {}
    for name in names:
        try:
            lines |= dict.fromkeys(resolve_dependency_groups(table(data, "dependency-groups"), name))
        except* Exception as errors:  # noqa: BLE001  its errors have no base of their own
            first: BaseException = errors
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            words = str(first).partition("\n")[0]
            raise InstallError(
                f"the group {name} in [dependency-groups] of {file.name} can't be read: {words}",
                expected='requirements and {include-group = "NAME"} of groups that are there',
                action=f"Correct [dependency-groups] of {file.name}.",
                file=str(file),
            ) from None
    return list(lines)
