"""The extra requirements of an environment, in addition to what the project's files declare.

A remedy adds them, or the supervisor for a module that has left Python. They are in a file beside the environments,
named after the key of the declared dependencies: each addition makes another environment, and other dependencies have
another file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.environment.environment_folder import read_note, write_note

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SUFFIX = ".more"


def file_of(key: str) -> str:
    """Return the name of the file for the dependencies with this key."""
    return key + _SUFFIX


def read_extra(environments: Path, file: str) -> tuple[str, ...]:
    """Return the extra requirements in the file of this name beside the environments."""
    return tuple(read_note(environments, file).decode("utf-8", "replace").split())


def write_extra(environments: Path, file: str, extra: Iterable[str]) -> None:
    """Write the extra requirements into the file of this name beside the environments."""
    write_note(environments, file, "".join(f"{each}\n" for each in extra).encode())


def reinstall_requirement(package: str, count: int) -> str:
    """Return a requirement that this package meets anyway: another one for each count makes another environment."""
    return f"{package}>=0{'.0' * count}"


def reinstalled_in(extra: tuple[str, ...]) -> list[str]:
    """Return the packages that are installed again, because their files were edited or removed."""
    found = (re.fullmatch(r"(.+)>=0(?:\.0)*", each) for each in extra)
    return list(dict.fromkeys(match[1] for match in found if match))
