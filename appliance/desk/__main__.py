"""``python -I -m appliance.desk DESCRIPTOR``: record what the supervisor logs."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import socket
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from appliance.desk.recorder import Recorder
from appliance.protocol.channel import Channel, ChannelError
from appliance.protocol.greeting import greet
from appliance.protocol.messages import RecordLines, Records

_NICE = 10  # the project goes before what looks at it


def main(descriptor: int) -> None:
    """Greet the supervisor, receive the pipe, and record until its end: the supervisor closes it last."""
    faulthandler.enable()
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    channel = Channel(socket.socket(fileno=descriptor))
    try:
        received = greet(channel)
    except ChannelError:
        return  # the supervisor has gone
    message, descriptors = received[0]
    if not isinstance(message, RecordLines):
        raise TypeError(f"expected {RecordLines.kind}, got {message.kind}")
    details = socket.socket(fileno=descriptors[1]) if len(descriptors) > 1 else None
    Recorder(Path(message.path), message.run, partial(_report, channel), message.redact).run(descriptors[0], details)


def _report(channel: Channel, level: str, event: str, fields: dict[str, Any]) -> None:
    with contextlib.suppress(ChannelError):
        channel.send(Records(batch=[["event", time.time(), level, event, fields]]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
