"""Fork this process for each request on its channel. A copy first undoes everything that it must not share.

Runs in the preloader, and in the snapshot.
"""

from __future__ import annotations

import importlib
import os
from collections import deque
from typing import TYPE_CHECKING

from ...protocol.channel import Channel, ChannelError
from ...protocol.messages import Fork
from .forking import flush, forked, set_outputs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...protocol.record import Message
    from .random_seeds import RandomSeeds


def serve_forks(
    channel: Channel, randoms: RandomSeeds | None, received: Iterable[tuple[Message, list[int]]] = ()
) -> Channel:
    """Return in each copy, with its own channel. This process itself ends at the end of ``channel``.

    Args:
        channel: of this process.
        randoms: the generators that need a seed of their own in each copy.
        received: messages that were read already, with their descriptors: a request may come with the end of the first
            message, if that is larger than one read.
    """
    waiting = deque(received)
    try:
        while True:
            while waiting:
                message, descriptors = waiting.popleft()
                if isinstance(message, Fork) and (own := _fork(channel, descriptors, randoms)) is not None:
                    for number in (number for _, others in waiting for number in others):
                        os.close(number)
                    return own
            waiting.extend(channel.receive())
    except ChannelError:
        flush()
        os._exit(0)  # the supervisor has gone, or needs no more forks


def _fork(channel: Channel, descriptors: list[int], randoms: RandomSeeds | None) -> Channel | None:
    """Fork a process with these descriptors; return its channel there, and None here."""
    own, *outputs = descriptors
    with forked() as is_copy:
        if is_copy:
            _undo_sharing(channel, outputs, randoms)
    if is_copy:
        return Channel.of(own)
    for number in descriptors:
        os.close(number)
    return None


def _undo_sharing(channel: Channel, outputs: list[int], randoms: RandomSeeds | None) -> None:
    set_outputs(outputs)
    channel.close()
    if randoms is not None:
        randoms.seed()
    importlib.invalidate_caches()
