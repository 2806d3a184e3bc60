"""Work that goes on when no request does: threads of the project's, hooks at exit, streams that have not noticed.

Owns the finding of it and of the place where it stands. Knows nothing of how long it may go on: the supervisor decides.
Runs in the control thread of a worker that drains, and of one that is about to be ended.

What counts is what the interpreter waits for at its end: threads that are no daemons, then the hooks of ``atexit``. A
daemon thread is cut at the end of every Python program, and so here, without a word.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from types import FrameType

_REQUEST = "request"  # the name of the server's threads
MOST = 20  # that are told of by name


class BackgroundWork(NamedTuple):
    """One thread, and the line of the project's that it is at."""

    thread: str
    file: str
    line: int
    function: str


def running(root: str, *, streams: bool) -> list[BackgroundWork]:
    """What is at work now.

    Args:
        root: the project's folder: a place in it says more than one in a library.
        streams: the server's own threads count, too: it has ended, and those that are left have not noticed.
    """
    frames = sys._current_frames()  # noqa: SLF001  the one way to see them
    # Not enumerate(), which takes a lock: a thread that was cut elsewhere may hold it.
    threads = list(threading._active.values())  # type: ignore[attr-defined]  # noqa: SLF001
    main, pooled = threading.main_thread(), _of_executors()
    found = [
        _work(thread.name, frames[thread.ident], root)
        for thread in threads
        if thread is not main and thread.ident in frames and _counts(thread, pooled, streams=streams)
    ]
    if not found and main.ident in frames:  # it waits for none of them: a hook at exit, or the end of a script
        found = [_work(main.name, frames[main.ident], root)]
    return found


def _counts(thread: threading.Thread, pooled: Container[threading.Thread], *, streams: bool) -> bool:
    if thread.name == _REQUEST:
        return streams
    return not thread.daemon or thread in pooled


def _of_executors() -> Container[threading.Thread]:
    """The threads of executors, whose jobs the interpreter waits for, daemons or not."""
    executors: Any = sys.modules.get("concurrent.futures.thread")
    return list(getattr(executors, "_threads_queues", ()))


def _work(thread: str, frame: FrameType, root: str) -> BackgroundWork:
    place = next((each for each in _outwards(frame) if each.f_code.co_filename.startswith(f"{root}/")), frame)
    return BackgroundWork(thread, place.f_code.co_filename, place.f_lineno, place.f_code.co_name)


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def fields(work: BackgroundWork) -> dict[str, Any]:
    """As an event's fields."""
    return {"thread": work.thread, "file": work.file, "line": work.line, "function": work.function}
