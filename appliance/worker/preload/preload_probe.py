"""Import the packages that the last good worker had loaded, and check module by module that a fork is safe.

Decides which modules are preloaded, which are left out, and why. Runs in the preloader.

Theory of operation. The names come in the order in which the worker loaded them. ``fork_safety`` compares the process
before and after each module; a change that a fork would not survive is attributed to the module that was running, the
innermost one. A name that must not be loaded here (it was left out before, or is the project's own) raises
``ModuleExcluded``, which no ``except ImportError`` or ``except Exception`` catches. Every module that was being
imported at that time is left out too, since it may lack something that it needs. A module is also left out if it fails
here but did not fail in the worker (as modules of Django do before there are settings), or if it imports a module here
that it did not import there.

One unsafe module spoils the process. The process reports the module and ends, and a copy from before that module
(``preloader_copy``), or a new process, continues without it. So a process that forks has run only safe modules.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import signal
import sys
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...protocol.start.first_messages import Preload
from ..ending.exit_hooks import ExitHooks, why_unknown
from ..hooks import Hooks
from . import fork_safety
from .preloader_copy import PreloaderCopy
from .random_seeds import RandomSeeds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

    from ...protocol.channel import Channel
    from ...protocol.record import Message
    from ..files.project_places import ProjectPlaces

_POOLS = frozenset({"numpy", "scipy"})  # OpenBLAS: a child makes a new pool, with correct results
_MAX_ERROR_TEXT = 200  # characters of an error's message


class ModuleExcluded(BaseException):
    """This module must not be imported here."""


class PreloadProbe:
    """Imports the modules, once.

    Args:
        channel: the channel of this process.
        request: the modules to import.
        descriptors: a file for the name of the running module, which can still be read after this process ended; then
            those of the copies.
        places: tells which files are the project's.
        path: a worker's ``sys.path``, before the project's search path is put first.
    """

    def __init__(
        self, channel: Channel, request: Preload, descriptors: list[int], places: ProjectPlaces, path: list[str]
    ) -> None:
        self.channel = channel
        self._set_request(request, descriptors)
        self.places = places
        self._first = places.first_entries(path)
        self._stack: list[str] = []
        self._exits = ExitHooks(str, why_unknown)  # nothing is refused: ``fork_safety`` sees those that are unknown
        self._before = self._read()
        self.found: dict[str, str] = {}  # modules to leave out, and why
        self.readers: dict[str, set[str]] = {}  # modules by the environment variable that they read
        self.hooks = Hooks()
        self.randoms = RandomSeeds(self.hooks)
        self.done = False

    def _set_request(self, request: Preload, descriptors: list[int]) -> None:
        self._request = request
        self._name_file, *copies = descriptors
        self._copy = PreloaderCopy(copies)
        self._left = frozenset(request.left)
        self._names = frozenset(request.modules) | frozenset(request.others)

    def run(self) -> str:
        """Import everything; return why this process must not fork, or "". ``found`` has the modules to leave out."""
        weakref.finalize(self, int).detach()  # the first finalizer registers an exit hook; so no module is blamed
        finder = _ProbeFinder(self, [*self._request.search_path, self._request.root, *self._first])
        sys.meta_path.insert(0, finder)
        self._exits.begin()
        self._before = first = self._read()
        mask = _umask()
        with _EnvironmentWatch(self), self.randoms, self._ignored_errors_hidden():
            while not self._import_all():
                continue
        if not self.found:
            self._copy.end()
        os.close(self._name_file)
        last = self._read()
        self._exits.end()
        sys.meta_path.remove(finder)
        self.done = True
        if self._request.proven and (why := fork_safety.unsafe(first, last, standard=True, pools=True)):
            return why
        if _umask() != mask:
            return "an import has changed the umask"
        wake = signal.set_wakeup_fd(-1)
        return "an import has set a wake-up descriptor" if wake != -1 else ""

    @contextmanager
    def _ignored_errors_hidden(self) -> Iterator[None]:
        """Hide the errors that Python ignores and prints: a package that needs the project may meet dozens, and fails.

        Pydantic meets one for each setting of Django that it asks for.
        """
        before = sys.unraisablehook

        def hide(error: sys.UnraisableHookArgs) -> None:
            if self.done:  # a package keeps this hook
                before(error)

        sys.unraisablehook = hide
        yield
        if sys.unraisablehook is hide:
            sys.unraisablehook = before

    def _import_all(self) -> bool:
        """Import the missing modules; return False in a copy, which continues from there."""
        for name in self._request.modules:
            if name in self._left or name in sys.modules or self._has_failed_package(name):
                continue
            if self._copy.is_due and not self.found:
                resumed = self._copy.make_copy()
                self._before = self._read()
                if resumed is not None:
                    self._continue_as_copy(*resumed)
                    return False
            self._import(name)
        return True

    def _has_failed_package(self, name: str) -> bool:
        """Whether the worker has a module without its package, whose import failed there too, as it would here."""
        package = name.rpartition(".")[0]
        return bool(package) and package not in self._names

    def _continue_as_copy(self, channel: Channel, request: Message, descriptors: list[int]) -> None:
        """Continue as the copy, in the place of the spoiled process."""
        self.channel.close()
        self.channel = channel
        os.close(self._name_file)
        if not isinstance(request, Preload):
            raise TypeError(f"expected a list of modules, got {request.kind}")
        self._set_request(request, descriptors)
        self._before = self._read()

    def _import(self, name: str) -> None:
        try:
            importlib.import_module(name)  # noqa: TID251  the names that the worker had loaded
        except BaseException as error:  # noqa: BLE001  SystemExit too: the module is left out
            self.found.setdefault(name, _error_text(error))
        self._stack.clear()

    # -- called by the loaders

    def enter(self, name: str) -> None:
        """A module begins to run."""
        self._attribute_changes()
        self._stack.append(name)
        self._write_name(name)

    def finished(self, name: str, origin: str) -> None:
        """A module has finished; in the worker it may have failed, if its importer can do without it."""
        self.randoms.imported(name)
        if name not in self._names and not self.places.is_standard(origin):
            self.exclude_importers(f"imports {name}, which the project did not")

    def leave(self, name: str) -> None:
        """A module has finished or failed."""
        self._attribute_changes()
        if name in self._stack:
            del self._stack[self._stack.index(name) :]
        self._write_name(self._stack[-1] if self._stack else "")

    def failed(self, name: str, error: BaseException) -> None:
        """A module has failed; its importer may handle that. In the worker it did not fail."""
        if name in self._names:
            self.found.setdefault(name, _error_text(error))
            self.exclude_importers(f"imports {name}")

    def exclude_importers(self, why: str) -> None:
        """Leave out all modules that are being imported: they lack something that they need."""
        for name in self._stack:
            self.found.setdefault(name, why)

    def record_read(self, key: str) -> None:
        """A variable of the environment was read."""
        if self._stack:
            self.readers.setdefault(key, set()).add(self._stack[-1])

    def reason_to_exclude(self, name: str) -> str:
        """Return why a module must not be loaded here; "" if it may."""
        return "is left out" if name in self._left else ""

    def exists(self, name: str) -> bool:
        """Whether the worker had the module."""
        return name in self._names

    def _attribute_changes(self) -> None:
        """Attribute the changes since the last call to the innermost module."""
        if self._request.proven:
            return  # one check at the end is enough
        now = self._read()
        if now != self._before and self._stack:
            name = self._stack[-1]
            origin = getattr(getattr(sys.modules.get(name), "__spec__", None), "origin", None) or ""
            why = fork_safety.unsafe(
                self._before,
                now,
                standard=self.places.is_standard(origin),
                pools=name.partition(".")[0] in _POOLS,
            )
            if why:
                self.found[name] = why
                self.exclude_importers(f"imports {name}")
        self._before = now

    def _read(self) -> fork_safety.Reading:
        """Read the state of the process without the exit hooks that are known to do no harm."""
        reading = fork_safety.read()
        return reading._replace(hooks_at_exit=reading.hooks_at_exit - self._exits.allowed)

    def _write_name(self, name: str) -> None:
        os.pwrite(self._name_file, name.encode("utf-8", "replace") + b"\n", 0)


class _ProbeFinder:
    """A finder before all others; it lets them find a module, and wraps that module's loader."""

    def __init__(self, probe: PreloadProbe, folders: Sequence[str]) -> None:
        self._probe = probe
        self._folders = list(folders)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Implement Python's protocol of finders."""
        why = self._probe.reason_to_exclude(name)
        if not why and path is None and self._is_projects(name):
            why = "is the project's"
        spec = self._found(name, path, target)
        if spec is None:
            if why or self._probe.exists(name):
                self._probe.exclude_importers(f"imports {name}, which {why or 'is not found without the project'}")
                raise ModuleExcluded(f"{name} {why or 'is not found without the project'}")
            return None
        if spec.origin and self._probe.places.is_project_path(spec.origin):
            why = why or "is the project's"
        if why:
            spec.loader = _ExcludedLoader(self._probe, f"{name}, which {why}")  # type: ignore[assignment]  # it has a loader's methods
        elif hasattr(spec.loader, "exec_module") and spec.has_location:
            spec.loader = _CheckedLoader(self._probe, spec.loader)  # type: ignore[assignment]  # it has its methods
        return spec

    def _found(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> importlib.machinery.ModuleSpec | None:
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    return spec
        return None

    def _is_projects(self, name: str) -> bool:
        """Whether a worker finds the module in the project's folder, which comes first on its path."""
        spec = importlib.machinery.PathFinder.find_spec(name, self._folders)
        return spec is not None and spec.loader is not None and spec.has_location


class _ExcludedLoader:
    """The loader of a module that must not be loaded; only looking for the module does no harm."""

    def __init__(self, probe: PreloadProbe, reason: str) -> None:
        self._probe = probe
        self._reason = reason

    def create_module(self, _spec: importlib.machinery.ModuleSpec) -> None:
        """Implement Python's protocol of loaders."""
        self._probe.exclude_importers(f"imports {self._reason}")
        raise ModuleExcluded(f"imports {self._reason}")

    def exec_module(self, module: ModuleType) -> None:
        """Never reached: ``create_module`` raises."""


class _CheckedLoader:
    """A loader that checks the module that it loads; the module itself keeps the original loader."""

    def __init__(self, probe: PreloadProbe, loader: Any) -> None:
        self._probe = probe
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Any:
        """Implement Python's protocol of loaders. An extension's libraries are loaded here, and may start threads."""
        create = getattr(self._loader, "create_module", None)
        if create is None or self._probe.done:
            return create(spec) if create else None
        self._probe.enter(spec.name)
        try:
            return create(spec)
        except BaseException as error:
            self._probe.failed(spec.name, error)
            raise
        finally:
            self._probe.leave(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Implement Python's protocol of loaders."""
        spec = module.__spec__
        name = module.__name__ if spec is None else spec.name  # modules in C may call themselves something else (scipy)
        if spec is not None:
            spec.loader = module.__loader__ = self._loader
        if self._probe.done:  # a lazy module, loaded in a worker
            self._loader.exec_module(module)
            return
        self._probe.enter(name)
        try:
            self._loader.exec_module(module)
            self._probe.finished(name, (spec and spec.origin) or "")
        except BaseException as error:
            self._probe.failed(name, error)
            raise
        finally:
            self._probe.leave(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _EnvironmentWatch:
    """Within this context, the probe is notified of each variable that is read."""

    def __init__(self, probe: PreloadProbe) -> None:
        environ: Any = os.environ  # noqa: TID251  its content stays as it is; only reads are noticed
        self._environ = environ
        kind: Any = type(environ)

        class WatchedEnviron(kind):  # type: ignore[misc]  # a class that is known only at run time
            def __getitem__(self, key: str) -> str:
                probe.record_read(key)
                value: str = kind.__getitem__(self, key)
                return value

        self._kind = kind
        self._watched = WatchedEnviron

    def __enter__(self) -> None:
        self._environ.__class__ = self._watched

    def __exit__(self, *_: object) -> None:
        self._environ.__class__ = self._kind


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _error_text(error: BaseException) -> str:
    if isinstance(error, ModuleExcluded):
        return str(error)
    return f"can't be imported by itself ({type(error).__name__}: {error})"[:_MAX_ERROR_TEXT]
