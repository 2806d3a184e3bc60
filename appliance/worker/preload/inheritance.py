"""Check whether the modules that a worker inherited from the preloader fit the project that it imports.

If they do not, the supervisor at once starts a cold worker instead. Runs in each forked worker, before and after the
import of the project; costs 0.1 ms.

Theory of operation. A project may act before it imports a package: set a variable that the package reads at import, put
a folder of its own before the installed packages, patch the standard library for gevent. If the package is preloaded,
these acts come too late. But each of them leaves a trace that is visible after the project's import: the variable, the
path, the patch. So nothing has to be guessed beforehand.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..files.project_places import is_installed
from .fork_safety import patching_library

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..files.project_places import ProjectPlaces
    from .preload_probe import PreloadProbe

# C libraries read these when they are loaded; a watch on os.environ can't see that.
_READ_IN_C = ("OMP_", "MKL_", "KMP_", "OPENBLAS_", "GOTO_", "BLIS_", "VECLIB_", "NUMEXPR_", "ATEN_", "CUDA_")


@dataclass(frozen=True)
class PreloadMismatch:
    """Why the preloaded modules do not fit the project.

    Attributes:
        why: the reason, for the log.
        modules: the modules that do not fit.
        stale: whether the preloader has to load them again.
    """

    why: str
    modules: tuple[str, ...] = ()
    stale: bool = False


class Inheritance:
    """The preloader's state when it had finished, for comparison."""

    def __init__(self, probe: PreloadProbe, places: ProjectPlaces) -> None:
        self.hooks = probe.hooks
        self.randoms = probe.randoms
        self._first = places.first_entries(sys.path)
        self._environment = dict(os.environ)  # noqa: TID251  compared later
        self._readers = {key: tuple(sorted(modules)) for key, modules in probe.readers.items()}
        self._tops = frozenset(name.partition(".")[0] for name in sys.modules) - sys.stdlib_module_names
        self._path = frozenset(sys.path)
        self._sites = _install_times(sys.path)

    def before(self, search_path: Iterable[str], own: list[str]) -> PreloadMismatch | None:
        """Check the folders' present content, before the project's folder goes on the path; None if all fits.

        Args:
            search_path: the folders that go first on the path.
            own: standard names for which the project uses its own files; packages would have imported those too.
        """
        if own:
            return PreloadMismatch(f"the project has a {own[0]} of its own, which packages may import")
        if _install_times(self._sites) != self._sites:
            return PreloadMismatch("the installed packages have changed", stale=True)
        for folder in (*search_path, *self._first):
            if shadowed := self._shadowed(folder):
                return PreloadMismatch(f"{folder} has a {shadowed} of its own now", stale=True)
        return None

    def after(self, search_path: Iterable[str]) -> PreloadMismatch | None:
        """Check the effects of the project's import on the process; None if all fits."""
        if why := patching_library():
            return PreloadMismatch(why)
        environment = dict(os.environ)  # noqa: TID251  as above
        if environment != self._environment:
            changed = {key for key, _ in environment.items() ^ self._environment.items()}
            if mismatch := self._changed_variable(changed):
                return mismatch
        known = self._path.union(search_path)
        for entry in sys.path:
            if is_installed(entry) and entry in known:
                break  # entries after the installed packages hide none of them
            if entry not in known and (shadowed := self._shadowed(entry)):
                modules = tuple(name for name in sys.modules if name.partition(".")[0] == shadowed)
                return PreloadMismatch(f"the project has put {entry}, which has a {shadowed}, on its path", modules)
        return None

    def after_failure(self, error: BaseException) -> PreloadMismatch | None:
        """Whether the project's import may have failed because of preloaded modules: the error came from a package."""
        seen = error.__traceback__
        file = ""
        while seen is not None:
            code = seen.tb_frame.f_code
            file = file if code.co_filename.startswith("<frozen importlib") else code.co_filename
            seen = seen.tb_next
        if isinstance(error, SyntaxError) or not is_installed(file):
            return None
        return PreloadMismatch(f"{type(error).__name__} in {file}")

    def _changed_variable(self, changed: set[str]) -> PreloadMismatch | None:
        for key in sorted(changed):
            if modules := self._readers.get(key):
                return PreloadMismatch(f"the project sets {key}, which is read at import", modules)
            if key.startswith(_READ_IN_C):
                extensions = tuple(name for name, module in list(sys.modules.items()) if _is_extension(module))
                return PreloadMismatch(f"the project sets {key}, which C libraries read", extensions)
        return None

    def _shadowed(self, folder: str) -> str:
        """Return the preloaded module or package that this folder has too; "" if none."""
        try:
            entries = list(os.scandir(folder or "."))
        except OSError:
            return ""
        for entry in entries:
            name, _, suffix = entry.name.partition(".")
            if name in self._tops:
                if suffix == "py" or suffix.endswith("so"):
                    return name
                if not suffix and os.path.isfile(f"{entry.path}/__init__.py"):
                    return name
        return ""


def _install_times(folders: Iterable[str]) -> dict[str, int]:
    """Return when packages were last installed into each folder of packages, or removed from it."""
    found: dict[str, int] = {}
    for folder in folders:
        if is_installed(folder):
            try:
                found[folder] = os.stat(folder).st_mtime_ns
            except OSError:
                found[folder] = 0
    return found


def _is_extension(module: object) -> bool:
    origin = getattr(getattr(module, "__spec__", None), "origin", None) or ""
    return origin.endswith(".so") and is_installed(origin)
