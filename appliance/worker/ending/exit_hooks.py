"""Decide which exit hooks the project's import may register: those that each fork can run as a fresh worker would.

Runs in the snapshot, while it imports the project, and in the preloader, while it imports packages.

Theory of operation. A fork inherits the hooks of ``atexit``, of ``threading`` and of ``weakref.finalize`` in their
order, and runs them at its own end; the snapshot and its other forks end without any. So a hook that only changes the
memory of its process has the same effect as in a worker that has registered the hook itself. Things outside of the
process that a hook would clean up do not exist: their creation was refused before (``snapshot/effect_rules``). But not
everything raises an event there. So a hook is refused here if it removes files, ends processes, or holds an object that
belongs to one process.

``atexit`` has no list of its hooks, so ``register`` is replaced until the import is over. Code that keeps the original
under another name can still register hooks. Their number shows such hooks, and they are refused
(``snapshot/import_effects``).

The preloader does not refuse what its imports create. So it allows known hooks alone.
"""

from __future__ import annotations

import atexit
import functools
import io
import socket
import sys
import threading
import types
import weakref
from typing import TYPE_CHECKING, Any, Final

from ..files.loaded_modules import namespaces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    WhyUnfit = Callable[[Any, tuple[Any, ...], dict[str, Any]], str]

# Functions by the module that they name; of ``os``, whose own name is ``posix``, most do no harm at the end.
_REMOVERS: Final = frozenset({"shutil", "subprocess", "tempfile"})
_SOME_REMOVE: Final = frozenset({"os", "pathlib", "posix"})
_REMOVING: Final = frozenset({"remove", "removedirs", "rename", "renames", "replace", "rmdir", "unlink"})
_KILLERS: Final = frozenset({"_signal", "os", "posix", "signal"})
_KILLING: Final = frozenset({"kill", "killpg", "pthread_kill"})
_SHARED: Final = frozenset({"billiard", "multiprocessing", "subprocess", "tempfile"})  # whose objects have one owner
_POOLS: Final = ("multiprocessing.util", "billiard.util")  # whose finalizers run in the process that made them, alone
_METHODS: Final = (types.MethodType, types.BuiltinMethodType, types.MethodWrapperType)
_MAX_DEPTH: Final = 4  # of partials and bound methods within one another
# Modules of packages whose hooks only free memory of their own process, or remove files that it has made since.
# certifi's leaves a file where it is.
_HARMLESS: Final = frozenset({
    "PIL._imaging", "certifi.core", "loguru._logger", "matplotlib._pylab_helpers", "openpyxl.worksheet._writer",
    "pyarrow._s3fs", "pymongo.periodic_executor", "pymongo.monitor", "pymongo.synchronous.monitor",
})  # fmt: skip


class ExitHooks:
    """The exit hooks of one import, from ``begin`` to ``end``.

    Args:
        refuse: is called with what the code is about to do. If it returns, the hook is registered, but not allowed.
        why_unfit: returns why a hook is not allowed, as ``objection`` does.

    Attributes:
        allowed: how many hooks were registered that are allowed.
    """

    def __init__(self, refuse: Callable[[str], object], why_unfit: WhyUnfit | None = None) -> None:
        self._refuse = refuse
        self._why_unfit = why_unfit or objection
        self._register: Any = None  # the original, while it is replaced
        self._wrapper: Any = None
        self._finalizers = -1  # the number of the last one that was seen
        self._at_threads_end = 0
        self._pools = 0
        self.allowed = 0

    def begin(self) -> None:
        """Observe from now on."""
        self.unfit_hook()
        original = atexit.register

        def register(func: Any, /, *args: Any, **kwargs: Any) -> Any:
            if self._register is None:
                return original(func, *args, **kwargs)
            if what := self._why_unfit(func, args, kwargs):
                self._refuse(f"registers an exit hook that {what}")
            hook = original(func, *args, **kwargs)
            self.allowed += not what
            return hook

        self._register, self._wrapper = original, register
        atexit.register = register
        _replace(original, register)

    def end(self) -> None:
        """Observe no longer."""
        if self._register is None:
            return
        original, self._register = self._register, None
        if atexit.register is self._wrapper:
            atexit.register = original
        _replace(self._wrapper, original)

    def unfit_hook(self) -> str:
        """Describe an exit hook since the last call that forks must not run, or would not run; "" if there is none."""
        finalizers = list(_newer_finalizers(self._finalizers))
        self._finalizers = finalizers[0].index if finalizers else self._finalizers
        hooks = getattr(threading, "_threading_atexits", ())[self._at_threads_end :]  # executors have one
        self._at_threads_end += len(hooks)
        pools, self._pools = self._pools, _pool_finalizers()
        if self._pools > pools:
            return "makes a finalizer of multiprocessing"
        at_exit = [info for info in finalizers if info.atexit]
        objections = [objection(info.func, info.args, info.kwargs or {}) for info in at_exit]
        what = next(filter(None, [*objections, *(objection(hook, (), {}) for hook in hooks)]), "")
        return f"registers an exit hook that {what}" if what else ""


