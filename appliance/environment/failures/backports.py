"""List the modules that left the standard library, and the package that provides each of them.

The supervisor uses it after an import has failed.
"""

from __future__ import annotations

import re

_SETUPTOOLS = "setuptools<81"  # later releases do not contain pkg_resources
_DEAD = (
    "aifc", "asynchat", "asyncore", "chunk", "crypt", "imghdr", "mailcap", "nntplib", "pipes", "smtpd", "sndhdr",
    "sunau", "telnetlib", "uu", "xdrlib",
)  # fmt: skip
_BROUGHT_BACK = {
    # uv installs no setuptools into an environment, and Python 3.12 and later do not either. A package that imports
    # these without declaring them worked everywhere before.
    **dict.fromkeys(("distutils", "pkg_resources", "setuptools"), _SETUPTOOLS),
    "audioop": "audioop-lts",
    "cgi": "legacy-cgi",
    "cgitb": "legacy-cgi",
    "imp": "zombie-imp",
    **{name: f"standard-{name}" for name in _DEAD},
}
_MISSING = re.compile(r"No module named '(\w{1,40})\b")


def brought_back(message: str) -> tuple[str, str]:
    """Return the module that an import error names, and the requirement that provides it; empty if unknown."""
    found = _MISSING.search(message)
    requirement = _BROUGHT_BACK.get(found[1], "") if found else ""
    return (found[1], requirement) if found and requirement else ("", "")
