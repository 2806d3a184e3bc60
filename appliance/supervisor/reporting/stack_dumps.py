"""The stacks of a worker's threads, asked for by a signal and read from its pipe.

Owns the pipes' read ends. Knows nothing of who wants to know. Runs in the supervisor's loop.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.handles import Handle

PATIENCE_S = 1.0  # for a process that is stopped, or waits in the kernel
SILENCE_S = 0.05  # the dump has no end of its own: so much after its last byte it is taken to be over
_READ = 65_536


class StackDumps:
    """Asks workers where they stand."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._pipes: dict[Handle, tuple[int, int]] = {}  # signal, read end

    def offered(self, child: Handle, signal: int, descriptors: list[int]) -> None:
        """This worker can be asked."""
        os.set_blocking(descriptors[0], False)
        self._pipes[child] = (signal, descriptors[0])

    def ended(self, child: Handle) -> None:
        """It can't any more."""
        if child in self._pipes:
            os.close(self._pipes.pop(child)[1])

    def ask(self, child: Handle, told: Callable[[str], None]) -> None:
        """``told`` is called with the stacks; with an empty text where there is no answer."""
        if child not in self._pipes:
            self._loop.post(partial(told, ""))
            return
        signal, pipe = self._pipes[child]
        while _read(pipe):  # what nobody has asked for
            continue
        try:
            os.kill(child.pid, signal)
        except (ProcessLookupError, PermissionError):
            self._loop.post(partial(told, ""))
            return
        parts: list[bytes] = []
        self._loop.call_later(SILENCE_S, partial(self._look, child, parts, told, int(PATIENCE_S / SILENCE_S)))

    def _look(self, child: Handle, parts: list[bytes], told: Callable[[str], None], looks: int) -> None:
        """The pipe is looked at, and not watched: a few looks suffice, and nothing has to be undone."""
        part = _read(self._pipes[child][1]) if child in self._pipes else b""
        if part:
            parts.append(part)
        if (parts and not part) or not looks or child not in self._pipes:
            told(b"".join(parts).decode("utf-8", "replace"))
        else:
            self._loop.call_later(SILENCE_S, partial(self._look, child, parts, told, looks - 1))


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, _READ)
    except BlockingIOError:
        return b""
