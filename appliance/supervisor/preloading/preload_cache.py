"""Keep the known facts about a project's modules on the cache volume: the list that the preloader imports.

The supervisor writes and reads the list; ``appliance check`` reads it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from appliance import __version__
from appliance.identity.identity import user_cache
from appliance.ownership import CLOSED, LEVELS, open_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from appliance.environment.plan import Plan


@dataclass
class PreloadCache:
    """The modules of one project in one environment.

    Attributes:
        modules: what its workers loaded, without the project's own, in the order of import.
        others: further names in the workers' ``sys.modules``.
        left: modules that are not preloaded, and why.
        refused: why nothing is preloaded; empty if something is.
        proven: the list without ``left`` was preloaded once, and nothing unsafe was found.
    """

    modules: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    refused: str = ""
    proven: bool = False

    def judge(self, *, proven: bool, refused: str) -> None:
        """Apply the results of the rounds to the list."""
        self.proven, self.refused = proven, refused

    def update(self, modules: Iterable[str], others: Iterable[str]) -> bool:
        """Add the modules that a worker has loaded; return whether some of them are new and can be preloaded."""
        known = set(self.modules)
        new = [name for name in modules if name not in known]
        self.modules += new
        self.others = sorted({*self.others, *others} - set(self.modules))
        return any(name not in self.left for name in new)

    def exclude(self, found: Mapping[str, str]) -> dict[str, str]:
        """Leave these modules out from now on; return those that were not left out before."""
        new = {name: why for name, why in found.items() if name not in self.left}
        self.left.update(new)
        return new

    @property
    def preloaded_count(self) -> int:
        """The number of modules that are preloaded."""
        return sum(name not in self.left for name in self.modules)


def place(cache: Path, plan: Plan, root: Path) -> Path:
    """Return the file for this project in this environment; each version of the appliance has its own."""
    made_of = (__version__, str(plan.python), plan.interpreter, plan.fingerprint, str(root))
    key = hashlib.sha256(os.fsencode("\0".join(made_of))).hexdigest()[:20]
    return user_cache(cache) / "preload" / f"{key}.json"


def load(file: Path) -> PreloadCache:
    """Return the list in this file; an empty one if the file is missing, unreadable, or may be another user's."""
    try:
        with open_folder(str(file.parent), LEVELS) as folder:
            return PreloadCache(**orjson.loads(folder.read(file.name)))
    except (OSError, ValueError, TypeError):
        return PreloadCache()


def encoded(kept: PreloadCache) -> bytes:
    """Return the list as ``save`` writes it; empty if a name can't be written."""
    try:
        return orjson.dumps(kept)
    except TypeError:  # a name in ``sys.modules`` is not a text
        return b""


def save(file: Path, content: bytes) -> None:
    """Write the list. If the cache can't be written, the next start has no list; nothing else is lost."""
    with contextlib.suppress(OSError), open_folder(str(file.parent), LEVELS, make=CLOSED) as folder:
        folder.write(file.name, content)
