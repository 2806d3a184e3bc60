"""Compare the state after a swap with that of an import of the same files, by the fingerprints of both.

Some modules differ between any two imports: they keep a time, a random number, an address. Such a difference says
nothing about a swap. So two imports are compared as well, and the differences between them are left out from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class SwapComparison:
    """Knows the differences between any two imports of the project."""

    def __init__(self) -> None:
        self._volatile: set[str] = set()
        self._differences: tuple[str, ...] = ()

    def swap_differences(self, swapped: Mapping[str, str], imported: Mapping[str, str]) -> tuple[str, ...]:
        """Return the differences between a swap and an import, without those that are known to occur anyway."""
        self._differences = tuple(name for name in sorted(differing(swapped, imported)) if name not in self._volatile)
        return self._differences

    def unexplained_differences(self, imported: Mapping[str, str], again: Mapping[str, str]) -> tuple[str, ...]:
        """Learn from another import of the same files; return the last differences that it does not explain."""
        self._volatile |= differing(imported, again)
        return tuple(name for name in self._differences if name not in self._volatile)


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    """Return the names whose hashes differ, or that only one of the two has."""
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
