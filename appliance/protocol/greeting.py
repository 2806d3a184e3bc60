"""The greeting of a child: it says who it is, and waits for the supervisor's first message. Both sides import it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TypeVar

from .channel import ChannelError
from .messages import Hello
from .record import Message

if TYPE_CHECKING:
    from .channel import Channel

Kind = TypeVar("Kind", bound=Message)


def greet(channel: Channel) -> list[tuple[Message, list[int]]]:
    """Announce this process; return the first message with its descriptors, and those that came with it.

    Raises:
        ChannelError: the supervisor has gone.
    """
    channel.send(Hello(pid=os.getpid(), python=".".join(map(str, sys.version_info[:3]))))
    return next_messages(channel)


def next_messages(channel: Channel) -> list[tuple[Message, list[int]]]:
    """Wait for a message; return it with its descriptors, and those that came with it.

    Raises:
        ChannelError: the supervisor has gone.
    """
    while True:
        if received := list(channel.receive()):
            return received


def first_message(channel: Channel, kind: type[Kind]) -> tuple[Kind, list[int], list[tuple[Message, list[int]]]] | None:
    """Greet; return the first message, which is of this kind, its descriptors, and those that came with it.

    None if the supervisor has gone.

    Raises:
        TypeError: the first message is of another kind.
    """
    try:
        (message, descriptors), *others = greet(channel)
    except ChannelError:
        return None
    if not isinstance(message, kind):
        raise TypeError(f"expected {kind.kind}, got {message.kind}")
    return message, descriptors, others