def objection(hook: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> str:
    """Return why the forks of one process can't each run this hook, as the end of a sentence; "" if they can."""
    parts = [*_parts(hook), *arguments, *named.values()]
    return next((what for part in parts if (what := _objection(part))), "")


def why_unknown(hook: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> str:
    """Return the same, unless the hook is a known one of a package, without arguments."""
    is_known = getattr(hook, "__module__", None) in _HARMLESS and not arguments and not named
    return "" if is_known else "is unknown"


def _parts(hook: Any, depth: int = _MAX_DEPTH) -> list[Any]:
    """Return the function that a hook calls, and its arguments."""
    if depth and isinstance(hook, functools.partial):
        return [*_parts(hook.func, depth - 1), *hook.args, *hook.keywords.values()]
    if depth and isinstance(hook, _METHODS) and not isinstance(hook.__self__, types.ModuleType):
        return [hook, *_parts(hook.__self__, depth - 1)]
    return [hook]


def _objection(part: Any) -> str:
    kind = type(part)  # not ``__class__``: a lazy object would be made by that
    if callable(part) and (module := str(part.__module__).partition(".")[0]) in _REMOVERS | _SOME_REMOVE | _KILLERS:
        name = str(getattr(part, "__name__", kind.__name__))
        if module in _REMOVERS or (module in _SOME_REMOVE and name in _REMOVING):
            return f"removes files ({name} of {module})"
        if module in _KILLERS and name in _KILLING:
            return f"sends a signal ({name} of {module})"
    is_shared = kind.__module__.partition(".")[0] in _SHARED or issubclass(kind, (socket.socket, threading.Thread))
    if is_shared or (issubclass(kind, io.IOBase) and _is_open(part)):
        return f"has a {kind.__name__}, which belongs to one process"
    return ""


def _is_open(file: io.IOBase) -> bool:
    """Whether a file is open, is none of the process's own outputs, and is not in memory."""
    if file in (sys.stdin, sys.stdout, sys.stderr):
        return False
    try:
        return file.fileno() not in (0, 1, 2)
    except (OSError, ValueError):
        return False  # in memory, or closed


def _replace(one: Any, other: Any) -> None:
    """Give the modules that have imported the function by its name the other one."""
    for _name, names in namespaces():
        if names.get("register") is one:
            names["register"] = other


def _newer_finalizers(last: int) -> Iterator[Any]:
    """Iterate over the finalizers of ``weakref`` that were made after this number, the newest first."""
    registry: Any = weakref.finalize._registry  # type: ignore[attr-defined]  # noqa: SLF001  the only list of them
    for info in reversed(list(registry.values())):
        if info.index <= last:
            return
        yield info


def _pool_finalizers() -> int:
    return sum(len(getattr(sys.modules.get(name), "_finalizer_registry", ())) for name in _POOLS)
