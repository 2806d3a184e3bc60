"""The version of the Python that the appliance itself runs on."""

from __future__ import annotations

import sys


def own_version() -> str:
    """Major and minor, as in "3.13"."""
    return ".".join(map(str, sys.version_info[:2]))
