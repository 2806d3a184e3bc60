"""Parse one PEP 508 requirement, or a line of a requirements file.

The library is loaded at the first requirement: a start without dependency files needs none. Runs in the supervisor and
in commands.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
