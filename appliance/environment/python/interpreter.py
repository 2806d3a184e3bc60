"""Choose the Python that the project runs on: from what the project requires or pins, and what is installed.

The supervisor does this at each check of the project.

Theory of operation. A range (``requires-python``) is a requirement of the project and always holds. A pin
(``.python-version``) is a version that a person or a host once used. It is followed if that Python is installed or can
be downloaded; otherwise the nearest version in the range is used, and a message says so. Without a pin, the
appliance's own Python is used, unless packages are pinned to releases that have no wheel for it: then the newest Python
for which most of them have one (``wheels``).

Decision 30 says why.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.dependencies.appliance_python import appliance_python_version
from appliance.environment.python.python_requirement import pin, read_python_requirements
from appliance.environment.python.pythons import SERVED, ask_python, available, find_python
from appliance.errors import InterpreterError
from appliance.protocol.record import Record, made_default
from appliance.protocol.remedy_kinds import INSTALL_AGAIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.config.settings import Settings
    from appliance.environment.python.python_requirement import PythonRequirement

_NOT_DOWNLOADED = "it could not be downloaded"
_SHOWN = 3
_UNKNOWN = 10_000  # more pins than any project has
# The Pythons of `docker build --target full`; any other needs a further build.
IN_FULL_IMAGE = ("3.14", "3.13", "3.12", "3.11", "3.10")
APPLIANCE_FOLDER = "/path/to/wsgi-appliance"


class Interpreter(Record):
    """A Python of this machine, or one to download.

    Attributes:
        version: "3.13".
        path: its path; None if it must be downloaded.
        why: what asks for this version, for the user.
        passed_over: the version that the project pins, if another one is used.
        because: why another version than the first choice is used, if the pinned packages decided.
        alternatives: the other versions that fit, if no pin decides.
    """

    version: str
    path: Path | None
    why: str
    passed_over: str = ""
    because: str = ""
    alternatives: tuple[str, ...] = ()


class Known(Record):
    """The results of earlier installations of the same dependencies.

    Attributes:
        lacking: for each version that was checked, the pins without a wheel for it; a version on which a pin can't be
            installed at all has no entry.
        unfetched: versions that could not be downloaded.
        unfit: versions on which a package could not be built.
        reason: which package, and why.
    """

    lacking: Mapping[str, tuple[str, ...]] = made_default(default_factory=dict)
    unfetched: tuple[str, ...] = ()
    unfit: tuple[str, ...] = ()
    reason: str = ""


_NOTHING = Known()


def choose_interpreter(
    root: Path,
    settings: Settings,
    values: Mapping[str, str],
    folder: Path | None = None,
    known: Known = _NOTHING,
) -> Interpreter:
    """Return the Python for the project.

    Args:
        root: the project's folder.
        settings: the appliance's settings.
        values: the project's environment variables.
        folder: the folder of its dependency files, if known.
        known: what earlier installations found out.

    Raises:
        InterpreterError: no Python fits.
    """
    if "/" in settings.python:
        return _named(Path(settings.python))
    search = _Search(settings.cache, values, known)
    requirements = (
        [pin(settings.python, "APPLIANCE_PYTHON")] if settings.python else read_python_requirements(root, folder)
    )
    binding = [requirement for requirement in requirements if settings.python or not requirement.pin]
    allowed = [version for version in SERVED if all(requirement.allows(version) for requirement in binding)]
    asked = " and ".join(f"{each.where} says {each.text}" for each in requirements) or "the project asks for no version"
    explanation = asked
    if not allowed:
        raise _unserved(binding)
    pinned = next((requirement for requirement in requirements if requirement.pin and not settings.python), None)
    if pinned is not None:
        followed = next((version for version in allowed if pinned.allows(version)), None)
        path = search.here(followed) if followed else None
        if followed and (path or search.may_fetch(followed)):
            return Interpreter(followed, path, explanation)
        explanation = f"{pinned.where} says {pinned.text}, {_why_not(pinned, followed, binding)}"
    found = _best(allowed, pinned, search)
    if found is None:
        # Name the range beside the pin: after a change of the pin alone, the same error would come again.
        raise missing_error(allowed, asked, search.why_not, settings.cache, values)
    version, path = found
    others = () if settings.python else tuple(each for each in _preferred(allowed, pinned) if each != version)
    passed_over = pinned.text if pinned else ""
    return Interpreter(version, path, explanation, passed_over, _because(version, allowed, known), others)


def allowed_versions(root: Path, folder: Path | None = None) -> list[str]:
    """Return the versions that the project's ranges allow, without its pins."""
    ranges = [requirement for requirement in read_python_requirements(root, folder) if not requirement.pin]
    return [version for version in SERVED if all(requirement.allows(version) for requirement in ranges)]


class _Search:
    """The Pythons of this machine; each is checked at most once, because the check starts a process."""

    def __init__(self, cache: Path, values: Mapping[str, str], known: Known) -> None:
        self.known = known
        self._cache = cache
        self._values = values
        self._found: dict[str, Path | None] = {}
        self._fetches = values.get("UV_PYTHON_DOWNLOADS") not in {"never", "manual"} and not values.get("UV_OFFLINE")

    def here(self, version: str) -> Path | None:
        """Return the path of this version on this machine."""
        if version not in self._found:
            self._found[version] = find_python(version, self._cache, self._values)
        return self._found[version]

    def may_fetch(self, version: str) -> bool:
        """Whether to try to download this version."""
        return self._fetches and version not in self.known.unfetched

    @property
    def why_not(self) -> str:
        """Why no Python is downloaded."""
        return _NOT_DOWNLOADED if self._fetches else "downloads of Pythons are turned off"


