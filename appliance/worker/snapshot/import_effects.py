"""Stop a snapshot's import of the project before an effect that must happen only once, or that forks must not share.

Runs in the snapshot, while it imports the project. Serving workers pay nothing for it.

Theory of operation. A snapshot imports the project in addition to the worker that serves. So effects outside of the
process would happen once more: a row in a database, a request to another host, the start of a job. An audit event comes
before its effect, and the snapshot ends at the event: so nothing happens twice. ``effect_rules`` says which events
these are. The last frame of the project's own code says which module is the reason.

Some effects raise no event: those of code in C, signal handlers, timers. But they change the state of the process
(``fork_safety``), which is compared each time a module of the project begins, and at the end. ``sys.path`` and the
finders may change: forks inherit them. Connections of database drivers in C raise no event either:
``driver_connections`` notices them where they begin. ``ending/exit_hooks`` says which exit hooks the forks may run.

``ctypes.util.find_library`` runs programs (``ldconfig``, a compiler) only to look for a library, which changes nothing:
it may happen twice. Django's geographical part does that when it is imported, and django-debug-toolbar imports it.

Flask-Limiter's storage in memory starts a timer of 10 ms, and starts it again whenever it has ended: so the snapshot
waits for its end.

A hook can't be removed, so it has a switch. An error in the hook itself counts as an effect.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import PACKAGE
from ..ending.exit_hooks import ExitHooks
from ..files.loaded_modules import namespaces
from ..files.log_files import LogFiles
from ..files.project_places import is_installed
from ..preload import fork_safety
from .driver_connections import DriverConnections
from .effect_rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType, FrameType

_OURS = f"{PACKAGE}."
_TIMERS = "limits.storage.memory"  # its threads end by themselves
_IMPORT_SYSTEM = "<frozen importlib"  # it writes bytecode, which is the same each time


class EffectRefusedError(BaseException):
    """Raised by the hook if ``stop`` returns: the effect does not happen, and ``except Exception`` passes it on."""


class ImportEffects:
    """The effects of the project's import outside of the memory of its process, from ``begin`` to ``end``.

    Args:
        is_project_path: whether a file (absolute path) is the project's own code.
        stop: is called with the reason, once, before the effect happens; it has to end the process without any exit
            hook. Called in the thread that would have had the effect, with locks of the project held.
        kept: folders of ours, in which the snapshot may have descriptors.
    """

    def __init__(
        self, is_project_path: Callable[[str], bool], stop: Callable[[str], object], kept: Iterable[str] = ()
    ) -> None:
        self._is_project_path = is_project_path
        self._stop = stop
        self._kept = tuple(f"{folder.rstrip('/')}/" for folder in kept if folder)
        self._drivers = DriverConnections(self._refuse_here)
        self._logs = LogFiles(self._refuse_here)
        self._exits = ExitHooks(self._refuse_here)
        self._before: _State | None = None
        self._timers: list[threading.Timer] = []
        self._began = ""  # the module of the project that began last
        self._openers: dict[int, str] = {}  # which modules have opened the files that were open then, by descriptor
        self._on = False
        self.refused = ""  # which module has which effect

    def begin(self) -> None:
        """Observe from now on. Threads, descriptors and hooks that are there are ours.

        Raises:
            RuntimeError: a hook of a package refuses further audit hooks.
        """
        sys.addaudithook(self._hook)
        self._drivers.begin()
        self._logs.begin()
        self._exits.begin()
        self._before = self._read()
        self._on = True

    def end(self) -> str:
        """Stop observing; return which module had which effect; "" if a fork of this process equals an import."""
        self._drivers.end()
        self._logs.end()
        self._exits.end()
        if self._on and not self.refused:
            self._compare()
        self._on = False
        return self.refused

    def pause(self) -> None:
        """Stop if something has changed in the process since the last module began; else observe nothing for now."""
        self._compare()
        self._exits.end()
        self._on = False

    def renew(self) -> None:
        """Observe again, in a fork of this process, which has other descriptors."""
        self._exits.begin()
        self._before = self._read()
        self._on = True

    def abandon(self) -> None:
        """Stop observing, in a fork that serves: its import may do anything."""
        self._on = False
        self._drivers.end()
        self._logs.end()

    def exit_at_effect(self) -> None:
        """End this process at an effect, without any report: it is a fork that only tries something."""
        self._stop = lambda _: os._exit(1)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event == "exec":
            self._module_begins(arguments)
            return
        rule = RULES.get(event)
        if rule is None:
            return
        try:
            raiser = sys._getframe(1)  # noqa: SLF001  the only way to know whose event it is
        except ValueError:
            raiser = None  # a function in C, in a thread of its own
        if raiser is not None and _is_exempt(raiser):
            return
        if event == "open" and raiser is not None and self._logs.allow_open(raiser, arguments):
            return
        if raiser is not None and (timer := _passing_timer(raiser)) is not None:
            self._timers.append(timer)
            return
        try:
            what = rule(arguments)
        except Exception as error:  # noqa: BLE001  any code may raise an event of this name
            what = f"raises an unknown event {event} ({type(error).__name__})"
        if what and not _looks_for_library(raiser):
            self._refuse(f"{self._place(raiser)} {what}")

    def _module_begins(self, arguments: tuple[Any, ...]) -> None:
        code: CodeType = arguments[0]
        if code.co_name != "<module>" or not self._is_project_path(code.co_filename):
            return
        self._drivers.begin()  # some may have been imported since
        self._logs.begin()
        self._compare(self._without_open_files)
        self._began = code.co_filename

    def _compare(self, leave_out: Callable[[_State], _State] = lambda state: state) -> None:
        """Refuse changes in the process since the last module began: that module, or its importer, has made them."""
        before, after = self._before, leave_out(self._read())
        left = self._exits.unfit_hook()
        if before is None or (after == before and not left):
            return
        self._before = after
        if what := left or _difference(before, after, self._is_kept):
            opened = sorted(after.reading.descriptors - before.reading.descriptors)
            openers = next((self._openers[each] for each in opened if each in self._openers), self._changers())
            self._refuse(f"{openers} {what}")

    def _without_open_files(self, state: _State) -> _State:
        """Leave out files that are open to be read: their openers may still close them.

        Flask's ``from_pyfile`` runs the module whose file it has open. Files that stay open are found later.
        """
        known = self._before.reading.descriptors if self._before else frozenset()
        files = {each for each in state.reading.descriptors - known if fork_safety.is_read_file(each)}
        self._openers = {each: self._openers.get(each) or self._changers() for each in files}
        return state._replace(reading=state.reading._replace(descriptors=state.reading.descriptors - files))

    def _changers(self) -> str:
        files = dict.fromkeys(file for file in (self._began, self._current_file()) if file)
        return " or ".join(_module_of(file) for file in files) or "a package"

    def has_open_files(self) -> bool:
        """Whether files were open when the last module began: a fork would share their positions."""
        return bool(self._openers)

    def _read(self) -> _State:
        while self._timers:
            self._timers.pop().join()
        state = _read()
        unknown = state.reading.hooks_at_exit - self._exits.allowed
        return state._replace(reading=state.reading._replace(hooks_at_exit=unknown))

    def _is_kept(self, descriptor: int) -> bool:
        try:
            name = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            return False
        return f"{name}/".startswith(self._kept) or name in self._logs.names

    def _refuse_here(self, what: str) -> None:
        self._refuse(f"{self._place()} {what}")

    def _refuse(self, reason: str) -> None:
        self._on = False  # first of all: the next lines raise audit events too
        if not self.refused:
            self.refused = reason
            self._stop(reason)
        self._on = True  # the project may have code that handles any exception, and go on
        raise EffectRefusedError(self.refused)

    def _place(self, frame: FrameType | None = None) -> str:
        """Return the last place in the project's own code; if there is none, the package."""
        package = ""
        frame = frame or sys._getframe(1)  # noqa: SLF001  as above
        while frame is not None:
            name = str(frame.f_globals.get("__name__", ""))
            if self._is_project_path(frame.f_code.co_filename) and not name.startswith(_OURS):
                return f"{name}, line {frame.f_lineno},"
            if is_installed(frame.f_code.co_filename):
                package = name.partition(".")[0]
            frame = frame.f_back
        return package or "Python"

    def _current_file(self) -> str:
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  as above
        while frame is not None:
            if frame.f_code.co_name == "<module>" and self._is_project_path(frame.f_code.co_filename):
                return frame.f_code.co_filename
            frame = frame.f_back
        return ""


