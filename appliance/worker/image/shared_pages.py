"""Take over the memory that a worker will write to, while it waits for the save that starts it.

Runs in the forks of the image: ``note`` in a worker that serves, ``take_over`` in a fork that waits.

Theory of operation. A fork shares its memory with the image, page by page, until it writes: then the kernel copies that
page, which costs 3 µs in a virtual machine. A worker writes to 1,500 pages or more until its first answer, mostly
counts of references: that takes as long as all the rest. All forks of one image write to nearly the same pages. So the
first worker that serves in peace notes which pages it has for itself (``/proc/self/pagemap``, proc_pid_pagemap(5)), in
memory that all forks of the image share. A later fork writes one byte of each of them, the one that is there
(``/proc/self/mem``): its only thread does that, so nothing can change in between.
"""

from __future__ import annotations

import mmap
import os
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGEMAP: Final = "/proc/self/pagemap"
MOST: Final = 4096  # pages that are taken over: 16 MiB
_PAGE: Final = mmap.PAGESIZE
_ENTRY: Final = 8  # bytes in pagemap for a page
_PRESENT: Final = 1 << 63
_ALONE: Final = 1 << 56  # no other process maps the page


class SharedPages:
    """The pages that forks of one image write to; make it in the image."""

    def __init__(self) -> None:
        self._noted = mmap.mmap(-1, _ENTRY * (MOST + 1))  # how many, then their numbers

    def note(self) -> None:
        """Note which pages this process shares no more, once for all forks.

        Raises:
            OSError: the kernel does not tell.
        """
        if self._numbers():
            return
        pages = array("Q")
        with open(PAGEMAP, "rb", buffering=0) as pagemap:
            for first, behind in _writable():
                entries = array("Q", os.pread(pagemap.fileno(), _ENTRY * (behind - first), _ENTRY * first))
                pages.extend(
                    number for number, entry in enumerate(entries, first) if entry & _PRESENT and entry & _ALONE
                )
        self.keep(pages)

    def keep(self, pages: Sequence[int]) -> None:
        """Keep these numbers for later forks, if they are not too many."""
        if len(pages) <= MOST:
            numbers = array("Q", [len(pages), *pages])
            self._noted[: _ENTRY * len(numbers)] = numbers.tobytes()

    def take_over(self) -> int:
        """Stop sharing the pages that were noted; return how many. Call it while this process has one thread.

        Raises:
            OSError: the kernel does not allow it.
        """
        numbers = self._numbers()
        if not numbers:
            return 0
        taken = 0
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            descriptor = memory.fileno()
            for first, behind in _writable():
                for number in numbers[bisect_left(numbers, first) : bisect_left(numbers, behind)]:
                    place = number * _PAGE
                    os.pwrite(descriptor, os.pread(descriptor, 1, place), place)
                    taken += 1
        return taken

    def _numbers(self) -> array[int]:
        (count,) = array("Q", self._noted[:_ENTRY])
        return array("Q", self._noted[_ENTRY : _ENTRY * (count + 1)])


def _writable() -> Iterator[tuple[int, int]]:
    """Return this process' private, writable mappings: the numbers of their first page, and of the one behind."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            addresses, modes = line.split(maxsplit=2)[:2]
            if modes == "rw-p":
                first, _, behind = addresses.partition("-")
                yield int(first, 16) // _PAGE, int(behind, 16) // _PAGE
