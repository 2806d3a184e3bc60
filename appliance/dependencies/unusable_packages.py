"""List the packages that are left out even if a dependency file asks for them: each fails, or is of no use here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable

_STDLIB = "is in Python's standard library"
_WINDOWS = "is for Windows alone"
UNUSABLE = {
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
    found = dict.fromkeys(name for name in map(normalized, names) if name in UNUSABLE)
    return [f"{name} is left out: it {UNUSABLE[name]}" for name in found]
