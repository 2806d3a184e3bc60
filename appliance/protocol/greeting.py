"""How a child begins: it says who it is, and waits for the supervisor's first message. Both sides import it."""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING, TypeVar

from .channel import ChannelError
from .messages import Hello
from .record import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from .channel import Channel

Kind = TypeVar("Kind", bound=Message)


def greet(channel: Channel, meanwhile: Callable[[], None] | None = None) -> list[tuple[Message, list[int]]]:
    """Announce this process; return the first message with its descriptors, and those that came with it.

    ``meanwhile``: is called if no message is there yet.

    Raises:
        ChannelError: the supervisor has gone.
    """
    channel.send(Hello(pid=os.getpid(), python=".".join(map(str, sys.version_info[:3]))))
    if meanwhile is not None and not select.select([channel.fileno()], [], [], 0)[0]:
        meanwhile()
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
