"""A copy of the preloader that waits at the last point where nothing unsafe had been found.

Owns the copy, and when it is made. Knows nothing of modules. Runs in a preloader whose list is not proven yet.

Theory of operation. What turns out to be unsafe spoils the process that has imported it: another one has to import
everything again, without it. Most of a list is safe, so most of that is done already: a copy made just before goes on
from there. Copies are made at the beginning and whenever the time spent has doubled: the next round repeats at most
half of this one, and the pauses for it (2 ms each) are few. Only the last one is kept.

The supervisor has given one channel for all of them, on which it sends the next request. The copy reads it when it is
woken, and says hello only then. A pipe to each copy tells it that another one has taken its place; should this process
crash, the pipe ends without a word, and the copy stays.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import socket
import time
from typing import TYPE_CHECKING, Final

from ...protocol.channel import Channel
from .forking import forked, speak_through

if TYPE_CHECKING:
    from ...protocol.channel import Message

FIRST_S: Final = 0.04  # until then everything is done again as fast


class Checkpoint:
    """The copies of one process, one after the other.

    Args:
        descriptors: for the copy: its channel, 1 and 2. None: no copy is made.
    """

    def __init__(self, descriptors: list[int]) -> None:
        self._descriptors = descriptors
        self._replaced = -1  # the pipe's end that tells the copy
        self._began = time.monotonic()
        self._due = self._began if descriptors else float("inf")

    @property
    def is_due(self) -> bool:
        """Whether it is time for a copy."""
        return time.monotonic() >= self._due

    def take(self) -> tuple[Channel, Message, list[int]] | None:
        """Make a copy in the place of the last one: None here; in the copy, once it is woken, what it is to do."""
        spent_s = time.monotonic() - self._began
        self._due = self._began + max(FIRST_S, 2 * spent_s)
        self._drop()
        try:
            read, self._replaced = os.pipe()
        except OSError:
            return None  # without a copy another preloader is started
        with forked() as is_copy:
            if is_copy:
                os.close(self._replaced)
                self._replaced = -1
        if is_copy:
            return self._wait(read)
        os.close(read)
        return None

    def end(self) -> None:
        """No copy is needed any more; the supervisor has closed its channel, or will."""
        self._drop()
        while self._descriptors:
            os.close(self._descriptors.pop())
        self._due = float("inf")

    def _drop(self) -> None:
        if self._replaced >= 0:
            with contextlib.suppress(OSError):  # it has gone
                os.write(self._replaced, b"\0")
            os.close(self._replaced)
            self._replaced = -1

    def _wait(self, replaced: int) -> tuple[Channel, Message, list[int]]:
        from ..serving_process import hello  # noqa: PLC0415  this runs below it

        own, *outputs = self._descriptors
        if not _is_woken(own, replaced):
            os._exit(0)
        os.close(replaced)
        self._descriptors, self._due = [], float("inf")
        speak_through(outputs)
        importlib.invalidate_caches()
        channel = Channel(socket.socket(fileno=own))
        message, descriptors = hello(channel)[0]
        return channel, message, descriptors


def _is_woken(own: int, replaced: int) -> bool:
    """Wait; whether there is a request, or the end of the channel. False where another copy has come."""
    poll = select.poll()
    poll.register(own, select.POLLIN)
    poll.register(replaced, select.POLLIN)
    while True:
        ready = [number for number, _ in poll.poll()]
        if replaced in ready:
            if os.read(replaced, 1):
                return False
            poll.unregister(replaced)  # the process that made this copy has ended
        elif own in ready:
            return True
