"""Read how much memory this process has, and its peak. Runs twice in a request that is recorded: 10 µs.

Resident pages of the whole process: to measure one request with ``tracemalloc`` costs several times its run time.
"""

from __future__ import annotations

import os
import resource
import sys

_PAGE = resource.getpagesize()
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


class ProcessMemory:
    """The memory of the process that makes this object, and of no process that it forks."""

    def __init__(self) -> None:
        try:
            self._descriptor = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # no Linux, or no /proc
            self._descriptor = -1

    def now(self) -> tuple[int, int]:
        """Return the bytes that are resident, and the most that ever were; 0 for what is not known."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT
        try:
            # size resident shared ..., in pages: proc(5)
            return int(os.pread(self._descriptor, 64, 0).split()[1]) * _PAGE, peak
        except (OSError, ValueError, IndexError):  # the project has closed the descriptor, or uses its number
            return 0, peak

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
