"""Which Python the project runs on: what it asks for, what it pins, and what there is.

Owns the choice and its words. Must not know how it is found out what a package has wheels for, nor what is installed
into an environment. Runs in the appliance's own interpreter, at each look at the project.

Theory of operation. A range (``requires-python``) is the project's own word, and holds. A pin (``.python-version``) is
what a person or a host ran once: it is followed where that Python is here or can be fetched; else the nearest that the
range admits is taken, and that is told. Where nothing is pinned, the appliance's own Python serves, unless packages are
pinned to releases that have no wheel for it: then the newest Python for which most of them have one (``wheels``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.dependencies.own_python import own_version
from appliance.environment.python.python_requirement import pin, read_wishes
from appliance.environment.python.pythons import SERVED, ask_python, available, find_python
from appliance.errors import InterpreterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.config.settings import Settings
    from appliance.environment.python.python_requirement import PythonRequirement

_SHOWN = 3
_UNKNOWN = 10_000  # more pins than a project has
# What `docker build --target full` brings; any other is one more image.
IN_FULL_IMAGE = ("3.14", "3.13", "3.12", "3.11", "3.10")
APPLIANCE_FOLDER = "/path/to/wsgi-appliance"


@dataclass(frozen=True)
class Interpreter:
    """A Python of this machine, or one that the installer is to fetch.

    Attributes:
        version: "3.13".
        path: where it is; None for one to be fetched.
        why: whose wish it follows, in words.
        passed_over: the version that the project pins, where another one is taken.
        because: why another than the first choice is taken, where the pinned packages decided.
        alternatives: the versions that fit as well, where nobody pins one.
    """

    version: str
    path: Path | None
    why: str
    passed_over: str = ""
    because: str = ""
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """What was found out when the same dependencies were installed.

    Attributes:
        lacking: for each version that was asked about, the pins that have no wheel for it; a version on which a pin
            can't be installed at all is not there.
        unfetched: versions that could not be fetched.
        unfit: versions on which something could not be built.
        reason: what that was.
    """

    lacking: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
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
    """The Python that the project is to run on.

    Args:
        root: the project's folder.
        settings: the appliance's.
        values: the project's environment.
        folder: the one that its dependencies are read in, where that is known.
        known: what was found out before.

    Raises:
        InterpreterError: none can serve it.
    """
    if "/" in settings.python:
        return _named(Path(settings.python))
    search = _Search(settings.cache, values, known)
    wishes = [pin(settings.python, "APPLIANCE_PYTHON")] if settings.python else read_wishes(root, folder)
    binding = [wish for wish in wishes if settings.python or not wish.pin]
    allowed = [version for version in SERVED if all(wish.allows(version) for wish in binding)]
    asked = words = " and ".join(f"{wish.where} says {wish.text}" for wish in wishes) or "the project asks for none"
    if not allowed:
        raise _unserved(binding)
    pinned = next((wish for wish in wishes if wish.pin and not settings.python), None)
    if pinned is not None:
        followed = next((version for version in allowed if pinned.allows(version)), None)
        path = search.here(followed) if followed else None
        if followed and (path or search.may_fetch(followed)):
            return Interpreter(followed, path, words)
        words = f"{pinned.where} says {pinned.text}, {_why_not(pinned, followed, binding)}"
    found = _best(allowed, pinned, search)
    if found is None:
        # A range that comes with the pin decides too: who changes the pin alone is told the same again.
        raise missing_error(allowed, asked, search.why_not, settings.cache, values)
    version, path = found
    others = () if settings.python else tuple(each for each in _preferred(allowed, pinned) if each != version)
    passed_over = pinned.text if pinned else ""
    return Interpreter(version, path, words, passed_over, _because(version, allowed, known), others)


def admitted(root: Path, folder: Path | None = None) -> list[str]:
    """The versions that the project's ranges admit, whatever it pins."""
    ranges = [wish for wish in read_wishes(root, folder) if not wish.pin]
    return [version for version in SERVED if all(wish.allows(version) for wish in ranges)]


class _Search:
    """What there is, each asked at most once, since asking starts a process."""

    def __init__(self, cache: Path, values: Mapping[str, str], known: Known) -> None:
        self.known = known
        self._cache = cache
        self._values = values
        self._found: dict[str, Path | None] = {}
        self._fetches = values.get("UV_PYTHON_DOWNLOADS") not in {"never", "manual"} and not values.get("UV_OFFLINE")

    def here(self, version: str) -> Path | None:
        """Where a Python of this version is on this machine."""
        if version not in self._found:
            self._found[version] = find_python(version, self._cache, self._values)
        return self._found[version]

    def may_fetch(self, version: str) -> bool:
        """Whether one of this version is worth trying to fetch."""
        return self._fetches and version not in self.known.unfetched

    @property
    def why_not(self) -> str:
        """Why none is fetched."""
        return "it could not be fetched" if self._fetches else "fetching one is turned off"


