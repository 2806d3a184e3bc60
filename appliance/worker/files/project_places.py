"""Tell which files are the project's own: all outside of the standard library and of environments.

Runs in workers and in the preloader; an answer costs 1 µs.

Theory of operation. A library beside the project is edited like the project: an editable install, a member of a
workspace, a path dependency, a folder on PYTHONPATH. It does not matter how the library came onto the path, or whether
it is below the project's root. Installed packages are in a folder with one of three names. A package there can also be
a link to a folder elsewhere (``flit install --symlink``); so links are followed.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ... import PACKAGE
from ...conventions import PYTHON_PACKAGES
from ..entry import standard_library

if TYPE_CHECKING:
    from collections.abc import Iterable


def is_installed(path: str) -> bool:
    """Whether a path is in a folder of installed packages."""
    return not PYTHON_PACKAGES.isdisjoint(path.split("/"))


class ProjectPlaces:
    """The places of one process.

    Args:
        root: the project's folder. Everything below it is the project's, whatever the folders above are called.
        path: ``sys.path``, or its value before it was changed.
    """

    def __init__(self, root: str, path: list[str]) -> None:
        self._root = root.rstrip("/") + "/"
        self._standard = tuple(f"{entry}/" for entry in standard_library(path))
        self._prefixes = tuple(f"{prefix}/" for prefix in {sys.prefix, sys.base_prefix})
        self._links: dict[str, bool] = {}

    def is_project_path(self, path: str) -> bool:
        """Whether this file or folder (absolute path) is the project's."""
        if not path.startswith("/") or self.is_standard(path):
            return False
        begin = len(self._root) if (path + "/").startswith(self._root) else 1
        parts = path[begin:].split("/")
        if PYTHON_PACKAGES.isdisjoint(parts):
            return True
        last = max(index for index, part in enumerate(parts) if part in PYTHON_PACKAGES)
        return len(parts) > last + 1 and self._is_outside_link(path[:begin] + "/".join(parts[: last + 2]))

    def is_standard(self, path: str) -> bool:
        """Whether the path is in the standard library."""
        # A Python without an environment has its site-packages below its standard library.
        return (path + "/").startswith(self._standard) and not is_installed(path)

    def loaded_early(self) -> str:
        """Return why nothing may be preloaded: Python imports a module of the project at its start. "" if it does not.

        A preloader would run that module only once, and each worker would keep the old version. Call this before any
        import.
        """
        for name, module in list(sys.modules.items()):
            if name.startswith((PACKAGE, "__main__")):
                continue
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and self.is_project_path(os.path.abspath(file)):
                return f"the project has a {name} that Python imports when it starts"
        return ""

    def project_entries(self, path: Iterable[object]) -> list[str]:
        """Return the entries of a search path that are the project's, unchanged. Python ignores non-text entries."""
        return [each for each in path if isinstance(each, str) and self.is_project_path(os.path.abspath(each))]

    def first_entries(self, path: Iterable[object]) -> list[str]:
        """Return the project's entries before those of installed packages: a module there hides a package's."""
        found = []
        for entry in path:
            if not isinstance(entry, str):
                continue
            if is_installed(entry):
                break
            if self.is_project_path(os.path.abspath(entry)):
                found.append(entry)
        return found

    def _is_outside_link(self, top: str) -> bool:
        """Whether an installed package is a link to a folder outside of any Python."""
        known = self._links.get(top)
        if known is None:
            known = os.path.islink(top) and os.path.isdir(top)
            if known:
                real = os.path.realpath(top)
                known = not is_installed(real) and not real.startswith(self._prefixes)
            self._links[top] = known
        return known
