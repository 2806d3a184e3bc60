"""Report to the supervisor which modules a worker has loaded.

Runs in the worker's control thread, or in its main thread once everything else is done.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from ... import PACKAGE
from ...protocol.messages import ModulesReport

if TYPE_CHECKING:
    from ..files.known_files import KnownFiles
    from ..files.project_places import ProjectPlaces
    from .import_order import ImportOrder

_NO_FILES = frozenset({None, "built-in", "frozen"})  # origins of modules that always exist, or cost nothing


class ModuleReporter:
    """The modules that one worker has reported.

    Args:
        files: the project's files.
        order: the order of the imports.
        is_forked: the modules that are loaded now were loaded by the preloader.
    """

    def __init__(self, files: KnownFiles, order: ImportOrder, *, is_forked: bool) -> None:
        self._files = files
        self._order = order
        self._known = frozenset(sys.modules) if is_forked else frozenset[str]()

    def all(self, application: Any, debuggers: str) -> ModulesReport:
        """Report all modules, without those of a debugger: no preloader needs them, or can find them."""
        from ..files.template_folders import template_folders  # noqa: PLC0415  not needed before
        from . import fork_safety  # noqa: PLC0415  as above

        modules, others = self._loaded(debuggers, frozenset())
        self._files.record_loaded()
        return ModulesReport(
            modules=modules,
            others=others,
            patched=fork_safety.patching_library() or self._files.unpreloadable,
            templates=template_folders(application),
        )

    def rest(self, debuggers: str) -> ModulesReport | None:
        """Report the modules that were not reported yet; None if none can be preloaded. Cheap: each worker does it."""
        modules, others = self._loaded(debuggers, self._known)
        return ModulesReport(modules=modules, others=others) if modules else None

    def _loaded(self, debuggers: str, known: frozenset[str]) -> tuple[list[str], list[str]]:
        self._known = frozenset(sys.modules)
        modules, others = _preloadable(self._files.places, debuggers, known)
        return self._order.sorted(modules), others


def _preloadable(places: ProjectPlaces, but: str, known: frozenset[str]) -> tuple[list[str], list[str]]:
    """Return the modules of this process that could be preloaded, in the order of their import; and all other names.

    Args:
        places: tells which files are the project's: its modules are among the others.
        but: a folder whose modules are among the others too; empty for none.
        known: names to leave out.
    """
    modules: list[str] = []
    others: list[str] = []
    for name, module in list(sys.modules.items()):
        if name in known or name.startswith((PACKAGE, "__main__", "__mp_main__")):
            continue
        spec = getattr(module, "__spec__", None)
        if getattr(spec, "_initializing", False):
            continue  # the module's own imports are not all finished yet
        origin = getattr(spec, "origin", None)
        if spec is None or spec.name != name or origin in _NO_FILES:
            others.append(name)
            continue
        file = os.path.abspath(str(origin))
        if places.is_project_path(file) or (but and file.startswith(f"{but}/")):
            others.append(name)
        else:
            modules.append(name)
    return modules, others
