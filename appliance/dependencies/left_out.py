"""List the packages that are left out even if a dependency file asks for them: each fails, or is of no use here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.dependencies.requirement_text import plain_line, requirement_of
from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.requirements import Requirement

_STDLIB = "is in Python's standard library"
_WINDOWS = "is for Windows alone"
LEFT_OUT = {
    "asyncio": _STDLIB,
    "backports-zoneinfo": _STDLIB,
    "dataclasses": _STDLIB,
    "distribute": "is setuptools under its old name",
    "enum34": _STDLIB,
    "functools32": _STDLIB,
    "futures": _STDLIB,
    "mod-wsgi": "is not needed here: the appliance serves the project",
    "pathlib": _STDLIB,
    # For some years, Debian's pip wrote this into every `pip freeze`.
    "pkg-resources": "is not a package: a mistake of Debian's pip",
    "pypiwin32": _WINDOWS,
    "python": "is Python itself, and not a package",
    "pywin32": _WINDOWS,
    "pywinpty": _WINDOWS,
    "subprocess32": _STDLIB,
    "typing": _STDLIB,
    "uwsgi": "is not needed here: the appliance serves the project",
    "wsgiref": _STDLIB,
}


def left_out(names: Iterable[str]) -> list[str]:
    """Return one sentence for each of these packages that is left out."""
    found = dict.fromkeys(name for name in map(normalized, names) if name in LEFT_OUT)
    return [f"{name} is left out: it {LEFT_OUT[name]}" for name in found]


def names_in(lines: str) -> list[str]:
    """Return the packages that requirement lines name."""
    return [requirement.name for requirement in _requirements(lines)]


def pins_in(lines: str) -> list[str]:
    """Return the exact releases that requirement lines pin: ``["flask==1.0"]``."""
    exact = (
        (normalized(each.name), re.fullmatch(r"={2,3}([^*,]+)", str(each.specifier))) for each in _requirements(lines)
    )
    return [f"{name}=={version[1]}" for name, version in exact if version]


def _requirements(lines: str) -> Iterable[Requirement]:
    for line in lines.splitlines():
        if (requirement := requirement_of(plain_line(line))) is not None:
            yield requirement
