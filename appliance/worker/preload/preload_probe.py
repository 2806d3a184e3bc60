"""The import of what the last good worker had loaded, watched module by module.

Owns what is preloaded and what is left out, and why. Knows nothing of forks. Runs in the preloader.

Theory of operation. The names come in the order in which the worker loaded them. Each module is run under a gauge; what
it leaves behind that a fork would not survive is put down to the module that was innermost then. A name that must not
be loaded here (left out before, or the project's own) raises ``LeftOut``, which no ``except ImportError`` or ``except
Exception`` takes for an answer; every module that was being imported then is left out too, since it may have been made
without what it needs. So is a module that fails here and did not fail in the worker (Django's before its settings), and
one that takes another way than it took there.

One unsafe module spoils the process: it is reported, the process ends, and a copy that was made before it
(``checkpoint``), or another process, goes on without it. What is forked from has only ever run what is safe.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import signal
import sys
import weakref
from typing import TYPE_CHECKING, Any

from ...protocol.channel import Preload
from ..hooks import Hooks
from . import fork_safety
from .checkpoint import Checkpoint
from .random_seeds import RandomSeeds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from ...protocol.channel import Channel, Message
    from ..files.project_places import ProjectPlaces

_POOLS = frozenset({"numpy", "scipy"})  # OpenBLAS: its pool is made anew in the child, with right results
_WORDS = 200  # characters of an error's message


class LeftOut(BaseException):
    """This module is not for here."""


class PreloadProbe:
    """Imports, once.

    Args:
        channel: this process's.
        request: what is to be imported.
        descriptors: a file that names the module that runs, which can still be read should this process end; those of
            the copies.
        places: which files are the project's.
        path: a worker's ``sys.path``, before the project's search path is put first.
    """

    def __init__(
        self, channel: Channel, request: Preload, descriptors: list[int], places: ProjectPlaces, path: list[str]
    ) -> None:
        self.channel = channel
        self._take(request, descriptors)
        self.places = places
        self._first = places.first_entries(path)
        self._stack: list[str] = []
        self._before = fork_safety.read()
        self.found: dict[str, str] = {}  # to be left out: module, why
        self.readers: dict[str, set[str]] = {}  # modules by the environment key that they read
        self.hooks = Hooks()
        self.randoms = RandomSeeds(self.hooks)
        self.over = False

    def _take(self, request: Preload, descriptors: list[int]) -> None:
        self._request = request
        self._note, *copies = descriptors
        self._checkpoint = Checkpoint(copies)
        self._left = frozenset(request.left)
        self._names = frozenset(request.modules) | frozenset(request.others)

    def run(self) -> str:
        """Import everything; why nothing may be forked from here at all, if so. ``found`` holds the modules."""
        weakref.finalize(self, int).detach()  # the first one ever registers itself: that is nobody's doing
        door = _Door(self, [*self._request.search_path, self._request.root, *self._first])
        sys.meta_path.insert(0, door)
        self._before = first = fork_safety.read()
        mask = _mask()
        with _Environment(self), self.randoms:
            while not self._import_all():
                continue
        if not self.found:
            self._checkpoint.end()
        os.close(self._note)
        last = fork_safety.read()
        sys.meta_path.remove(door)
        self.over = True
        if self._request.proven and (why := fork_safety.unsafe(first, last, standard=True, pools=True)):
            return why
        if _mask() != mask:
            return "an import has changed the umask"
        wake = signal.set_wakeup_fd(-1)
        return "an import has set a wake-up descriptor" if wake != -1 else ""

    def _import_all(self) -> bool:
        """Import what is not there yet; False in a copy that goes on where this process has failed."""
        for name in self._request.modules:
            if name in self._left or name in sys.modules:
                continue
            if self._checkpoint.is_due and not self.found:
                woken = self._checkpoint.take()
                self._before = fork_safety.read()
                if woken is not None:
                    self._go_on(*woken)
                    return False
            self._import(name)
        return True

    def _go_on(self, channel: Channel, request: Message, descriptors: list[int]) -> None:
        """This is the copy: it has the other one's place now."""
        self.channel.close()
        self.channel = channel
        os.close(self._note)
        if not isinstance(request, Preload):
            raise TypeError(f"expected a list of modules, got {request.kind}")
        self._take(request, descriptors)
        self._before = fork_safety.read()

    def _import(self, name: str) -> None:
        try:
            importlib.import_module(name)  # noqa: TID251  the names that the worker had loaded
        except BaseException as error:  # noqa: BLE001  SystemExit too: it is left out
            self.found.setdefault(name, _words(error))
        self._stack.clear()

    # -- what the loaders tell

    def enter(self, name: str) -> None:
        """A module begins to run."""
        self._settle()
        self._stack.append(name)
        self._tell(name)

    def ran(self, name: str, origin: str) -> None:
        """It has run to its end. In the worker it may have failed, where its importer was content without it."""
        self.randoms.ran(name)
        if name not in self._names and not self.places.is_standard(origin):
            self.taint(f"imports {name}, which the project did not")

    def leave(self, name: str) -> None:
        """It has run, or failed."""
        self._settle()
        if name in self._stack:
            del self._stack[self._stack.index(name) :]
        self._tell(self._stack[-1] if self._stack else "")

    def failed(self, name: str, error: BaseException) -> None:
        """It has failed. Whoever imports it may think little of it; in the worker it did not fail."""
        if name in self._names:
            self.found.setdefault(name, _words(error))
            self.taint(f"imports {name}")

    def taint(self, why: str) -> None:
        """Everything that is being imported now is made without something that it needs."""
        for name in self._stack:
            self.found.setdefault(name, why)

    def reads(self, key: str) -> None:
        """A variable of the environment was read."""
        if self._stack:
            self.readers.setdefault(key, set()).add(self._stack[-1])

    def refused(self, name: str) -> str:
        """Why a module must not be loaded here; empty if it may."""
        return "is left out" if name in self._left else ""

    def exists(self, name: str) -> bool:
        """Whether the worker had it."""
        return name in self._names

    def _settle(self) -> None:
        """Put down what has changed since to the innermost module."""
        if self._request.proven:
            return  # one look at the end will do
        now = fork_safety.read()
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
                self.taint(f"imports {name}")
        self._before = now

    def _tell(self, name: str) -> None:
        os.pwrite(self._note, name.encode("utf-8", "replace") + b"\n", 0)


