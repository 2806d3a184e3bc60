"""Hash numbers, texts and bytes, without the parts that differ between any two imports of the same files.

Left out are addresses (in texts too, also as Pydantic writes them, ``shop.Item:94155343686016``, and CherryPy,
``cherrypy.access.139795333836016``), times near now, long integers and other random values. A stored process id is
hashed like any small integer; this is safe, because a project that calls ``os.getpid`` at import gets no snapshot.
"""

from __future__ import annotations

import re
import time
from importlib.util import source_hash
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGE: Final = 1 << 40  # addresses, hashes, times in nanoseconds
_ALIGNED: Final = 16
_GROWTH: Final = 1 << 26  # of the heap, before the other process of the comparison is hashed
_DAY_S: Final = 86_400.0
_MIN_RANDOM: Final = 16  # characters of a random text
_RANDOM_TEXT: Final = re.compile(r"(?=(?:[^0-9]*[0-9]){4})[0-9A-Za-z_+/=-]{16,}\Z")
_VOLATILE: Final = re.compile(r"0x[0-9a-f]{6,}|(?<=:)\d{8,}|(?<=[a-z]\.)\d{8,}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d[\d:.]*")
_CONSTANTS: Final = (bool, complex, range, type(None), type(...), type(NotImplemented))


class ValueDigests:
    """The hashes of values that were made a short time ago.

    Args:
        maps: the file that lists the mappings of this process (proc_pid_maps(5)).

    Attributes:
        by_type: by the identity of each built-in type whose instances have no parts, the function that hashes one.
    """

    def __init__(self, maps: str = "/proc/self/maps") -> None:
        self._now, self._monotonic = time.time(), time.monotonic()
        self._heap = heap_addresses(maps)
        functions: dict[type, Callable[[Any], bytes]] = {
            bytes: self._bytes, float: self._float, int: self.integer, str: self.text,
            **dict.fromkeys(_CONSTANTS, _constant),
        }  # fmt: skip
        self.by_type = {id(kind): function for kind, function in functions.items()}

    def text(self, value: str) -> bytes:
        """Return the hash of a text: its characters, unless they look random."""
        if len(value) < _MIN_RANDOM and ":" not in value:
            return b"'" + value.encode("utf-8", "surrogatepass")
        if _RANDOM_TEXT.match(value):
            return b"random %d" % len(value)
        return source_hash(_VOLATILE.sub("", value).encode("utf-8", "surrogatepass"))

    def integer(self, value: int) -> bytes:
        """Return the hash of an integer: its digits, unless it may be an address, a time or a random number."""
        if -_LARGE < value < _LARGE:
            if abs(value - self._now) < _DAY_S:
                return b"number"
            return b"large" if value in self._heap else b"%d" % value
        return b"large"

    def _float(self, value: float) -> bytes:
        if abs(value - self._now) < _DAY_S:
            return b"time"
        if value * 1000 % 1 and abs(value - self._monotonic) < _DAY_S:
            return b"time"
        return repr(value).encode()

    def _bytes(self, value: bytes) -> bytes:
        return b'"' + value if len(value) < _MIN_RANDOM else b"bytes %d" % len(value)


def heap_addresses(maps: str) -> range:
    """Return the addresses that objects on the heap of C may have; an empty range if they are large numbers.

    They are small if the interpreter is loaded at a fixed address (in Debian and Docker's images), which the heap
    follows. The identities of classes and other large objects are then as small as ordinary numbers.
    """
    try:
        with open(maps, encoding="utf-8", errors="replace") as lines:
            found = next((line for line in lines if line.rstrip().endswith("[heap]")), "0-0 ")
    except OSError:
        return range(0)
    first, _, end = found.partition(" ")[0].partition("-")
    start = int(first, 16)
    return range(start, int(end, 16) + _GROWTH, _ALIGNED) if 0 < start < _LARGE else range(0)


def _constant(value: Any) -> bytes:
    return repr(value).encode()
