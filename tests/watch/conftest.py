"""The fixtures of this folder."""

from tests.watch.watching import watch, watch_set

__all__ = ["watch", "watch_set"]
