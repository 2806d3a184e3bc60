"""Prepare the descriptors of the supervisor: replace closed standard streams, and raise the limit of open files.

Runs in the supervisor, once, before there is a child: children inherit the limit.

The soft limit of a shell is 1024; since containerd 2, so low a limit also applies to containers. Each idle connection
takes a descriptor, so a thousand browser connections would reach the limit. At a reload the idle connections also pass
through the supervisor.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys

_STANDARD = (0, 1, 2)
ENOUGH = 65_536  # not the hard limit: if that is a thousand million, programs that close all of them take minutes


def allow_many_descriptors() -> None:
    """Raise the soft limit, as far as the hard limit allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with contextlib.suppress(OSError, ValueError):  # macOS refuses more than its kern.maxfilesperproc
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def replace_closed_streams() -> None:
    """Open /dev/null for each of the descriptors 0, 1 and 2 that is closed (``>&-``).

    Otherwise the next file that is opened gets its number, and the log would be written into a socket, for example.
    """
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # open takes the lowest free number: this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  a descriptor, never closed
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  as above
