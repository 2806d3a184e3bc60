"""Record where a module that was not found would be in the project, so that its creation is a save.

The last finder on ``sys.meta_path``. Runs in the worker as long as that lives; a module that is found costs nothing.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..hooks import Hooks
    from .project_places import ProjectPlaces

MAX_NAMES = 1000  # names: some packages look for another one at each call


class MissingModules:
    """The last finder, which finds nothing.

    Args:
        places: tells which folders are the project's.
        record: called with each file that the module could be in.
        removed: files of modules that existed until just now.
        hooks: guard this finder: after a failure the import goes on as it would without us.
    """

    def __init__(
        self, places: ProjectPlaces, record: Callable[[str], None], removed: Iterable[str], hooks: Hooks
    ) -> None:
        self._hooks = hooks
        self._places = places
        self._record = record
        self._removed = tuple(removed)
        self._names: set[str] = set()

    def begin(self) -> None:
        """Observe failing imports from now on."""
        sys.meta_path.append(self)

    def find_spec(self, name: str, path: Sequence[str] | None = None, _target: object = None) -> None:
        """Implement Python's protocol of finders."""
        if name in self._names or len(self._names) >= MAX_NAMES:
            return
        self._names.add(name)
        self._hooks.call("missing modules", self._find, name, path, otherwise=None)

    def _find(self, name: str, path: Sequence[str] | None) -> None:
        for place in self._project_places(name, path):
            self._record(f"{place}.py")
            self._record(f"{place}/__init__.py")

    def set_removed(self, removed: Iterable[str]) -> None:
        """Take the files of modules that existed until just now."""
        self._removed = tuple(removed)

    def removed(self, name: str) -> str:
        """Return the file or folder of this module, if it was removed or renamed just now; else "".

        ``server.pages.advice.project_files`` calls this method of any finder that has it.
        """
        parent = sys.modules.get(name.rpartition(".")[0])
        for place in self._project_places(name, getattr(parent, "__path__", None)):
            if f"{place}.py" in self._removed:
                return f"{place}.py"
            if any(file.startswith(f"{place}/") for file in self._removed):
                return place
        return ""

    def _project_places(self, name: str, path: Iterable[str] | None) -> Iterator[str]:
        """Yield the paths where the project could have the module, without a suffix."""
        last = name.rpartition(".")[2]
        for entry in self._places.project_entries(sys.path if path is None else list(path)):
            yield os.path.join(os.path.abspath(entry), last)
