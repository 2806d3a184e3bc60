"""Read ``[dependency-groups]`` (PEP 735): the requirement lines of groups, with the groups that they include.

It also reads the development tables that uv and PDM had before PEP 735.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from appliance.dependencies.text_file import read_toml, table
from appliance.discovery.setup_files import texts
from appliance.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from appliance.dependencies.dependency_selection import DependencySelection


class AskedGroups(NamedTuple):
    """The requirement lines of the selected groups, and the files that contain them."""

    lines: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


def asked_groups(file: Path, choice: DependencySelection, *, by_default: bool) -> AskedGroups:
    """Read the groups of a pyproject.toml that is installed beside another dependency file.

    Args:
        file: the pyproject.toml, which may not exist.
        choice: what the user selected.
        by_default: whether to add the groups that every tool installs by default.

    Raises:
        InstallError: as ``group_lines``.
    """
    if not (by_default or choice.groups) or not file.is_file():
        return AskedGroups()
    data = read_toml(file)
    names = filter(choice.takes_group if by_default else choice.names_group, table(data, "dependency-groups"))
    lines = group_lines(data, names, file)
    lines += older_groups(data) if by_default and choice.development else []
    return AskedGroups(tuple(lines), (file,) if lines else ())


def older_groups(data: Mapping[str, Any]) -> list[str]:
    """Return the development dependencies in the tables that uv and PDM had before dependency groups."""
    pdm = table(data, "tool", "pdm", "dev-dependencies")
    return [
        *texts(table(data, "tool", "uv").get("dev-dependencies")),
        *(line for name in pdm for line in texts(pdm[name])),
    ]


def group_lines(data: Mapping[str, Any], names: Iterable[str], file: Path) -> list[str]:
    """Return the lines of these groups, each line once.

    Raises:
        InstallError: a group does not exist, includes itself, or contains something that is not a requirement.
    """
    lines: dict[str, None] = {}
    for name in names:
        from packaging.dependency_groups import resolve_dependency_groups  # noqa: PLC0415  30 ms, which a start without such a file saves

        try:
            lines |= dict.fromkeys(resolve_dependency_groups(table(data, "dependency-groups"), name))
        except* Exception as errors:  # noqa: BLE001  its errors have no common base class
            first: BaseException = errors
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            reason = str(first).partition("\n")[0]
            raise InstallError(
                f"the group {name} in [dependency-groups] of {file.name} can't be read: {reason}",
                expected='requirements, and {include-group = "NAME"} of groups that exist',
                action=f"Correct [dependency-groups] of {file.name}.",
                file=str(file),
            ) from None
    return list(lines)
