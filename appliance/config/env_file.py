"""One ``.env`` file to text, whatever it is: a file, a pipe that a secret manager writes, a folder, a link to nowhere.

Owns what can be at such a path, and the words for what can't be read. Must not know what stands in it. Nothing here
ends a start: what can't be read is left out, and complained of. Runs wherever ``env`` does.
"""

from __future__ import annotations

import codecs
import os
import select
import stat
import time
from dataclasses import dataclass
from pathlib import Path

# A megabyte of variables is more than execve takes (a single string of 128 KiB is its limit on Linux).
LONGEST = 1024 * 1024
PIPE_S = 5.0  # for somebody to begin to write into a pipe, and then for each part
_PIPE_LONGEST_S = 15.0
_READ = 65_536
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Complaint:
    """What could not be read. The text itself is not shown: it may hold a secret.

    Attributes:
        file: the file's name, as it was asked for.
        reason: what was met.
        action: what to do about it.
        line: where, from 1; 0 for the whole file.
        count: how many lines are left out for such reasons.
    """

    file: str
    reason: str
    action: str
    line: int = 0
    count: int = 1

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" if self.line else self.file
        more = f", and {self.count - 1} more lines" if self.count > 1 else ""
        return f"{where}{more}: {self.reason}. {self.action}"


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes:
        text: its text, as far as it could be read.
        complaints: what could not.
        is_pipe: somebody writes it anew for each reading.
    """

    text: str = ""
    complaints: tuple[Complaint, ...] = ()
    is_pipe: bool = False


class _Unread(Exception):  # noqa: N818  a reason, not an error of ours
    def __init__(self, reason: str, action: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.action = action


def read_file(path: Path, name: str, *, before: str | None = None, patience_s: float = PIPE_S) -> Content:
    """The text of one file; empty where it is not there.

    Args:
        path: where it is.
        name: as it is to be called.
        before: what a pipe there has said the last time; stands where nobody writes it now.
        patience_s: how long a pipe is waited for.
    """
    try:
        return _read_file(path, name, before, patience_s)
    except (FileNotFoundError, NotADirectoryError):
        if not path.is_symlink():
            return Content()  # it is not there, or has gone since
        complaint = Complaint(name, f"it is a link to {_target(path)}, where nothing is", f"Correct or remove {name}.")
    except _Unread as unread:
        complaint = Complaint(name, unread.reason, unread.action)
    except (OSError, ValueError) as error:
        complaint = _unreadable(name, error)
    return Content(complaints=(complaint,))


def _read_file(path: Path, name: str, before: str | None, patience_s: float) -> Content:
    kind = path.stat().st_mode
    if stat.S_ISFIFO(kind):
        return _of_pipe(path, name, before, patience_s)
    if stat.S_ISREG(kind):
        return _decoded(_of_file(path), name)
    if _is_null(path):
        return Content()
    raise _no_file(path, name, kind)


def _unreadable(name: str, error: Exception) -> Complaint:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Complaint(
        name, f"it can't be read by uid {os.geteuid()} ({reason})",
        f"Correct {name} or its mode; or name other files in APPLIANCE_ENV_FILES.",
    )  # fmt: skip


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return "something"  # it has gone since


def _no_file(path: Path, name: str, kind: int) -> _Unread:
    what = "no file of text"
    if stat.S_ISDIR(kind):
        what = "a virtual environment" if (path / "pyvenv.cfg").exists() else "a folder"
    return _Unread(
        f"it is {what}",
        f"Nothing is read from it. If variables stand elsewhere than in {name}, name the file in APPLIANCE_ENV_FILES.",
    )


def _is_null(path: Path) -> bool:
    """Whether it is the way to say that there are no variables."""
    try:
        return path.stat().st_rdev == Path(os.devnull).stat().st_rdev
    except OSError:
        return False


def _of_file(path: Path) -> bytes:
    # What was a file may be a pipe by now: it is not waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        parts, size = [], 0
        while size <= LONGEST and (part := os.read(descriptor, _READ)):
            parts.append(part)
            size += len(part)
    finally:
        os.close(descriptor)
    return _bounded(b"".join(parts))


def _bounded(data: bytes) -> bytes:
    if len(data) > LONGEST:
        raise _Unread(
            f"it has more than {LONGEST} bytes, which is more than a process can be given",
            "Leave in it what the project reads as variables, and nothing of it is read until then.",
        )
    return data


def _of_pipe(path: Path, name: str, before: str | None, patience_s: float) -> Content:
    data, in_time = _drained(path, patience_s)
    if data:
        content = _decoded(_bounded(data), name)
        late = Complaint(name, "whoever writes this pipe did not end in time", "What had come was read.")
        return Content(content.text, content.complaints if in_time else (late, *content.complaints), is_pipe=True)
    action = f"Start what writes {name}, then save a file; or remove it."
    if before is not None:
        action = f"What it said before stands. {action}"
    reason = f"it is a pipe, and nobody wrote into it within {patience_s:g} s"
    if in_time:
        reason = "it is a pipe, and nothing was written into it"
    return Content(before or "", (Complaint(name, reason, action),), is_pipe=True)


def _drained(path: Path, patience_s: float) -> tuple[bytes, bool]:
    """What is written into a pipe, and whether that came to its end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        parts: list[bytes] = []
        size, over = 0, time.monotonic() + _PIPE_LONGEST_S
        while size <= LONGEST:
            left = min(patience_s, over - time.monotonic())
            if left <= 0 or not poll.poll(left * 1000):
                return b"".join(parts), False
            try:
                part = os.read(descriptor, _READ)
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
            return Content(complaints=(Complaint(name, "it is neither UTF-8 nor UTF-16", f"{save}."),))
        told = Complaint(name, "it is UTF-16, and was read so", f"{save} (Windows PowerShell's > writes UTF-16).")
        return Content(text, (told,))
    try:
        return Content(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        # As a shell would: a variable is bytes.
        text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
        return Content(
            text, (Complaint(name, "it is not UTF-8; its bytes are passed on as they are", f"{save}.", line),)
        )
