"""A pipe that kills a child, with its whole process group, when the supervisor ends.

The child holds the reading end, nobody ever writes, and only the supervisor holds the other end. This module knows
nothing of the child. Runs in the supervisor's loop.

Theory of operation. A supervisor that is killed (SIGKILL, no memory) can't tell its children. A child usually notices
the end of its channel, but not while C code, such as a regular expression, holds the interpreter's lock. Such a child
would go on forever as an orphan. When the supervisor ends, the kernel closes our end of the pipe. This is an event on
the other end (``O_ASYNC``), and the signal of that event is set to SIGKILL (``F_SETSIG``, fcntl(2)), for the whole
group. No code runs in the child, so this works for any program. If the kernel does not support it, the child is started
without a lifeline.

``PR_SET_PDEATHSIG`` would work for our own children, but the child must ask for it itself, and a fork loses it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal

_SET_SIGNAL = getattr(fcntl, "F_SETSIG", None)  # only on Linux


class Lifeline:
    """The pipe of one child; ``child_end`` is the child's end, -1 if there is none."""

    def __init__(self) -> None:
        self.child_end = self._parent_end = -1

    def open(self) -> None:
        """Make the pipe, if the kernel supports it and a descriptor is left."""
        if _SET_SIGNAL is not None:
            with contextlib.suppress(OSError):
                self.child_end, self._parent_end = os.pipe()

    def open_input(self) -> int:
        """Return a descriptor that never has input, and that ends with the supervisor; -1 if there can be none.

        Programs such as esbuild watch files until their standard input ends.
        """
        if self.child_end < 0:
            return -1
        try:  # another open file description: none of its flags are those of the lifeline
            return os.open(f"/proc/self/fd/{self.child_end}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return -1

    def bind(self, pid: int) -> None:
        """Have the kernel kill the group of this process, which holds the child's end, when the supervisor ends."""
        if self.child_end >= 0 and _SET_SIGNAL is not None:
            with contextlib.suppress(OSError):
                fcntl.fcntl(self.child_end, _SET_SIGNAL, signal.SIGKILL)
                fcntl.fcntl(self.child_end, fcntl.F_SETOWN, -pid)
                flags = fcntl.fcntl(self.child_end, fcntl.F_GETFL)
                fcntl.fcntl(self.child_end, fcntl.F_SETFL, flags | os.O_ASYNC)
        self._close_child_end()

    def end(self) -> None:
        """Kill the rest of the ended child's group that holds the pipe."""
        self._close_child_end()
        if self._parent_end >= 0:
            os.close(self._parent_end)
            self._parent_end = -1

    def _close_child_end(self) -> None:
        if self.child_end >= 0:
            os.close(self.child_end)
            self.child_end = -1
