"""``python -I -m appliance.telemetry DESCRIPTOR``: export what the supervisor logs."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import socket
import sys
import threading
import time
from functools import partial
from typing import Any

from appliance.conventions import WATCHERS_NICE
from appliance.protocol.channel import Channel, ChannelError
from appliance.protocol.greeting import first_message
from appliance.protocol.messages import Records
from appliance.protocol.start.first_messages import ExportLines
from appliance.protocol.start.needed_thread import NO_THREAD


def main(descriptor: int) -> None:
    """Greet the supervisor, receive the pipe, and export until its end: the supervisor closes it last."""
    faulthandler.enable()
    with contextlib.suppress(OSError):
        os.nice(WATCHERS_NICE)
    # The SDK logs each failure of its own; we report them as events.
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
    logging.getLogger("opentelemetry").propagate = False
    channel = Channel.of(descriptor)
    first = first_message(channel, ExportLines)
    if first is None:
        return  # the supervisor has gone
    message, descriptors, _ = first
    from appliance.telemetry.exporter import Exporter  # noqa: PLC0415  half a second: the supervisor is greeted before

    spans = socket.socket(fileno=descriptors[1]) if len(descriptors) > 1 else None
    try:
        exporter = Exporter(message, partial(_report, channel, threading.Lock()))
    except RuntimeError as error:
        if "thread" not in str(error):
            raise
        os._exit(NO_THREAD)  # each signal is sent by a thread of its own
    exporter.run(descriptors[0], spans)
    os._exit(0)  # a thread may still wait for a collector that does not answer


def _report(channel: Channel, lock: threading.Lock, level: str, event: str, fields: dict[str, Any]) -> None:
    with lock, contextlib.suppress(ChannelError):
        channel.send(Records(batch=[["event", time.time(), level, event, fields]]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
