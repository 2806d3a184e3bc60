"""The fixtures of this folder."""

from tests.watch.watching import looked, patient, watch, watch_set

__all__ = ["looked", "patient", "watch", "watch_set"]
