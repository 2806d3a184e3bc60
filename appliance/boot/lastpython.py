"""The last Python that a release runs on, where its wheel is for every Python and does not say so.

Owns the table: releases that can't be imported on a newer one, whatever is brought back to that. Must not know what is
chosen by it. Runs in ``appliance install``.
"""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from appliance.boot.choice import plain

# A copy of six that is older than 1.16 finds nothing under six.moves since 3.12; pkgutil.get_loader and ast.Str left
# with 3.14. "Below this release: at most this Python."
_LAST = {
    "boto": (("3", "3.11"),),
    "celery": (("5.3", "3.11"),),
    "django": (("3", "3.11"),),
    "eventlet": (("0.34", "3.11"),),
    "flask": (("2.3", "3.13"),),
    "requests": (("2.16", "3.11"),),
    "six": (("1.16", "3.11"),),
    "stripe": (("3", "3.11"),),
    "urllib3": (("1.26.5", "3.11"),),
    "werkzeug": (("2.3", "3.13"),),
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
