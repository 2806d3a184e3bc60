"""Find the processes that a companion has started, also those that have left its process group.

A program that calls setsid(2) leaves the group, and a process whose parent has ended has no ancestor among ours. But
both have inherited their environment, and we give each companion a variable of its own there. Jenkins marks the
processes of a build in the same way. A program that empties its environment is not found. Only Linux shows the
environment of a process.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK_VARIABLE = "WSGI_APPLIANCE_COMPANION"
_PROC = "/proc"
_TRIES = 100  # to read an environment: a millisecond


def find_marked(mark: str, *, below: int = 0) -> list[int]:
    """Return the processes whose mark begins with ``mark``.

    Args:
        mark: the value of the variable, or its beginning.
        below: look only among the descendants of this process, if the kernel lists them. This process inherits all
            orphans.
    """
    text = f"{MARK_VARIABLE}={mark}".encode()
    own = os.getpid()
    return [pid for pid in _candidates(below) if pid != own and _has(pid, text)]


def end_marked(mark: str, number: int, *, below: int = 0) -> bool:
    """Send a signal, 0 for none, to the processes with this mark; return whether there are any."""
    found = find_marked(mark, below=below)
    for pid in found:
        with contextlib.suppress(OSError):  # it has ended meanwhile
            os.kill(pid, number)
    return bool(found)


def _candidates(below: int) -> list[int]:
    if below:
        with contextlib.suppress(OSError):
            return list(_descendants(below))
    try:
        return [int(name) for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208  names alone
    except OSError:
        return []


def _descendants(pid: int) -> Iterator[int]:
    """Yield the children of a process, and theirs.

    Raises:
        OSError: the kernel does not list them.
    """
    waiting = [*_children(pid)]
    for child in waiting:
        yield child
        with contextlib.suppress(OSError):  # it has ended meanwhile
            waiting.extend(_children(child))


def _children(pid: int) -> Iterator[int]:
    for thread in os.listdir(f"{_PROC}/{pid}/task"):  # noqa: PTH208  as above
        with open(f"{_PROC}/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123  bytes of a kernel's file
            yield from map(int, file.read().split())


def _has(pid: int, text: bytes) -> bool:
    try:
        environment = _environment(pid)
    except OSError:  # the process is another user's, or has ended
        return False
    return environment.startswith(text) or b"\0" + text in environment


def _environment(pid: int) -> bytes:
    """Return the environment of a process; in the middle of execve(2) it has none for a moment.

    Raises:
        OSError: it can't be read, or there is none: the process has ended, or is the kernel's.
    """
    for _ in range(_TRIES):
        with open(f"{_PROC}/{pid}/environ", "rb") as file:  # noqa: PTH123  as above
            if environment := file.read():
                return environment
        os.readlink(f"{_PROC}/{pid}/exe")  # noqa: PTH115  a Path costs more
        os.sched_yield()
    return b""
