"""Fork this process for each request on its channel. A copy first undoes everything that it must not share.

Runs in the preloader, and in the snapshot.
"""

from __future__ import annotations

import importlib
import os
import socket
from typing import TYPE_CHECKING

from ...protocol.channel import Channel, ChannelError
from ...protocol.messages import Fork
from .forking import flush, forked, set_outputs

if TYPE_CHECKING:
    from .random_seeds import RandomSeeds


def serve_forks(channel: Channel, randoms: RandomSeeds | None) -> Channel:
    """Return in each copy, with its own channel. This process itself ends at the end of ``channel``.

    ``randoms``: the generators that need a seed of their own in each copy.
    """
    try:
        while True:
            for message, descriptors in channel.receive():
                if isinstance(message, Fork) and (own := _fork(channel, descriptors, randoms)) is not None:
                    return own
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
        return Channel(socket.socket(fileno=own))
    for number in descriptors:
        os.close(number)
    return None


def _undo_sharing(channel: Channel, outputs: list[int], randoms: RandomSeeds | None) -> None:
    set_outputs(outputs)
    channel.close()
    if randoms is not None:
        randoms.seed()
    importlib.invalidate_caches()
