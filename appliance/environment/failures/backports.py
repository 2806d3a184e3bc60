"""Modules that left the standard library, and what brings each of them back.

Owns the table. Must not know how anything is installed. Runs in the supervisor, after an import has failed.
"""

from __future__ import annotations

import re

_SETUPTOOLS = "setuptools<81"  # later ones bring pkg_resources no more
_DEAD = (
    "aifc", "asynchat", "asyncore", "chunk", "crypt", "imghdr", "mailcap", "nntplib", "pipes", "smtpd", "sndhdr",
    "sunau", "telnetlib", "uu", "xdrlib",
)  # fmt: skip
_BROUGHT_BACK = {
    # Environments of uv hold no setuptools, and Pythons since 3.12 neither: what imports these without saying that it
    # needs them ran everywhere before.
    **dict.fromkeys(("distutils", "pkg_resources", "setuptools"), _SETUPTOOLS),
    "audioop": "audioop-lts",
    "cgi": "legacy-cgi",
    "cgitb": "legacy-cgi",
    "imp": "zombie-imp",
    **{name: f"standard-{name}" for name in _DEAD},
}
_MISSING = re.compile(r"No module named '(\w{1,40})\b")


def brought_back(message: str) -> tuple[str, str]:
    """The module that an import error names, and the requirement that brings it; empty where it is none of these."""
    found = _MISSING.search(message)
    requirement = _BROUGHT_BACK.get(found[1], "") if found else ""
    return (found[1], requirement) if found and requirement else ("", "")
