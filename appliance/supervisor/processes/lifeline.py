"""A pipe that ends a child, with all of its process group, when the supervisor is no more.

Owns that pipe: the child holds the end for reading, nobody ever writes, and the other end is ours alone. Knows nothing
of the child. Runs in the supervisor's loop.

Theory of operation. A supervisor that is killed (SIGKILL, no memory) tells nobody. A child reads the end of its channel
then, but one that holds the interpreter's lock in C, a regular expression for example, does not, and would go on for
ever as an orphan. The kernel closes our end with the supervisor, and that is an event of the other end (``O_ASYNC``);
the signal of that event is set to SIGKILL (``F_SETSIG``, fcntl(2)), for the group. Nothing runs in the child for it, no
matter which program it is, and where the kernel has no such thing the child is started without.

``PR_SET_PDEATHSIG`` would do for children of ours, but is lost in a fork, and has to be asked for in the child.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal

_SET_SIGNAL = getattr(fcntl, "F_SETSIG", None)  # Linux alone has it


class Lifeline:
    """One child's; ``theirs`` is the end that the child is to hold, -1 where there is none."""

    def __init__(self) -> None:
        self.theirs = self._ours = -1

    def open(self) -> None:
        """Make it, where the kernel has such a thing and a descriptor is left."""
        if _SET_SIGNAL is not None:
            with contextlib.suppress(OSError):
                self.theirs, self._ours = os.pipe()

    def bind(self, pid: int) -> None:
        """From now on the process group of this leader, which holds its end, lives no longer than we do."""
        if self.theirs >= 0 and _SET_SIGNAL is not None:
            with contextlib.suppress(OSError):
                fcntl.fcntl(self.theirs, _SET_SIGNAL, signal.SIGKILL)
                fcntl.fcntl(self.theirs, fcntl.F_SETOWN, -pid)
                flags = fcntl.fcntl(self.theirs, fcntl.F_GETFL)
                fcntl.fcntl(self.theirs, fcntl.F_SETFL, flags | os.O_ASYNC)
        self._close_theirs()

    def end(self) -> None:
        """The child is gone; what is left of its group, and holds the pipe, is ended."""
        self._close_theirs()
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def _close_theirs(self) -> None:
        if self.theirs >= 0:
            os.close(self.theirs)
            self.theirs = -1
