"""Hook into a library as soon as the project has imported it, and never import one.

Theory of operation. A library that is already imported when the project is served is hooked at once. A project may also
import a library in its first request that needs it. So a finder stays first on ``sys.meta_path``, for the few names
that are still waited for, and the hook is applied after the module's own code. The finder handles only loaders of
files, each of which is made for one module. Modules of other loaders are found when ``install`` is called again, after
a request.

Decision 57 says why.
"""

from __future__ import annotations

import sys
from importlib.machinery import ExtensionFileLoader, SourceFileLoader, SourcelessFileLoader
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from ..hooks import Hooks

    Patch = Callable[[Any], None]

_OF_ONE_MODULE = (SourceFileLoader, SourcelessFileLoader, ExtensionFileLoader)


class LibraryHooks:
    """Applies hooks to libraries.

    Args:
        hooks: guards our code in the project's process.
    """

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._waiting: dict[str, list[tuple[str, Patch]]] = {}

    def add(self, module: str, hook: str, patch: Patch) -> None:
        """Call ``patch`` with the module of this name once it is there; ``hook`` names it if it fails."""
        self._waiting.setdefault(module, []).append((hook, patch))

    @property
    def waits(self) -> bool:
        """Whether there is a library to wait for."""
        return bool(self._waiting)

    def begin(self) -> None:
        """Hook into the libraries that are imported by now, and into the others when they are."""
        self.install()
        sys.meta_path.insert(0, self)

    def install(self) -> None:
        """Hook into the libraries that are imported by now."""
        for name in [each for each in self._waiting if each in sys.modules]:
            module = sys.modules[name]
            if not getattr(getattr(module, "__spec__", None), "_initializing", False):  # another thread imports it now
                self._apply(name, module)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the other finders return, with the hook to follow (Python's protocol of finders)."""
        if name not in self._waiting or self not in sys.meta_path:
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None:
                self._hooks.call("imports", self._apply_later, spec, otherwise=None)
                return spec
        return None

    def _apply_later(self, spec: ModuleSpec) -> None:
        loader: Any = spec.loader
        if not isinstance(loader, _OF_ONE_MODULE):
            return
        run = loader.exec_module

        def run_and_apply(module: ModuleType) -> None:
            vars(loader).pop("exec_module", None)
            run(module)
            self._apply(spec.name, module)

        loader.exec_module = run_and_apply  # type: ignore[method-assign]

    def _apply(self, name: str, module: Any) -> None:
        for hook, patch in self._waiting.pop(name, ()):
            self._hooks.call(hook, patch, module, otherwise=None)
