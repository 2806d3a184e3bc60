"""Return the version of the Python that runs the appliance itself."""

from __future__ import annotations

import sys


def appliance_python_version() -> str:
    """Return major and minor: "3.13"."""
    return ".".join(map(str, sys.version_info[:2]))
