"""The last Python that a release runs on, where its wheel is for every Python and does not say so.

Owns the table: releases that can't be imported on a newer one, whatever is brought back to that. Must not know what is
chosen by it. Runs in ``appliance install``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from appliance.dependencies.dependency_selection import plain
from appliance.environment.python.pythons import SERVED

if TYPE_CHECKING:
    from collections.abc import Iterable

# A copy of six that is older than 1.16 finds nothing under six.moves since 3.12; pkgutil.get_loader and ast.Str left
# with 3.14; collections had what is collections.abc's until 3.9. "Below this release: at most this Python", the lowest
# release first.
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
    """The last Python of ``name==version``; empty where none is known."""
    name, _, version = pin.partition("==")
    try:
        release = Version(version)
    except InvalidVersion:
        return ""
    return next((last for below, last in _LAST.get(plain(name), ()) if release < Version(below)), "")


def runs_on(pin: str, python: str) -> bool:
    """Whether nothing is known against it."""
    last = last_python(pin)
    return not last or Version(python) <= Version(last)


def runs_on_none(pins: Iterable[str]) -> list[str]:
    """Those that run on no Python that the appliance serves."""
    return [pin for pin in pins if not runs_on(pin, SERVED[-1])]