def _best(allowed: Sequence[str], pinned: PythonRequirement | None, search: _Search) -> tuple[str, Path | None] | None:
    """Of those for which most pins have a wheel one that is here, in the order of preference, else one to fetch."""
    order = _preferred(allowed, pinned)
    lacking = search.known.lacking
    # Where nothing is known no version is better than another.
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
        # A version that is still to come may have no build to fetch.
        settled = [version for version in equal if version != SERVED[0]] or equal
        for version in settled:
            if search.may_fetch(version):
                return version, None
    return None


def _preferred(allowed: Sequence[str], pinned: PythonRequirement | None) -> list[str]:
    """The nearest to a pin that can't be followed; else our own, then the newest."""
    if pinned is not None:
        wanted = _minor(pinned.text)
        return sorted(allowed, key=lambda version: abs(_minor(version) - wanted))
    own = own_version()
    return [*(version for version in allowed if version == own), *(version for version in allowed if version != own)]


def _minor(version: str) -> int:
    match = re.match(r"(\d+)\.(\d+)", version)
    return int(match[1]) * 100 + int(match[2]) if match else 0


def _because(version: str, allowed: Sequence[str], known: Known) -> str:
    """Which pins decided, where they did."""
    own = own_version()
    if version == own or own not in allowed:
        return ""
    better = [each for each in known.lacking.get(own, ()) if each not in known.lacking.get(version, ())]
    if own in known.unfit and version not in known.unfit:
        return known.reason
    if better:
        return f"{listed(better)} {'is' if len(better) == 1 else 'are'} not made for Python {own}"
    return f"what is pinned can't be installed on Python {own}" if known.lacking and own not in known.lacking else ""


def listed(names: Sequence[str]) -> str:
    """Some of these names, as a sentence has them."""
    shown, more = list(names[:_SHOWN]), len(names) - _SHOWN
    if more > 0:
        shown.append(f"{more} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _why_not(pinned: PythonRequirement, followed: str | None, binding: Sequence[PythonRequirement]) -> str:
    if followed:
        return "which is not here"
    if _minor(pinned.text) < _minor(SERVED[-1]):
        return "which is older than what the appliance serves"
    meant = [version for version in SERVED if pinned.allows(version)]
    against = next((wish for wish in binding if meant and not any(map(wish.allows, meant))), None)
    return f"which {against.where} ({against.text}) does not admit" if against else "which the appliance does not serve"


def _unserved(binding: Sequence[PythonRequirement]) -> InterpreterError:
    why = " and ".join(f"{wish.where} says {wish.text}" for wish in binding)
    setting = binding[0].where == "APPLIANCE_PYTHON"
    return InterpreterError(
        f"no Python that the appliance serves fits: {why}",
        expected=f"a Python from {SERVED[-1]} to {SERVED[0]}",
        action="Set APPLIANCE_PYTHON to one of these versions."
        if setting
        else f"Widen {' and '.join(wish.where for wish in binding)}, so that it admits one of these versions.",
        asked=why,
    )


def missing_error(
    fitting: Sequence[str], why: str, reason: str, cache: Path, values: Mapping[str, str], **details: object
) -> InterpreterError:
    """The error for a Python that is not on this machine, naming those that are, and how to add one that fits."""
    there = available(cache, values)
    return InterpreterError(
        f"Python {' or '.join(fitting)} is not here ({why}), and {reason}",
        expected=f"one that fits; here there {'is' if len(there) == 1 else 'are'} {', '.join(there)}",
        action=how_to_add(fitting[0] if fitting[0] != SERVED[0] else fitting[-1], values),
        asked=why,
        available=there,
        **details,
    )


def how_to_add(version: str, values: Mapping[str, str]) -> str:
    """What adds a Python of this version to where the appliance runs."""
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
        # The folder of an environment is as good as the Python in it.
        path = path / "bin" / "python"
    found = ask_python(path)
    if found is None:
        raise InterpreterError(
            f"APPLIANCE_PYTHON is {path}, which does not run as a Python",
            expected="the path of a Python interpreter, or a version such as 3.12",
            action="Correct APPLIANCE_PYTHON, or take it away: the project's own wish is then followed.",
        )
    if found[1] not in SERVED:
        raise InterpreterError(
            f"APPLIANCE_PYTHON is {path}, Python {found[1]}",
            expected=f"a Python from {SERVED[-1]} to {SERVED[0]}",
            action="Name another one.",
        )
    return Interpreter(found[1], path, "APPLIANCE_PYTHON names it")
