"""Keep the memory of one burst of lines for the next one: one setting of the C library's heap, in the supervisor."""

from __future__ import annotations

_KEPT = 4 * 1024 * 1024


def keep_freed_memory() -> None:
    """Make the heap keep up to 8 MB of free memory, instead of returning it each time.

    glibc returns the heap's end as soon as 128 KiB of it are free, which each batch of 64 lines frees: the next batch
    then pays for 100 page faults, as much as its rendering. Freeing a block that has its own mapping raises that
    threshold to twice the block's size (mallopt(3), M_MMAP_THRESHOLD). The block is never touched, so it takes no
    memory; with another C library nothing happens.
    """
    bytes(_KEPT)
