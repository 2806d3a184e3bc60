"""The fixtures of this folder."""

from tests.watch.watching import ground, watch

__all__ = ["ground", "watch"]
