"""Memory that a burst of lines needs is kept for the next one.

Owns one decision about the C library's heap. Runs in the supervisor, once.
"""

from __future__ import annotations

_KEPT = 4 * 1024 * 1024


def keep_freed_memory() -> None:
    """Have the heap keep up to 8 MB of free memory instead of giving it back at each chance.

    glibc gives the heap's end back as soon as 128 KiB of it are free, which each batch of 64 lines frees: the next one
    then pays 100 page faults, as much as its rendering. Freeing a block that was mapped by itself raises that bound to
    twice its size (mallopt(3), M_MMAP_THRESHOLD). The block is never touched, so it takes no memory; where the C
    library is another one, nothing happens.
    """
    bytes(_KEPT)
