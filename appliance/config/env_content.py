"""Read one ``.env`` file, whatever is at its path: a file, a pipe of a secret manager, a folder, a broken link.

This module knows what can be at such a path and how to report what can't be read, not what the text means. Nothing here
ends a start: what can't be read is left out, and becomes an ``UnreadPart``. Runs in the supervisor and in commands,
with ``env``.
"""

from __future__ import annotations

import codecs
import os
import select
import stat
import time
from pathlib import Path

from appliance.plural import counted
from appliance.protocol.record import Record

# A megabyte of variables is more than execve takes (a single string of 128 KiB is its limit on Linux).
MAX_BYTES = 1024 * 1024
PIPE_TIMEOUT_S = 5.0  # for a writer to begin to write into a pipe, and then for each part
_PIPE_TOTAL_S = 15.0
_CHUNK = 65_536
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

HOLDS_NUL = "it holds a NUL character, and is left out"


class UnreadPart(Record):
    """Something that could not be read. The text itself is not shown: it may hold a secret.

    Attributes:
        file: the file's name, as the caller gave it.
        reason: what is wrong.
        action: what to do about it.
        line: the line, from 1; 0 for the whole file.
        count: how many lines are left out for such reasons.
    """

    file: str
    reason: str
    action: str
    line: int = 0
    count: int = 1

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" if self.line else self.file
        more = f", and {counted(self.count - 1, 'more line')}" if self.count > 1 else ""
        return f"{where}{more}: {self.reason}. {self.action}"


class Content(Record):
    """The content of a file.

    Attributes:
        text: its text, as far as it could be read.
        unread: what could not be read.
        is_pipe: a program writes it again for each read.
    """

    text: str = ""
    unread: tuple[UnreadPart, ...] = ()
    is_pipe: bool = False


class _Unreadable(Exception):  # noqa: N818  a reason, not an error of ours
    def __init__(self, reason: str, action: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.action = action


def read_file(path: Path, name: str, *, before: str | None = None, timeout_s: float = PIPE_TIMEOUT_S) -> Content:
    """Read one file; its text is empty if the file does not exist.

    Args:
        path: where it is.
        name: its name in messages.
        before: the last text of the pipe at this path; used again if nothing writes into it now.
        timeout_s: how long to wait for a pipe.
    """
    try:
        return _read_file(path, name, before, timeout_s)
    except (FileNotFoundError, NotADirectoryError):
        if not path.is_symlink():
            return Content()  # it does not exist, or not any more
        part = UnreadPart(name, f"it is a broken link to {_target(path)}", f"Correct or remove {name}.")
    except _Unreadable as unread:
        part = UnreadPart(name, unread.reason, unread.action)
    except (OSError, ValueError) as error:
        part = _unreadable_file(name, error)
    return Content(unread=(part,))


def _read_file(path: Path, name: str, before: str | None, timeout_s: float) -> Content:
    kind = path.stat().st_mode
    if stat.S_ISFIFO(kind):
        return _read_pipe(path, name, before, timeout_s)
    if stat.S_ISREG(kind):
        return _decoded(_read_regular(path), name)
    if _is_null(path):
        return Content()
    raise _not_a_file(path, name, kind)


def _unreadable_file(name: str, error: Exception) -> UnreadPart:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UnreadPart(
        name, f"it can't be read by uid {os.geteuid()} ({reason})",
        f"Correct {name} or its mode; or name other files in APPLIANCE_ENV_FILES.",
    )  # fmt: skip


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return "something"  # the link has been removed since


def _not_a_file(path: Path, name: str, kind: int) -> _Unreadable:
    what = "not a text file"
    if stat.S_ISDIR(kind):
        what = "a virtual environment" if (path / "pyvenv.cfg").exists() else "a folder"
    return _Unreadable(
        f"it is {what}",
        f"Nothing is read from it. If the variables are in a file other than {name}, name it in APPLIANCE_ENV_FILES.",
    )


def _is_null(path: Path) -> bool:
    """Whether the path is /dev/null, a usual way to say that there are no variables."""
    try:
        return path.stat().st_rdev == Path(os.devnull).stat().st_rdev
    except OSError:
        return False


def _read_regular(path: Path) -> bytes:
    # O_NONBLOCK: the file may have become a pipe since; never wait for it.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        parts, size = [], 0
        while size <= MAX_BYTES and (part := os.read(descriptor, _CHUNK)):
            parts.append(part)
            size += len(part)
    finally:
        os.close(descriptor)
    return _bounded(b"".join(parts))


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_BYTES:
        raise _Unreadable(
            f"it has more than {MAX_BYTES} bytes, more than a process can be given",
            "Leave only the project's variables in it; nothing of it is read until then.",
        )
    return data


def _read_pipe(path: Path, name: str, before: str | None, timeout_s: float) -> Content:
    data, in_time = _drain(path, timeout_s)
    if data:
        content = _decoded(_bounded(data), name)
        late = UnreadPart(name, "the writer of this pipe did not finish in time", "What had arrived was read.")
        return Content(content.text, content.unread if in_time else (late, *content.unread), is_pipe=True)
    action = f"Start the program that writes {name}, then save a file; or remove it."
    if before is not None:
        action = f"Its last text is used again. {action}"
    reason = f"it is a pipe, and nothing wrote into it within {timeout_s:g} s"
    if in_time:
        reason = "it is a pipe, and its writer wrote nothing"
    return Content(before or "", (UnreadPart(name, reason, action),), is_pipe=True)


def _drain(path: Path, timeout_s: float) -> tuple[bytes, bool]:
    """Return the bytes that are written into a pipe, and whether its writer has closed it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        parts: list[bytes] = []
        size, over = 0, time.monotonic() + _PIPE_TOTAL_S
        while size <= MAX_BYTES:
            left = min(timeout_s, over - time.monotonic())
            if left <= 0 or not poll.poll(left * 1000):
                return b"".join(parts), False
            try:
                part = os.read(descriptor, _CHUNK)
            except BlockingIOError:
                continue
            if not part:
                break
            parts.append(part)
            size += len(part)
        return b"".join(parts), True
    finally:
        os.close(descriptor)


def _decoded(data: bytes, name: str) -> Content:
    save = f"Save {name} as UTF-8"
    if data.startswith(_UTF_16):
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError:
            return Content(unread=(UnreadPart(name, "it is neither UTF-8 nor UTF-16", f"{save}."),))
        part = UnreadPart(name, "it is UTF-16, and was read as such", f"{save} (Windows PowerShell's > writes UTF-16).")
        return Content(text, (part,))
    try:
        return Content(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        # As a shell does: a variable is bytes.
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
        return Content(
            text, (UnreadPart(name, "it is not UTF-8; its bytes are passed on as they are", f"{save}.", line),)
        )
