"""Name the remedies that a page may offer after a failed installation: the needs that are known to fit.

Nothing here is guessed: a version is offered if the index has it, a name if the project imports that module and the
index has the package, a Python if it is on this machine. It may ask the index. Runs in commands such as
``appliance install``.
"""

from __future__ import annotations

import difflib
import re
import sys
from itertools import islice
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from appliance.conventions import SOURCES_MAX
from appliance.discovery.source.modules import Modules, imports_of
from appliance.environment.failures.headings import NAME
from appliance.environment.failures.install_remedies import INSTEAD
from appliance.environment.python.interpreter import allowed_versions
from appliance.environment.python.pythons import find_python
from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from appliance.errors import InstallError
    from appliance.protocol.remedy_kinds import Need

_NO_VERSION = (
    re.compile(rf"no versions? of {NAME}[=<>~!]"),
    re.compile(rf"only {NAME}[<>=]\S+ (?:is|are) available and you require"),
    re.compile(rf"{NAME}==\S+ (?:has|only has) (?:no )?wheels? with"),
)
_NOT_THERE = re.compile(rf"{NAME} was not found in the package registry")
_OTHER_PYTHON = re.compile(r"does not satisfy Python(?P<range>[<>=!~][\d.,<>=!~*]*)")
_NEAR = 0.75  # of 1: flaks and flask have 0.8
_PATCH = 99


def name_needs(
    error: InstallError,
    root: Path,
    cache: Path,
    values: Mapping[str, str],
    newest: Callable[[str], str],
) -> None:
    """Add the remedies of a failed installation to its error.

    Args:
        error: the failure, as it is shown.
        root: the project's folder.
        cache: the appliance's cache folder.
        values: the project's environment variables.
        newest: returns the newest version of a package that can be installed here without a build; empty if none can.
    """
    text = "\n".join([error.found, *map(str, error.details.get("output", ()))])
    error.needs += _of_requirement(error, text, root, newest)
    error.needs += _of_python(text, root, cache, values)


def _of_requirement(error: InstallError, text: str, root: Path, newest: Callable[[str], str]) -> list[Need]:
    """Return another version or name for the requirement that failed, if a file of the project has it."""
    file = _within(root, str(error.details.get("file") or ""))
    if not file:
        return []
    package, _, version = str(error.details.get("package") or "").partition("==")
    instead = INSTEAD.get(normalized(package), "")
    if instead:
        return [{"kind": "use-instead", "file": file, "package": package, "instead": instead}]
    gone = _NOT_THERE.search(text) if error.details.get("kind") != "build" else None  # a build needs more packages
    if gone is not None:
        meant = _meant(gone["name"], root)
        known = bool(meant) and bool(newest(meant))
        return [{"kind": "use-instead", "file": file, "package": gone["name"], "instead": meant}] if known else []
    found = next(filter(None, (pattern.search(error.found) for pattern in _NO_VERSION)), None)
    package = found["name"] if found else package if error.details.get("kind") == "build" else ""
    other = newest(package) if package and package != "it" else ""
    if not other or other == version:
        return []
    return [{"kind": "use-version", "file": file, "package": package, "version": other}]


def _within(root: Path, file: str) -> str:
    """Return a file's name relative to the project; empty if it is not in it."""
    begin = f"{root}/"
    return file.removeprefix(begin) if file.startswith(begin) else ""


def _meant(name: str, root: Path) -> str:
    """Return the package whose name this was meant to be: the project imports exactly one module with such a name."""
    modules = Modules(root)
    own = {*modules.top_level_names(), *sys.stdlib_module_names}
    imported: set[str] = set()
    for file in islice(modules.files(2), SOURCES_MAX):
        imported |= {each.partition(".")[0] for each in imports_of(file)}
    candidates = [normalized(each) for each in imported - own if normalized(each) != normalized(name)]
    near = difflib.get_close_matches(normalized(name), candidates, n=2, cutoff=_NEAR)
    return near[0] if len(near) == 1 else ""


def _of_python(text: str, root: Path, cache: Path, values: Mapping[str, str]) -> list[Need]:
    """Return the newest Python of this machine on which a package runs that refuses the present one."""
    found = _OTHER_PYTHON.search(text)
    if found is None:
        return []
    try:
        asked = SpecifierSet(found["range"].rstrip(","))
    except InvalidSpecifier:
        return []
    fitting = (each for each in allowed_versions(root) if asked.contains(f"{each}.{_PATCH}"))
    here = next((each for each in fitting if find_python(each, cache, values)), "")
    return [{"kind": "use-python", "version": here}] if here else []
