"""Have the C library give memory back that was freed, once large responses are put aside for slow readers.

Owns that one setting; must not know what is freed. Runs in the thread of the first such response.

glibc keeps what was freed for the next block of that size, up to twice the largest that there was, in each of its
arenas, of which every thread has one: 8 threads that answered with 10 MB each kept 170 MB for good, though nobody held
them. (``malloc_trim`` does not reach the end of an arena, where such blocks lie.) From then on a block of a megabyte
comes from the system, and goes back there when it is freed, as it did at first: glibc raises that bound by itself.
"""

from __future__ import annotations

_LARGE = 1_048_576
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h's


class MemoryRelease:
    """Set once a process."""

    def __init__(self) -> None:
        self._done = False

    def note(self, size: int) -> None:
        """An object of this size is about to be freed, and more like it will be."""
        if size < _LARGE or self._done:
            return
        self._done = True
        try:
            import ctypes  # noqa: PLC0415  8 ms that hardly any process needs

            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_MMAP_THRESHOLD, _LARGE)
            mallopt(_M_TRIM_THRESHOLD, _LARGE)
        except Exception:  # noqa: BLE001  another C library, or no ctypes: what was freed is kept, then
            return
