"""How many descriptors the supervisor and its children may have.

Owns the raising of the soft limit. Runs in the supervisor, once, before there is a child: they inherit it.

A shell's soft limit is 1024, and so is that of containers since containerd 2: an idle connection a descriptor, a
thousand browsers' connections would be the end. At a reload the idle ones pass through the supervisor, too.
"""

from __future__ import annotations

import contextlib
import resource

ENOUGH = 65_536  # not the hard limit: where that is a thousand million, programs that close all of them take minutes


def allow_many_descriptors() -> None:
    """Raise the soft limit, as far as the hard one lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with contextlib.suppress(OSError, ValueError):  # macOS refuses more than its kern.maxfilesperproc
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
