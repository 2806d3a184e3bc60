"""Which descriptors the supervisor begins with, and how many it and its children may have.

Owns the standard streams' stand-ins and the raising of the soft limit. Runs in the supervisor, once, before there is a
child: they inherit it.

A shell's soft limit is 1024, and so is that of containers since containerd 2: an idle connection a descriptor, a
thousand browsers' connections would be the end. At a reload the idle ones pass through the supervisor, too.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys

_STANDARD = (0, 1, 2)
ENOUGH = 65_536  # not the hard limit: where that is a thousand million, programs that close all of them take minutes


def allow_many_descriptors() -> None:
    """Raise the soft limit, as far as the hard one lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with contextlib.suppress(OSError, ValueError):  # macOS refuses more than its kern.maxfilesperproc
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def replace_closed_streams() -> None:
    """Where descriptor 0, 1 or 2 is closed (``>&-``), have it lead nowhere.

    The next file that is opened would get its number: the log would be written into a socket.
    """
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  a descriptor, for good
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  as above
