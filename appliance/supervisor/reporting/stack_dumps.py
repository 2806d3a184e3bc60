"""Get the stacks of a worker's threads: send it a signal, and read the answer from its pipe.

This module holds the pipes' read ends. Runs in the supervisor's loop.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.handles import Handle

TIMEOUT_S = 1.0  # a process that is stopped, or waits in the kernel, does not answer in this time
POLL_S = 0.05  # the dump has no end mark: it is complete when nothing has come for this long
_READ = 65_536


class StackDumps:
    """Asks workers for their stacks."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._pipes: dict[Handle, tuple[int, int]] = {}  # the signal that asks for stacks, and the read end

    def add(self, child: Handle, signal: int, descriptors: list[int]) -> None:
        """Add a worker that can be asked."""
        os.set_blocking(descriptors[0], False)
        self._pipes[child] = (signal, descriptors[0])

    def ended(self, child: Handle) -> None:
        """Forget a worker that has ended."""
        if child in self._pipes:
            os.close(self._pipes.pop(child)[1])

    def ask(self, child: Handle, callback: Callable[[str], None]) -> None:
        """Call ``callback`` with the stacks; with an empty text if there is no answer."""
        if child not in self._pipes:
            self._loop.post(partial(callback, ""))
            return
        signal, pipe = self._pipes[child]
        while _read(pipe):  # the rest of an earlier dump
            continue
        try:
            os.kill(child.pid, signal)
        except (ProcessLookupError, PermissionError):
            self._loop.post(partial(callback, ""))
            return
        parts: list[bytes] = []
        self._loop.call_later(POLL_S, partial(self._poll, child, parts, callback, int(TIMEOUT_S / POLL_S)))

    def _poll(self, child: Handle, parts: list[bytes], callback: Callable[[str], None], tries: int) -> None:
        """Read the pipe without watching it: a few reads are enough, and nothing must be undone afterwards."""
        part = _read(self._pipes[child][1]) if child in self._pipes else b""
        if part:
            parts.append(part)
        if (parts and not part) or not tries or child not in self._pipes:
            callback(b"".join(parts).decode("utf-8", "replace"))
        else:
            self._loop.call_later(POLL_S, partial(self._poll, child, parts, callback, tries - 1))


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, _READ)
    except BlockingIOError:
        return b""
