"""``python -I -m appliance.standin DESCRIPTOR``: start a stand-in on this end of the supervisor's channel."""

from __future__ import annotations

import faulthandler
import socket
import sys

from appliance.protocol.channel import Channel
from appliance.protocol.start.first_messages import Start
from appliance.worker.serving_process import hello

from .standin_process import StandIn


def main(descriptor: int) -> None:
    """Greet the supervisor, receive the listening socket, and serve until the supervisor ends this process."""
    channel = Channel.of(descriptor)
    faulthandler.enable()  # after a crash in C, print the stacks to descriptor 2
    received = hello(channel)
    start, descriptors = received[0]
    if not isinstance(start, Start):
        raise TypeError(f"expected a start, got {start.kind}")
    StandIn(channel, socket.socket(fileno=descriptors[0]), start).run(received[1:])


if __name__ == "__main__":
    main(int(sys.argv[1]))
