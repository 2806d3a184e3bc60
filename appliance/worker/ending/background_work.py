"""Find work that goes on without a request: threads of the project, exit hooks, aborted streams that have not noticed.

Finds the work, and the line where each thread is. The supervisor decides how long the work may go on. Runs in the
control thread of a worker that drains, or that is about to be ended.

Work is what the interpreter waits for at its end: threads that are not daemons, then the hooks of ``atexit``. As in
every Python program, daemon threads end without notice.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import OWN_FOLDER

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from types import FrameType

_REQUEST = "request"  # the name of the server's threads
MAX_REPORTED = 20  # how many are reported by name


class BackgroundWork(NamedTuple):
    """One thread, and the line of the project where it is."""

    thread: str
    file: str
    line: int
    function: str


def running(root: str, *, streams: bool) -> list[BackgroundWork]:
    """Return the work that is running now.

    Args:
        root: the project's folder: a place in it says more than one in a library.
        streams: count the server's own threads too. The server has ended, and these threads serve streams that have not
            noticed.
    """
    frames = sys._current_frames()  # noqa: SLF001  the only way to see them
    # Not enumerate(), which takes a lock: a thread that was ended elsewhere may hold it.
    threads = list(threading._active.values())  # type: ignore[attr-defined]  # noqa: SLF001  the only way to list them without a lock
    main, pooled = threading.main_thread(), _executor_threads()
    found = [
        _work(thread.name, frames[thread.ident], root)
        for thread in threads
        if thread is not main and thread.ident in frames and _is_counted(thread, pooled, streams=streams)
    ]
    if not found and main.ident in frames and not _is_ours(frames[main.ident], root):
        found = [_work(main.name, frames[main.ident], root)]  # the thread is in an exit hook, or at the end of a script
    return found


def _is_ours(frame: FrameType, root: str) -> bool:
    """Whether code of ours runs, with no code of the project that it has called."""
    files = (each.f_code.co_filename for each in _outwards(frame))
    nearest = next((file for file in files if file.startswith((OWN_FOLDER, f"{root}/"))), "")
    return nearest.startswith(OWN_FOLDER)


def _is_counted(thread: threading.Thread, pooled: Container[threading.Thread], *, streams: bool) -> bool:
    if thread.name == _REQUEST:
        return streams
    return not thread.daemon or thread in pooled


def _executor_threads() -> Container[threading.Thread]:
    """Return the threads of executors; the interpreter waits for their jobs, even in daemon threads."""
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
    """Return the fields of the event."""
    return {"thread": work.thread, "file": work.file, "line": work.line, "function": work.function}
