"""Ask the project's environment about packages: whether one is installed, under which name, and in which release."""

from __future__ import annotations

import importlib.util
import re
import sys


def is_installed(name: str) -> bool:
    """Whether a package of this name can be imported."""
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def distribution_of(module: str) -> str:
    """Return the distribution of an installed module; "" if unknown."""
    from importlib.metadata import packages_distributions  # noqa: PLC0415  as above

    return next(iter(packages_distributions().get(module, ())), "")


def is_installed_newer(requirement: str) -> bool:
    """Whether the installed release is not older than ``name<release``; if it is, an older release does not help."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  as above

    name, _, below = requirement.partition("<")
    try:
        here = re.findall(r"\d+", version(name))
    except PackageNotFoundError:
        return True
    return [int(part) for part in here] >= [int(part) for part in re.findall(r"\d+", below)]


def needs_older_python(package: str) -> bool:
    """Whether the installed release needs names that Python 3.10 removed too: no available Python is old enough."""
    return package.lower() == "django" and not is_installed_newer("django<2.1")
