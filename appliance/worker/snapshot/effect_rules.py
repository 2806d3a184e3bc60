"""Decide which audit events (PEP 578) are effects that a second import must not repeat, or that forks can't share.

Pure: each rule reads the arguments of one event, and returns a text that says what the code is about to do; "" if that
is harmless. The events come before the effect; Python's documentation lists them and their arguments.

A change of memory alone is not an effect: variables of the environment, ``sys.path``, modules. A fork inherits such a
change, as if the fork had imported the project itself.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from ..files.git_questions import asks_git
from ..preload.fork_safety import HARMLESS_DEVICES

if TYPE_CHECKING:
    from collections.abc import Callable


_MAX_NAME: Final = 200  # characters of a file's or a host's name
_LOCKS: Final = frozenset({6, 7, 37, 38})  # F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW of Linux
_SHARED: Final = frozenset({0, 2})  # mmap's ACCESS_DEFAULT and ACCESS_WRITE
_READ_ONLY_DATABASES: Final = ("mode=ro", "mode=memory", "immutable=1")


def _fixed(text: str) -> Callable[[tuple[Any, ...]], str]:
    return lambda _: text


def _named(text: str, at: int = 0) -> Callable[[tuple[Any, ...]], str]:
    return lambda arguments: f"{text} {_name(arguments[at])}"


def _opens(arguments: tuple[Any, ...]) -> str:
    path, _, flags = arguments
    if not isinstance(flags, int) or not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
        return ""
    if isinstance(path, int):
        return ""  # another object for an open descriptor
    name = _name(path)
    return "" if name in HARMLESS_DEVICES else f"opens {name} for writing"


def _makes_folder(arguments: tuple[Any, ...]) -> str:
    path, _, folder = arguments
    if folder in {-1, None} and os.path.lexists(path):
        return ""  # it fails, or its caller expects that
    return f"makes the folder {_name(path)}"


def _connects(arguments: tuple[Any, ...]) -> str:
    return f"connects to {_address(arguments[1])}"


def _binds(arguments: tuple[Any, ...]) -> str:
    return f"listens on {_address(arguments[1])}"


def _opens_database(arguments: tuple[Any, ...]) -> str:
    name = _name(arguments[0])
    if name == ":memory:" or (name.startswith("file:") and any(each in name for each in _READ_ONLY_DATABASES)):
        return ""
    return f"connects to the database {name}"


def _maps(arguments: tuple[Any, ...]) -> str:
    fileno, _, access, _ = arguments
    return "shares memory with forks (mmap)" if fileno == -1 and access in _SHARED else ""


def _runs(arguments: tuple[Any, ...]) -> str:
    program, command, *_ = arguments
    return "" if asks_git(command) else f"runs the program {_name(program)}"


def _locks(arguments: tuple[Any, ...]) -> str:
    return "locks a file" if arguments[1] in _LOCKS else ""


def _kills(arguments: tuple[Any, ...]) -> str:
    return "sends a signal to a process" if arguments[1] else ""  # signal 0 only asks whether the process exists


def _name(value: Any) -> str:
    if isinstance(value, (str, bytes)):
        return os.fsdecode(value)[:_MAX_NAME]
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)[:_MAX_NAME]
    return f"descriptor {value}" if isinstance(value, int) else "something"


def _address(value: Any) -> str:
    if isinstance(value, tuple) and len(value) >= 2 and isinstance(value[0], str):
        return f"{value[0]}:{value[1]}"[:_MAX_NAME]
    return _name(value)


_THREAD = _fixed("starts a thread")
_FORK = _fixed("forks")
_PROGRAM = _fixed("runs a program")

RULES: Final[dict[str, Callable[[tuple[Any, ...]], str]]] = {
    "_thread.start_new_thread": _THREAD,
    "_thread.start_joinable_thread": _THREAD,
    "fcntl.fcntl": _locks,
    "fcntl.flock": _fixed("locks a file"),
    "fcntl.lockf": _fixed("locks a file"),
    "mmap.__new__": _maps,
    "open": _opens,
    "os.chflags": _named("changes the flags of"),
    "os.chmod": _named("changes the permissions of"),
    "os.chown": _named("changes the owner of"),
    "os.exec": _PROGRAM,
    "os.fork": _FORK,
    "os.forkpty": _FORK,
    "os.kill": _kills,
    "os.killpg": _kills,
    "os.link": _named("makes the link", 1),
    "os.lockf": _fixed("locks a file"),
    "os.mkdir": _makes_folder,
    "os.posix_spawn": _runs,
    "os.remove": _named("deletes"),
    "os.removexattr": _named("changes the attributes of"),
    "os.rename": _named("renames"),
    "os.rmdir": _named("deletes the folder"),
    "os.setxattr": _named("changes the attributes of"),
    "os.spawn": _PROGRAM,
    "os.symlink": _named("makes the link", 1),
    "os.system": _PROGRAM,
    "os.truncate": _named("truncates"),
    "os.utime": _named("changes the times of"),
    "pty.spawn": _PROGRAM,
    "resource.setrlimit": _fixed("changes a limit of its process"),
    "signal.pthread_kill": _fixed("sends a signal to a thread"),
    "socket.bind": _binds,
    "socket.connect": _connects,
    "socket.sendmsg": _fixed("sends a message through a socket"),
    "socket.sendto": _fixed("sends a message through a socket"),
    "socket.sethostname": _fixed("changes the host's name"),
    "sqlite3.connect": _opens_database,
    "subprocess.Popen": _runs,
    "sys.addaudithook": _fixed("adds an audit hook"),
    "sys.monitoring.register_callback": _fixed("monitors its own code"),
    "sys.setprofile": _fixed("sets a profiler"),
    "sys.settrace": _fixed("sets a tracer"),
    "syslog.syslog": _fixed("writes to the system's log"),
    "tempfile.mkdtemp": _named("makes the folder"),
    "tempfile.mkstemp": _named("makes the file"),
    "webbrowser.open": _fixed("opens a browser"),
}
