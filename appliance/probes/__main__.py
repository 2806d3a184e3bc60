"""``python -I -m appliance.probes DESCRIPTOR``: answer probes, until the supervisor ends this process."""

from __future__ import annotations

import contextlib
import faulthandler
import socket
import sys
import time

from appliance.probes.liveness import Liveness
from appliance.probes.probe_answers import ProbeAnswers
from appliance.probes.probe_server import ProbeServer
from appliance.protocol.channel import Channel
from appliance.protocol.greeting import first_message
from appliance.protocol.probe_state import StateReader
from appliance.protocol.start.first_messages import ServeProbes


def main(descriptor: int) -> None:
    """Greet the supervisor, receive the socket and the memory, and answer."""
    faulthandler.enable()
    channel = Channel.of(descriptor)
    first = first_message(channel, ServeProbes)
    if first is None:
        return  # the supervisor has gone
    _, descriptors, _ = first
    state = StateReader(descriptors[1])
    liveness = Liveness(time.monotonic())
    answers = ProbeAnswers(state.state, lambda: liveness.stalled_s, state.count_question)
    server = ProbeServer(
        socket.socket(fileno=descriptors[0]), channel.fileno(), answers,
        tick=lambda: liveness.look(state.beats(), time.monotonic()),
    )  # fmt: skip
    with contextlib.closing(server):
        server.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
