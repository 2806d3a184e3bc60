"""What a worker has loaded, as the supervisor learns it.

Owns the message, and what the supervisor knows already. Knows nothing of when it is asked for. Runs in the worker, in
its control thread, or in the main one when everything else is done.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..protocol.channel import ModulesReport

if TYPE_CHECKING:
    from .files.known_files import KnownFiles
    from .preload.import_order import ImportOrder


class Learning:
    """The names that one worker has told.

    Args:
        files: the project's.
        order: in which modules were asked for.
        is_forked: what is loaded now, the preloader has loaded.
    """

    def __init__(self, files: KnownFiles, order: ImportOrder, *, is_forked: bool) -> None:
        self._files = files
        self._order = order
        self._known = frozenset(sys.modules) if is_forked else frozenset[str]()

    def all(self, application: Any, debuggers: str) -> ModulesReport:
        """Everything, but for what a debugger has loaded: no preloader needs it, or finds it."""
        from .files.template_folders import template_folders  # noqa: PLC0415  as above
        from .preload import fork_safety  # noqa: PLC0415  not needed before

        modules, others = self._loaded(debuggers, frozenset())
        self._files.look()
        return ModulesReport(
            modules=modules,
            others=others,
            patched=fork_safety.patched() or self._files.unpreloadable,
            templates=template_folders(application),
        )

    def rest(self, debuggers: str) -> ModulesReport | None:
        """What nobody was told of yet; None if there is nothing that could be preloaded. Cheap: each worker asks."""
        modules, others = self._loaded(debuggers, self._known)
        return ModulesReport(modules=modules, others=others) if modules else None

    def _loaded(self, debuggers: str, known: frozenset[str]) -> tuple[list[str], list[str]]:
        from .preload import inheritance  # noqa: PLC0415  not needed before

        self._known = frozenset(sys.modules)
        modules, others = inheritance.loaded(self._files.places, debuggers, known)
        return self._order.sorted(modules), others