def _is_exempt(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    return str(name).startswith(_OURS) or frame.f_code.co_filename.startswith(_IMPORT_SYSTEM)


def _passing_timer(frame: FrameType) -> threading.Timer | None:
    """Return the timer that a limiter starts in this frame; None if another thread starts, or none."""
    caller = frame.f_back
    if frame.f_code.co_name != "start" or caller is None or caller.f_globals.get("__name__") != _TIMERS:
        return None
    timer = frame.f_locals.get("self")
    return timer if isinstance(timer, threading.Timer) else None


def _looks_for_library(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__") == "ctypes.util":
            return True
        frame = frame.f_back
    return False


class _State(NamedTuple):
    """The facts that ``fork_safety`` reads, and those that matter only to the project's own code."""

    reading: fork_safety.Reading
    timers: tuple[bool, ...]
    wake_up: int
    mask: int
    shared: int  # locks and queues of multiprocessing
    patched: str


def _read() -> _State:
    timers = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
    mask = os.umask(0o022)
    os.umask(mask)
    wake_up = signal.set_wakeup_fd(-1)
    if wake_up != -1:
        signal.set_wakeup_fd(wake_up, warn_on_full_buffer=False)
    registry: Any = getattr(sys.modules.get("multiprocessing.util"), "_afterfork_registry", ())
    return _State(
        reading=fork_safety.read(),
        timers=tuple(signal.getitimer(timer) != (0.0, 0.0) for timer in timers),
        wake_up=wake_up,
        mask=mask,
        shared=len(registry),
        patched=fork_safety.patching_library(),
    )


def _difference(before: _State, after: _State, is_kept: Callable[[int], bool]) -> str:
    opened = after.reading.descriptors - before.reading.descriptors
    reading = after.reading._replace(
        path=before.reading.path,
        finders=before.reading.finders,
        path_hooks=before.reading.path_hooks,
        descriptors=frozenset(each for each in opened if not is_kept(each)),
    )
    if after.patched:
        return f"runs after {after.patched}"
    if what := fork_safety.unsafe(before.reading, reading, standard=False, pools=False):
        return what
    changes = (
        (after.timers != before.timers, "sets a timer"),
        (after.wake_up != before.wake_up, "sets a wake-up descriptor for signals"),
        (after.mask != before.mask, "changes the umask"),
        (after.shared > before.shared, "makes a lock or a queue of multiprocessing"),
    )
    return next((text for changed, text in changes if changed), "")


def _module_of(file: str) -> str:
    """Return the name of the module that was loaded from a file."""
    return next((name for name, names in namespaces() if names.get("__file__") == file), file)
