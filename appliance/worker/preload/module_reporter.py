"""Report to the supervisor which modules a worker has loaded.

Runs in the worker's control thread, or in its main thread once everything else is done.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ...protocol.messages import ModulesReport

if TYPE_CHECKING:
    from ..files.known_files import KnownFiles
    from .import_order import ImportOrder


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
        from ..files.template_folders import template_folders  # noqa: PLC0415  as above
        from . import fork_safety  # noqa: PLC0415  not needed before

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
        from . import inheritance  # noqa: PLC0415  not needed before

        self._known = frozenset(sys.modules)
        modules, others = inheritance.loaded_modules(self._files.places, debuggers, known)
        return self._order.sorted(modules), others
