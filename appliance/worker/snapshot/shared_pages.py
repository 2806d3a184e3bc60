"""Take over the memory that a worker will write to, while it waits for the save that starts it.

Runs in the snapshot, and in its forks: ``note`` in a worker that serves, ``take_over`` in a fork that waits.

Theory of operation. A fork shares its memory with the snapshot, page by page. When the fork writes to a page, the
kernel copies the page, which costs 3 µs in a virtual machine. Until its first answer a worker writes to 1,500 pages or
more, mostly reference counts, and the copies take half of the worker's time. All forks of one snapshot write to nearly
the same pages. So the first worker that has answered notes which pages were copied for it (``/proc/self/pagemap``,
proc_pid_pagemap(5)), in memory that all forks of the snapshot share. A later fork asks the kernel to copy these pages
before the save comes (MADV_POPULATE_WRITE, madvise(2), since Linux 5.14). The fork can't write to the pages itself, not
even the present value of a byte, because the interpreter uses them meanwhile.

Decision 65 says why.
"""

from __future__ import annotations

import mmap
import os
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from ..standard_path import standard_library_alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PAGEMAP: Final = "/proc/self/pagemap"
MOST: Final = 4096  # pages that are taken over: 16 MiB
_PAGE: Final = mmap.PAGESIZE
_ENTRY: Final = 8  # bytes in pagemap for a page
_PRESENT: Final = 1 << 63
_ALONE: Final = 1 << 56  # no other process maps the page
_POPULATE_WRITE: Final = 23


class SharedPages:
    """The pages that forks of one snapshot write to; make it in the snapshot."""

    def __init__(self) -> None:
        self._noted = mmap.mmap(-1, _ENTRY * (MOST + 1))  # how many, then their numbers
        self._advise: Callable[[int, int, int], int] | None = None

    def begin(self) -> None:
        """Get ready to take pages over.

        Raises:
            Exception: this Python has no ctypes, or the C library no madvise.
        """
        with standard_library_alone():
            import ctypes  # noqa: PLC0415  some Pythons have none; a project may have a module of this name

        advise = ctypes.CDLL(None).madvise
        advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        self._advise = advise

    def note(self) -> None:
        """Note which pages this process no longer shares, once for all forks.

        Raises:
            OSError: the kernel does not tell.
        """
        if self._numbers():
            return
        pages = array("Q")
        with open(PAGEMAP, "rb", buffering=0) as pagemap:
            for first, end in _writable():
                entries = array("Q", os.pread(pagemap.fileno(), _ENTRY * (end - first), _ENTRY * first))
                pages.extend(
                    number for number, entry in enumerate(entries, first) if entry & _PRESENT and entry & _ALONE
                )
        self.keep(pages)

    def keep(self, pages: Sequence[int]) -> None:
        """Keep these numbers, in ascending order, for later forks; of too many, the first ones."""
        numbers = array("Q", [min(len(pages), MOST), *pages[:MOST]])
        self._noted[: _ENTRY * len(numbers)] = numbers.tobytes()

    def take_over(self) -> int:
        """Stop sharing the pages that were noted, once; return how many.

        Raises:
            OSError: the kernel can't do that.
        """
        numbers, advise = self._numbers(), self._advise
        taken, self._advise = 0, None
        if advise is None or not numbers:
            return taken
        for first, end in list(_writable()):
            here = numbers[bisect_left(numbers, first) : bisect_left(numbers, end)]
            taken += len(here)
            for start, length in _runs(here):
                if advise(start * _PAGE, length * _PAGE, _POPULATE_WRITE):
                    raise OSError("the kernel can't copy pages in advance: it is older than Linux 5.14")
        return taken

    def _numbers(self) -> array[int]:
        (count,) = array("Q", self._noted[:_ENTRY])
        return array("Q", self._noted[_ENTRY : _ENTRY * (count + 1)])


def _writable() -> Iterator[tuple[int, int]]:
    """Yield the private, writable mappings of this process: the numbers of the first page, and of the one after it."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            addresses, modes = line.split(maxsplit=2)[:2]
            if modes == "rw-p":
                first, _, end = addresses.partition("-")
                yield int(first, 16) // _PAGE, int(end, 16) // _PAGE


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Return the first of each run of consecutive numbers, and how many they are."""
    start, length = 0, 0
    for number in numbers:
        if length and number == start + length:
            length += 1
            continue
        if length:
            yield start, length
        start, length = number, 1
    if length:
        yield start, length
