"""Parse PEP 508 requirements, and lines of requirements files.

The library is loaded at the first requirement: a start without dependency files needs none. Runs in the supervisor and
in commands.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.requirements import Requirement


def requirement_of(text: str) -> Requirement | None:
    """Return the requirement; None if the text is not one."""
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415  30 ms

    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def plain_line(line: str) -> str:
    """Return a line of a requirements file without its comment, its hashes, and the sign of its continuation."""
    return re.sub(r"(^|\s)#.*|\s--hash[= ]\S+|\\\s*\Z", "", line).strip()


def requirements_in(lines: Iterable[str]) -> Iterator[Requirement]:
    """Yield the requirements in lines of a requirements file; options and other lines are left out."""
    for line in lines:
        if (requirement := requirement_of(plain_line(line))) is not None:
            yield requirement


def names_in(text: str) -> list[str]:
    """Return the packages that a requirements file of this text names."""
    return [requirement.name for requirement in requirements_in(text.splitlines())]


def pins_in(text: str) -> list[str]:
    """Return the exact releases that a requirements file of this text pins: ``["flask==1.0"]``."""
    exact = (
        (normalized(each.name), re.fullmatch(r"={2,3}([^*,]+)", str(each.specifier)))
        for each in requirements_in(text.splitlines())
    )
    return [f"{name}=={version[1]}" for name, version in exact if version]
