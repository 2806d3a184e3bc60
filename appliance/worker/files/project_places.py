"""Which files are the project's own, wherever they lie: all that neither the standard library nor an environment holds.

Owns that one question. Knows nothing of who asks it. Runs in workers and in the preloader; an answer costs 1 µs.

Theory of operation. A library beside the project is edited as the project is: an editable install, a member of a
workspace, a path dependency, a folder on PYTHONPATH. How it has come onto the path is of no account, nor is whether it
lies below the project's root. What was installed lies in a folder that bears one of three names. A folder there that is
a link to somewhere else (``flit install --symlink``) is no exception that its name would show, so it is followed.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..entry import standard_library

if TYPE_CHECKING:
    from collections.abc import Iterable

_INSTALLED = frozenset({"site-packages", "dist-packages", "__pypackages__"})


def is_installed(path: str) -> bool:
    """Whether it lies in a folder of installed packages."""
    return not _INSTALLED.isdisjoint(path.split("/"))


class ProjectPlaces:
    """The places of one process.

    Args:
        root: the project's folder. What is below it is the project's, whatever the folders above are called.
        path: ``sys.path``, or what it was before it was changed.
    """

    def __init__(self, root: str, path: list[str]) -> None:
        self._root = root.rstrip("/") + "/"
        self._standard = tuple(f"{entry}/" for entry in standard_library(path))
        self._prefixes = tuple(f"{prefix}/" for prefix in {sys.prefix, sys.base_prefix})
        self._links: dict[str, bool] = {}

    def is_own(self, path: str) -> bool:
        """Whether this file or folder is the project's; a whole path."""
        if not path.startswith("/") or self.is_standard(path):
            return False
        begin = len(self._root) if (path + "/").startswith(self._root) else 1
        parts = path[begin:].split("/")
        if _INSTALLED.isdisjoint(parts):
            return True
        last = max(index for index, part in enumerate(parts) if part in _INSTALLED)
        return len(parts) > last + 1 and self._leads_out(path[:begin] + "/".join(parts[: last + 2]))

    def is_standard(self, path: str) -> bool:
        """Whether the standard library holds it."""
        # A Python without an environment has its site-packages below its standard library.
        return (path + "/").startswith(self._standard) and not is_installed(path)

    def loaded_early(self) -> str:
        """Why nothing may be preloaded: Python itself imports a module of the project's when it starts. Empty if not.

        A preloader would run it, and each worker would have it as it was then. Asked before anything is imported.
        """
        for name, module in list(sys.modules.items()):
            if name.startswith(("<appliance>", "__main__")):
                continue
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and self.is_own(os.path.abspath(file)):  # noqa: PTH100  pathlib costs 5 ms at import
                return f"the project has a {name} that Python imports when it starts"
        return ""

    def own_entries(self, path: Iterable[object]) -> list[str]:
        """The entries of a search path that are the project's, as they are; Python skips what is no text there."""
        return [each for each in path if isinstance(each, str) and self.is_own(os.path.abspath(each))]  # noqa: PTH100  pathlib costs 5 ms at import

    def first_entries(self, path: Iterable[object]) -> list[str]:
        """Those of them that come before the installed packages: what is there hides a package of its name."""
        found = []
        for entry in path:
            if not isinstance(entry, str):
                continue
            if is_installed(entry):
                break
            if self.is_own(os.path.abspath(entry)):  # noqa: PTH100  as above
                found.append(entry)
        return found

    def _leads_out(self, top: str) -> bool:
        """Whether what is installed here is a link to a folder that is part of no Python."""
        known = self._links.get(top)
        if known is None:
            known = os.path.islink(top) and os.path.isdir(top)  # noqa: PTH112, PTH114  as above
            if known:
                real = os.path.realpath(top)
                known = not is_installed(real) and not real.startswith(self._prefixes)
            self._links[top] = known
        return known
