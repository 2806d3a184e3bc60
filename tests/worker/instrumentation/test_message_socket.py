"""Messages to another process of the appliance: those that find no room are kept, and nobody waits."""

from __future__ import annotations

import socket

from appliance.worker.instrumentation.message_socket import MessageSocket


def test_a_default_timeout_of_the_project_loses_no_message() -> None:
    """A message that finds no room is kept, although the project has set a default timeout for sockets."""
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    socket.setdefaulttimeout(0.01)
    try:
        sender = MessageSocket(theirs.detach())
    finally:
        socket.setdefaulttimeout(None)
    messages = [b"%d" % number + bytes(50_000) for number in range(20)]
    for message in messages:
        sender.send(message)
    received: list[bytes] = []
    while len(received) < len(messages):
        received.append(ours.recv(100_000, socket.MSG_DONTWAIT))
        sender.flush()
    assert received == messages
    sender.close()
    ours.close()