def _best(allowed: Sequence[str], pinned: PythonRequirement | None, search: _Search) -> tuple[str, Path | None] | None:
    """Return the preferred installed version among those with the most wheels, else one to download."""
    order = _preferred(allowed, pinned)
    lacking = search.known.lacking
    # If nothing is known, all versions are equal.
    counts = {
        version: (version in search.known.unfit, len(lacking[version]) if version in lacking else _UNKNOWN)
        for version in order
    }
    for count in sorted(set(counts.values())):
        equal = [version for version in order if counts[version] == count]
        for version in equal:
            path = search.here(version)
            if path is not None:
                return version, path
        # A version that is not released yet may have no build to download.
        settled = [version for version in equal if version != SERVED[0]] or equal
        for version in settled:
            if search.may_fetch(version):
                return version, None
    return None


def _preferred(allowed: Sequence[str], pinned: PythonRequirement | None) -> list[str]:
    """Sort the versions: by their distance to a pin that can't be followed; else our own first, then the newest."""
    if pinned is not None:
        pinned_minor = _minor(pinned.text)
        return sorted(allowed, key=lambda version: abs(_minor(version) - pinned_minor))
    own = appliance_python_version()
    return [*(version for version in allowed if version == own), *(version for version in allowed if version != own)]


def _minor(version: str) -> int:
    match = re.match(r"(\d+)\.(\d+)", version)
    return int(match[1]) * 100 + int(match[2]) if match else 0


def _because(version: str, allowed: Sequence[str], known: Known) -> str:
    """Return which pins decided on this version; empty if none did."""
    own = appliance_python_version()
    if version == own or own not in allowed:
        return ""
    better = [each for each in known.lacking.get(own, ()) if each not in known.lacking.get(version, ())]
    if own in known.unfit and version not in known.unfit:
        return known.reason
    if better:
        return f"{join_names(better)} {'has' if len(better) == 1 else 'have'} no wheel for Python {own}"
    return f"what is pinned can't be installed on Python {own}" if known.lacking and own not in known.lacking else ""


def join_names(names: Sequence[str]) -> str:
    """Join some of these names as in a sentence."""
    shown, more = list(names[:_SHOWN]), len(names) - _SHOWN
    if more > 0:
        shown.append(f"{more} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _why_not(pinned: PythonRequirement, followed: str | None, binding: Sequence[PythonRequirement]) -> str:
    if followed:
        return "which is not installed"
    if _minor(pinned.text) < _minor(SERVED[-1]):
        return "which is older than what the appliance supports"
    meant = [version for version in SERVED if pinned.allows(version)]
    against = next((requirement for requirement in binding if meant and not any(map(requirement.allows, meant))), None)
    return (
        f"which {against.where} ({against.text}) does not admit" if against else "which the appliance does not support"
    )


def _unserved(binding: Sequence[PythonRequirement]) -> InterpreterError:
    why = " and ".join(f"{each.where} says {each.text}" for each in binding)
    setting = binding[0].where == "APPLIANCE_PYTHON"
    return InterpreterError(
        f"no Python that the appliance supports fits: {why}",
        expected=f"a Python from {SERVED[-1]} to {SERVED[0]}",
        action="Set APPLIANCE_PYTHON to one of these versions."
        if setting
        else f"Widen {' and '.join(each.where for each in binding)}, so that it admits one of these versions.",
        asked=why,
    )


def missing_error(
    fitting: Sequence[str], why: str, reason: str, cache: Path, values: Mapping[str, str], **details: object
) -> InterpreterError:
    """Return the error for a Python that is not installed, with the installed ones, and how to add one that fits."""
    there = available(cache, values)
    return InterpreterError(
        f"Python {' or '.join(fitting)} is not installed ({why}), and {reason}",
        expected=f"a Python that fits; installed {'is' if len(there) == 1 else 'are'} {', '.join(there)}",
        action=how_to_add(fitting[0] if fitting[0] != SERVED[0] else fitting[-1], values),
        needs=[INSTALL_AGAIN] if reason == _NOT_DOWNLOADED else [],
        asked=why,
        available=there,
        **details,
    )


def how_to_add(version: str, values: Mapping[str, str]) -> str:
    """Advise how to install this version where the appliance runs."""
    if "APPLIANCE_IMAGE" not in values:
        return f"Install it, so that python{version} is on PATH: uv python install {version}, for example."
    if version in IN_FULL_IMAGE and values["APPLIANCE_IMAGE"] != "full":
        return (
            f"Build the image that has Python {IN_FULL_IMAGE[-1]} to {IN_FULL_IMAGE[0]}, from the appliance's own "
            f"folder: docker build --target full -t wsgi-appliance {APPLIANCE_FOLDER}"
        )
    return (
        "Add it to the image, from the appliance's own folder: docker build --build-arg "
        f"EXTRA_PYTHON=python:{version}-slim -t wsgi-appliance {APPLIANCE_FOLDER}"
    )


def _named(path: Path) -> Interpreter:
    if path.is_dir():
        # The folder of an environment stands for its Python.
        path = path / "bin" / "python"
    found = ask_python(path)
    if found is None:
        raise InterpreterError(
            f"APPLIANCE_PYTHON is {path}, which does not run as a Python",
            expected="the path of a Python interpreter, or a version such as 3.12",
            action="Correct APPLIANCE_PYTHON, or remove it: the project's own files then decide.",
        )
    if found[1] not in SERVED:
        raise InterpreterError(
            f"APPLIANCE_PYTHON is {path}, Python {found[1]}",
            expected=f"a Python from {SERVED[-1]} to {SERVED[0]}",
            action="Set APPLIANCE_PYTHON to another one.",
        )
    return Interpreter(found[1], path, "APPLIANCE_PYTHON names it")
