"""Keep a copy of the preloader that waits at the last point where nothing unsafe had been found.

Runs in a preloader whose list of modules is not proven safe yet.

Theory of operation. A module that turns out to be unsafe spoils the process that imported it: another process has to
import everything again, without that module. Most modules of a list are safe, so a copy that was made just before can
continue from there. Copies are made at the beginning, and whenever the time spent has doubled: so the next round
repeats at most half of this one, and the pauses for the copies (2 ms each) are few. Only the last copy is kept.

All copies share one channel of the supervisor, which sends the next request on it. A copy reads it only when it wakes
up, and says hello only then. The preloader holds a pipe to each copy. Through the pipe it tells a copy that another
copy has replaced it. If the preloader crashes, the pipe ends without a message, and the copy stays.

Decision 29 says why.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import time
from typing import TYPE_CHECKING, Final

from ...protocol.channel import Channel
from .forking import forked, set_outputs

if TYPE_CHECKING:
    from ...protocol.record import Message

FIRST_S: Final = 0.04  # repeating less than this costs as little as a copy


class PreloaderCopy:
    """The copies of one process, one after the other.

    Args:
        descriptors: for the copy: its channel, and 1 and 2. Empty: no copy is made.
    """

    def __init__(self, descriptors: list[int]) -> None:
        self._descriptors = descriptors
        self._replaced = -1  # the pipe that tells the copy that it is replaced
        self._began = time.monotonic()
        self._due = self._began if descriptors else float("inf")

    @property
    def is_due(self) -> bool:
        """Whether a copy is due."""
        return time.monotonic() >= self._due

    def make_copy(self) -> tuple[Channel, Message, list[int]] | None:
        """Make a copy, which replaces the last one. Return None here; in the copy, once it wakes up, its request."""
        spent_s = time.monotonic() - self._began
        self._due = self._began + max(FIRST_S, 2 * spent_s)
        self._drop()
        try:
            read, self._replaced = os.pipe()
        except OSError:
            return None  # without a copy, a new preloader is started
        with forked() as is_copy:
            if is_copy:
                os.close(self._replaced)
                self._replaced = -1
        if is_copy:
            return self._wait(read)
        os.close(read)
        return None

    def end(self) -> None:
        """End the copies: the supervisor has closed their channel, or will."""
        self._drop()
        while self._descriptors:
            os.close(self._descriptors.pop())
        self._due = float("inf")

    def _drop(self) -> None:
        if self._replaced >= 0:
            with contextlib.suppress(OSError):  # the copy has ended
                os.write(self._replaced, b"\0")
            os.close(self._replaced)
            self._replaced = -1

    def _wait(self, replaced: int) -> tuple[Channel, Message, list[int]]:
        from ..serving_process import hello  # noqa: PLC0415  serving_process imports more than a preloader needs before

        own, *outputs = self._descriptors
        if not _is_woken(own, replaced):
            os._exit(0)
        os.close(replaced)
        self._descriptors, self._due = [], float("inf")
        set_outputs(outputs)
        importlib.invalidate_caches()
        channel = Channel.of(own)
        message, descriptors = hello(channel)[0]
        return channel, message, descriptors


def _is_woken(own: int, replaced: int) -> bool:
    """Wait for a request, or the end of the channel; return False if another copy replaces this one."""
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
