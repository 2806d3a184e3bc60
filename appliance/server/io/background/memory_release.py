"""Let the C library return freed memory to the system, once large responses are queued for slow readers.

Runs in the thread of the first such response.

Every thread has an arena of glibc's. Each arena keeps freed memory for the next block of that size, up to twice the
largest block so far: 8 threads that answered with 10 MB each kept 170 MB. (``malloc_trim`` does not reach the end of an
arena, where such blocks are.) A block above a threshold comes from the system, and returns there when it is freed.
glibc raises that threshold by itself; here it is fixed at a megabyte.
"""

from __future__ import annotations

_LARGE = 1_048_576
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h's


class MemoryRelease:
    """Sets the threshold once in a process."""

    def __init__(self) -> None:
        self._done = False

    def note(self, size: int) -> None:
        """Note that an object of this size is about to be freed."""
        if size < _LARGE or self._done:
            return
        self._done = True
        try:
            import ctypes  # noqa: PLC0415  8 ms that hardly any process needs

            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_MMAP_THRESHOLD, _LARGE)
            mallopt(_M_TRIM_THRESHOLD, _LARGE)
        except Exception:  # noqa: BLE001  another C library, or no ctypes: then the process keeps freed memory
            return
