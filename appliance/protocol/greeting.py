"""How a child begins: it says who it is, and waits for the supervisor's first message. Both sides import it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .messages import Hello

if TYPE_CHECKING:
    from .channel import Channel
    from .message_base import Message


def greet(channel: Channel) -> list[tuple[Message, list[int]]]:
    """Announce this process; return the first message with its descriptors, and those that came with it.

    Raises:
        ChannelError: the supervisor has gone.
    """
    channel.send(Hello(pid=os.getpid(), python=".".join(map(str, sys.version_info[:3]))))
    while True:
        if received := list(channel.receive()):
            return received
