"""Explain why a process or a thread could not be started, and what to do."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from appliance.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LONGEST = 32 * 4096  # of one variable, with its name and the equals sign (MAX_ARG_STRLEN of execve(2), Linux)
# Errors that go away when other processes end or free memory.
_PASSING = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY})

_PROCESSES = "Raise the limit of processes: pids_limit with compose, ulimit -u elsewhere."
_EXPLANATIONS = {
    errno.EAGAIN: ("the limit of processes and threads is reached", "a limit that allows one more", _PROCESSES),
    errno.ENOMEM: (
        "there is no memory for it",
        "free memory",
        "Raise the limit (mem_limit with compose), or end other programs.",
    ),
    errno.EMFILE: (
        "the appliance's limit of open files is reached",
        "a limit that allows one more",
        "Raise it: ulimits: nofile with compose, ulimit -n elsewhere.",
    ),
    errno.ENFILE: (
        "this machine's limit of open files is reached",
        "a limit that allows one more",
        "On the host: sysctl fs.file-max=1000000; or end other programs.",
    ),
    errno.ENOEXEC: (
        "it is not a program for this kind of machine",
        "a program for this kind of processor, or a script that begins with #!",
        "Remove the environment or the volume that it is in: it is made again, for this machine.",
    ),
    errno.EACCES: (
        "this user can't execute it",
        "a program that this user can execute, on a file system that is not mounted noexec",
        "Give it the mode x, or take another folder for it.",
    ),
}


def start_error(
    what: str, error: BaseException, *, program: str = "", folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> StartError:  # fmt: skip
    """Return the error for a process that could not be started.

    Args:
        what: the part, as the user would call it.
        error: the exception of its start.
        program: the program to run; empty for a thread.
        folder: its working directory.
        environment: its variables.
    """
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, MemoryError):
        number = errno.ENOMEM
    elif isinstance(error, RuntimeError):  # "can't start new thread"
        number = errno.EAGAIN
    found, expected, action = _explain(number, error, program, folder, environment or {})
    shown = f" ({program})" if program else ""
    return StartError(
        f"{what}{shown} can't be started: {found}", expected=expected, action=action, what=what,
        passing=number in _PASSING,
    )  # fmt: skip


def _explain(
    number: int | None, error: BaseException, program: str, folder: Path | None, environment: Mapping[str, str]
) -> tuple[str, str, str]:
    if number == errno.E2BIG:
        return _too_big(environment)
    if number in {errno.ENOENT, errno.ENOTDIR}:
        if folder is not None and not folder.is_dir():
            return f"its folder {folder} does not exist", "the project's folder", "Put it back; saves are watched."
        return "there is no such program", f"{program or 'the program'}", "Save a dependency file: it is made again."
    if isinstance(error, ValueError):
        return _unfit_name(error, environment)
    if number in _EXPLANATIONS:
        return _EXPLANATIONS[number]
    reason = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
    return (
        reason,
        "a process that can be started",
        "Save a file to try again; if this happens again, report it with this line.",
    )


def _too_big(environment: Mapping[str, str]) -> tuple[str, str, str]:
    sizes = {name: len(os.fsencode(name)) + len(_encoded(value)) + 2 for name, value in environment.items()}
    name = max(sizes, key=lambda each: sizes[each], default="")
    if name and sizes[name] > _LONGEST:
        return (
            f"the variable {name} has {sizes[name]} bytes",
            f"variables of at most {_LONGEST} bytes each, which is the kernel's limit",
            f"Shorten {name}: most often the project can read such a value from a file.",
        )
    return (
        f"its variables have {sum(sizes.values())} bytes, more than the kernel takes; the biggest is {name}",
        "a quarter of the stack's limit for all of them (ulimit -s), which is mostly 2 MB",
        f"Shorten them, {name} first: most often the project can read such values from files.",
    )


def _unfit_name(error: ValueError, environment: Mapping[str, str]) -> tuple[str, str, str]:
    unfit = next(
        (name for name, value in environment.items() if not name or "=" in name or "\0" in name or "\0" in value), ""
    )
    named = f"the variable {unfit!r} can't be one" if unfit else str(error)
    return named, "names without = and values without NUL", f"Correct {unfit or 'it'} where it is set, and save."


def _encoded(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")
