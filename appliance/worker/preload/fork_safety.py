"""Detect the traces of an import that a forked child would lose, or would share with its parent.

Runs in the preloader, before and after each module.

Theory of operation. A fork copies memory and shares descriptors. Threads do not exist in the child, and the locks that
they held stay locked; two processes use one database connection or socket; a temporary folder is removed by the process
that ends first. None of this can be seen in a module's source; all of it can be seen in the process. A reading costs 30
µs.

Decision 14 says why.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the module without enums: 64 handlers in 3 µs, not 60
import atexit
import builtins
import fcntl
import os
import signal
import stat
import sys
import threading
import weakref
from typing import Any, NamedTuple

from ... import PACKAGE

# Devices without a state that two processes could disturb.
HARMLESS_DEVICES = frozenset({"/dev/null", "/dev/urandom", "/dev/random", "/dev/zero"})

_FILE_REMOVERS = frozenset({"tempfile", "shutil", "os", "posix", "pathlib", "subprocess", "multiprocessing.util"})


class Reading(NamedTuple):
    """The state of the process."""

    threads: int
    tasks: int  # threads of C code too
    descriptors: frozenset[int]
    children: bool
    handlers: tuple[Any, ...]
    hooks_at_exit: int
    finalizers: int
    path: tuple[str, ...]
    finders: tuple[int, ...]
    path_hooks: tuple[int, ...]
    streams: tuple[int, ...]
    folder: str
    importer: int


def read() -> Reading:
    """Read the present state."""
    return Reading(
        threads=threading.active_count(),
        tasks=len(os.listdir("/proc/self/task")),
        descriptors=_descriptors(),
        children=_has_children(),
        handlers=tuple(map(_signal.getsignal, range(1, signal.NSIG))),
        hooks_at_exit=atexit._ncallbacks(),  # noqa: SLF001  the only way to count them
        finalizers=_finalizers(),
        path=tuple(sys.path),
        finders=tuple(id(each) for each in sys.meta_path if type(each).__module__.partition(".")[0] != PACKAGE),
        path_hooks=tuple(map(id, sys.path_hooks)),
        streams=(id(sys.stdin), id(sys.stdout), id(sys.stderr)),
        folder=os.getcwd(),
        importer=id(builtins.__import__),
    )


def unsafe(before: Reading, after: Reading, *, standard: bool, pools: bool) -> str:
    """Return the trace of some code that is unsafe to fork; "" if there is none.

    Args:
        before: the state before the code ran.
        after: the state after it.
        standard: whether the code is the standard library's: its exit hooks survive a fork.
        pools: whether its pools of C threads survive a fork (OpenBLAS starts new ones).
    """
    opened = _opened(after.descriptors - before.descriptors)
    at_exit = after.hooks_at_exit > before.hooks_at_exit or after.finalizers > before.finalizers
    changes = (
        (after.threads > before.threads, "starts a thread"),
        (after.tasks > before.tasks and not pools, "starts a thread in C code"),
        (opened, f"leaves open {opened}"),
        (after.children and not before.children, "leaves a child process"),
        (after.handlers != before.handlers, "sets a signal handler"),
        (after.path != before.path, "changes sys.path"),
        (after.finders[: len(before.finders)] != before.finders, "changes the import system's finders"),
        (after.path_hooks != before.path_hooks, "changes the import system's finders"),
        (after.streams != before.streams, "replaces sys.stdout or sys.stderr"),
        (after.folder != before.folder, "changes the working folder"),
        (after.importer != before.importer, "replaces the import statement"),
        (at_exit and not standard, "registers an exit hook"),
    )
    return next((text for changed, text in changes if changed), "") or patching_library()


def patching_library() -> str:
    """Return which library has replaced parts of the standard library; "" if none has."""
    gevent = sys.modules.get("gevent.monkey")
    if getattr(gevent, "saved", None):
        return "gevent has patched the standard library"
    eventlet = sys.modules.get("eventlet.patcher")
    if getattr(eventlet, "already_patched", None):
        return "eventlet has patched the standard library"
    return ""


def is_read_file(number: int) -> bool:
    """Whether the descriptor is open, belongs to a file on a disk, and can only read it."""
    try:
        flags, mode = fcntl.fcntl(number, fcntl.F_GETFL), os.fstat(number).st_mode
    except OSError:
        return False
    return flags & os.O_ACCMODE == os.O_RDONLY and stat.S_ISREG(mode)


def _finalizers() -> int:
    """Count the finalizers that remove files. Others (Django's signals have one each) only affect their own process."""
    registry: Any = weakref.finalize._registry  # type: ignore[attr-defined]  # noqa: SLF001  as above; since 3.4
    return sum(getattr(info.func, "__module__", "") in _FILE_REMOVERS for info in list(registry.values()))


def _descriptors() -> frozenset[int]:
    return frozenset(number for number in map(int, os.listdir("/proc/self/fd")) if _is_open(number))


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False  # the descriptor of the listing itself
    return True


def _opened(descriptors: frozenset[int]) -> str:
    for number in sorted(descriptors):
        try:
            name = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if name not in HARMLESS_DEVICES and not _is_loaded_library(number, name):
            return "a socket" if name.startswith("socket:") else name
    return ""


def _is_loaded_library(number: int, name: str) -> bool:
    """Whether the descriptor only reads a C library of this process: libffi 3.5 keeps its own open, to map parts of it.

    Two processes can map one descriptor: neither its position nor its content changes.
    """
    if ".so" not in name or not is_read_file(number):
        return False
    with open("/proc/self/maps", errors="surrogateescape") as maps:
        return any(line.rstrip("\n").endswith(name) and "x" in line.split()[1] for line in maps)


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
