"""Wait for processes that have ended: our children, and the orphans of our children.

Runs in the supervisor's loop. Nothing else may wait for a process.
"""

from __future__ import annotations

import os
import sys


def adopt_orphans() -> bool:
    """Become a child subreaper (prctl(2)), to wait for orphans of children; return False if that is not possible."""
    if not sys.platform.startswith("linux"):
        return False
    pr_set_child_subreaper = 36
    try:
        import ctypes  # noqa: PLC0415  for this one call

        return bool(ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0) == 0)
    except (ImportError, OSError):  # another C library
        return False


def reap() -> list[tuple[int, int]]:
    """Return (pid, wait status) of each child that has ended since the last call."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except OSError:  # mostly ECHILD
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))
