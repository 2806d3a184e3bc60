"""List the last Python that a release runs on, for releases whose wheels claim to support every Python.

These releases can't be imported on a newer Python, even with the backports of modules that left the standard library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.environment.python.pythons import SERVED
from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable

# In Python 3.12 and later, a copy of six older than 1.16 finds nothing in six.moves; Python 3.14 removed
# pkgutil.get_loader and ast.Str; until 3.9, collections contained the classes of collections.abc. Each pair is a
# release and the last Python of all releases below it, the lowest release first.
_LAST = {
    "boto": (("3", "3.11"),),
    "celery": (("4.3", "3.9"), ("5.3", "3.11")),
    "django": (("2.1", "3.9"), ("3", "3.11")),
    "eventlet": (("0.34", "3.11"),),
    "flask": (("2.3", "3.13"),),
    "html5lib": (("1.1", "3.9"),),
    "jinja2": (("2.10.2", "3.9"),),
    "requests": (("2.16", "3.11"),),
    "six": (("1.16", "3.11"),),
    "sqlalchemy": (("1.2.10", "3.9"),),
    "stripe": (("3", "3.11"),),
    "urllib3": (("1.23", "3.9"), ("1.26.5", "3.11")),
    "werkzeug": (("0.15", "3.9"), ("2.3", "3.13")),
}


def last_python(pin: str) -> str:
    """Return the last Python of ``name==version``; empty if none is known."""
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415  30 ms, which a start without such a file saves

    name, _, version = pin.partition("==")
    try:
        release = Version(version)
    except InvalidVersion:
        return ""
    return next((last for below, last in _LAST.get(normalized(name), ()) if release < Version(below)), "")


def runs_on(pin: str, python: str) -> bool:
    """Whether a pin runs on this Python, as far as the table knows."""
    from packaging.version import Version  # noqa: PLC0415  30 ms, which a start without such a file saves

    last = last_python(pin)
    return not last or Version(python) <= Version(last)


def runs_on_none(pins: Iterable[str]) -> list[str]:
    """Return the pins that run on no Python that the appliance supports."""
    return [pin for pin in pins if not runs_on(pin, SERVED[-1])]