class _Door:
    """A finder before all others, which lets them find, and watches what they have found."""

    def __init__(self, trial: PreloadProbe, folders: Sequence[str]) -> None:
        self._trial = trial
        self._folders = list(folders)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Python's protocol of finders."""
        why = self._trial.refused(name)
        if not why and path is None and self._is_projects(name):
            why = "is the project's"
        spec = self._found(name, path, target)
        if spec is None:
            if why or self._trial.exists(name):
                self._trial.taint(f"imports {name}, which {why or 'is not found without the project'}")
                raise LeftOut(f"{name} {why or 'is not found without the project'}")
            return None
        if spec.origin and self._trial.places.is_own(spec.origin):
            why = why or "is the project's"
        if why:
            spec.loader = _Refusal(self._trial, f"{name}, which {why}")  # type: ignore[assignment]  # a loader by what it does
        elif hasattr(spec.loader, "exec_module") and spec.has_location:
            spec.loader = _Watched(self._trial, spec.loader)  # type: ignore[assignment]  # as above
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
        """Whether a worker finds it in the project's folder, which comes first on its path."""
        spec = importlib.machinery.PathFinder.find_spec(name, self._folders)
        return spec is not None and spec.loader is not None and spec.has_location


class _Refusal:
    """The loader of what must not be loaded; who only asks whether it is there is not troubled."""

    def __init__(self, trial: PreloadProbe, what: str) -> None:
        self._trial = trial
        self._what = what

    def create_module(self, _spec: importlib.machinery.ModuleSpec) -> None:
        """Python's protocol of loaders."""
        self._trial.taint(f"imports {self._what}")
        raise LeftOut(f"imports {self._what}")

    def exec_module(self, module: ModuleType) -> None:
        """As above; never reached."""


class _Watched:
    """A loader, under the gauge; the module that it loads has the loader itself."""

    def __init__(self, trial: PreloadProbe, loader: Any) -> None:
        self._trial = trial
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Any:
        """Python's protocol of loaders; an extension's libraries are loaded here, and may start threads."""
        create = getattr(self._loader, "create_module", None)
        if create is None or self._trial.over:
            return create(spec) if create else None
        self._trial.enter(spec.name)
        try:
            return create(spec)
        except BaseException as error:
            self._trial.failed(spec.name, error)
            raise
        finally:
            self._trial.leave(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Python's protocol of loaders."""
        spec = module.__spec__
        if spec is not None:
            spec.loader = module.__loader__ = self._loader
        if self._trial.over:  # a lazy module, loaded in a worker
            self._loader.exec_module(module)
            return
        self._trial.enter(module.__name__)
        try:
            self._loader.exec_module(module)
            self._trial.ran(module.__name__, (spec and spec.origin) or "")
        except BaseException as error:
            self._trial.failed(module.__name__, error)
            raise
        finally:
            self._trial.leave(module.__name__)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


class _Environment:
    """While it is entered, the trial is told of each variable that is read."""

    def __init__(self, trial: PreloadProbe) -> None:
        environ: Any = os.environ  # noqa: TID251  it stays what it is; only who reads it is seen
        self._environ = environ
        kind: Any = type(environ)

        class Told(kind):  # type: ignore[misc]  # a class that is known at run time
            def __getitem__(self, key: str) -> str:
                trial.reads(key)
                value: str = kind.__getitem__(self, key)
                return value

        self._kind = kind
        self._told = Told

    def __enter__(self) -> None:
        self._environ.__class__ = self._told

    def __exit__(self, *_: object) -> None:
        self._environ.__class__ = self._kind


def _mask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _words(error: BaseException) -> str:
    if isinstance(error, LeftOut):
        return str(error)
    return f"can't be imported by itself ({type(error).__name__}: {error})"[:_WORDS]
