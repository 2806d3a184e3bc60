"""Decide when a process of ours that ended unexpectedly is started again: later after each end in a row."""

from __future__ import annotations

from appliance.pauses import nth_pause_s
from appliance.protocol.record import Record, replace

LASTED_S = 60.0  # if a process has run for this long, its start is not the reason of its end


class ChildRestarts(Record):
    """The ends of one kind of process, in a row.

    Attributes:
        pauses_s: seconds before a start, after the first end, the second, and so on.
        gives_up: the process is not started again after more ends than pauses; otherwise the last pause is repeated.
        ends: how many ends there were in a row.
    """

    pauses_s: tuple[float, ...]
    gives_up: bool = False
    ends: int = 0

    def after_end(self, after_s: float) -> ChildRestarts:
        """Return the record after an end; the process has run for ``after_s`` seconds, 0.0 if it did not start."""
        return replace(self, ends=1 if after_s > LASTED_S else self.ends + 1)

    @property
    def pause_s(self) -> float | None:
        """Seconds until the next start, after an end; None if the process is not started again."""
        if self.gives_up and self.ends > len(self.pauses_s):
            return None
        return nth_pause_s(self.pauses_s, self.ends)
