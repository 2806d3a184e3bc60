"""Find the package that provides a module which has left Python, when an import has failed for it.

Runs in the supervisor.
"""

from __future__ import annotations

import re

from appliance.conventions import BACKPORTS, SETUPTOOLS

_BROUGHT_BACK = {
    **BACKPORTS,
    # uv installs no setuptools into an environment, and Python 3.12 and later do not either. A package that imports
    # these without declaring them worked everywhere before.
    **dict.fromkeys(("pkg_resources", "setuptools"), SETUPTOOLS),
}
_MISSING = re.compile(r"No module named '(\w{1,40})\b")


def backport_of(message: str) -> tuple[str, str]:
    """Return the module that an import error names, and the requirement that provides it; empty if unknown."""
    found = _MISSING.search(message)
    requirement = _BROUGHT_BACK.get(found[1], "") if found else ""
    return (found[1], requirement) if found and requirement else ("", "")
