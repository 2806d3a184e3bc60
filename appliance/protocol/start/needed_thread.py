"""Start a thread that a process of ours can't do without, or end the process with a code that says so.

The supervisor reports the end of such a process once, with this reason, and starts another one later. Without this a
limit of processes would show as a traceback of ours. Runs in the stand-in, the recorder and the exporter; the
supervisor reads the code.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import threading

NO_THREAD: Final = 75  # EX_TEMPFAIL of sysexits.h
NO_THREAD_CAUSE: Final = "no thread could be started: the limit of processes (pids_limit, ulimit -u) is reached"


def start_needed(*threads: threading.Thread) -> None:
    """Start the threads; end the process if there can't be that many."""
    try:
        for each in threads:
            each.start()
    except (RuntimeError, MemoryError):  # "can't start new thread"
        os._exit(NO_THREAD)
