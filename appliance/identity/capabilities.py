"""Drop all capabilities of root where the appliance stays root.

Runs in PID 1 of a container and in ``appliance run``, if root owns the project. The process stays root, because the
files are root's, but neither it nor its children can load modules, change owners, override permissions, send raw
packets or look into other users' processes. Where root switches to another user, the kernel drops all capabilities
itself.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_PR_CAPBSET_DROP = 24  # prctl(2)
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_VERSION_3 = 0x20080522  # _LINUX_CAPABILITY_VERSION_3, capset(2)
_LAST = 40  # CAP_CHECKPOINT_RESTORE; used if the kernel does not report its own last one


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def drop_capabilities() -> bool:
    """Drop every capability permanently, also for child processes; return whether that was done."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        return False
    kernel = ctypes.CDLL(None, use_errno=True)
    bounded = [kernel.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) == 0 for number in range(_last_capability() + 1)]
    if not all(bounded):
        # Without CAP_SETPCAP the bounding set stays, and root would get the rest of it back at each execve(2).
        kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    kernel.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    return bool(kernel.capset(ctypes.byref(_Header(_VERSION_3, 0)), ctypes.byref((_Sets * 2)())) == 0)


def _last_capability() -> int:
    try:
        return int(Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return _LAST
