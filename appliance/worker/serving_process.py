"""What a worker and a stand-in have in common: the first words on the channel, connections, the server.

Owns how connections travel with what was read of them, and how a server is made of the supervisor's options. Knows
nothing of what is served. Runs in both.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

from ..protocol.channel import Channel, ChannelError, HandOverConnections, Hello, Message, TakeConnections, portions
from ..server.http.hosts import AllowedHosts
from ..server.http.limits import Limits
from ..server.io.gevent_safe_event import GeventSafeEvent
from ..server.pool.pool import PooledWSGIServer
from .standard_path import standard_library_alone

if TYPE_CHECKING:
    from ssl import SSLContext

    from .app import Application
    from .records import RecordSink

_PAUSE_S = 0.01
Connections = list[tuple[socket.socket, bytes]]
_EXIT, _END_GROUP, _GROUP, _SELF = os._exit, os.killpg, os.getpgrp, os.getpid  # before any of the project's code runs


def hello(channel: Channel) -> list[tuple[Message, list[int]]]:
    """Say that this process runs, and wait for the first message; whatever came with it follows."""
    try:
        channel.send(Hello(pid=os.getpid(), python=".".join(map(str, sys.version_info[:3]))))
        while True:
            received = list(channel.receive())
            if received:
                return received
    except ChannelError:
        os._exit(0)  # not wanted any more


def end_with_group() -> NoReturn:
    """The supervisor has gone: nobody else would ever end this process, or what it has started."""
    try:
        if _GROUP() == _SELF():
            _END_GROUP(_SELF(), signal.SIGKILL)
    finally:
        _EXIT(1)


def wait_for_end() -> NoReturn:
    """Nobody hears this process: the control thread reads the end of the channel, or the supervisor ends the process.

    Were the main thread to end it by itself, what the project has started would go on.
    """
    while True:
        GeventSafeEvent().wait()


def hand_over(channel: Channel, connections: Connections) -> None:
    """Send connections to the supervisor, with what was read of each, and close them here."""
    for portion in portions([read for _, read in connections]):
        part = connections[portion]
        channel.send(
            HandOverConnections(early=[read.decode("latin-1") for _, read in part]),
            [connection.fileno() for connection, _ in part],
        )
        for connection, _ in part:
            connection.close()


def taken(message: TakeConnections, descriptors: list[int]) -> Connections:
    """The connections that came with ``message``."""
    return [
        (socket.socket(fileno=descriptor), early.encode("latin-1"))
        for descriptor, early in zip(descriptors, message.early)  # noqa: B905  strict= is 3.10's, but says less than the frame's own count
    ]


def make_server(
    listener: socket.socket, application: Application, sink: RecordSink, options: dict[str, Any], **more: Any
) -> PooledWSGIServer:
    """The server that ``options`` (appliance.supervisor.options) describe."""
    return PooledWSGIServer(
        listener,
        application,
        sink=sink,
        limits=Limits(**options["limits"]),
        threads=options["threads"],
        allowed_hosts=AllowedHosts(options["allowed_hosts"]),
        trusted_proxies=options["trusted_proxies"],
        **more,
    )


def secured(options: dict[str, Any]) -> SSLContext | None:
    """The context for HTTPS, where it is asked for.

    To be called before the project's folder is on the path; a PYTHONPATH may hold it already, with an ``ssl.py``.
    """
    if options["tls"] is None:
        return None
    with standard_library_alone():
        from ..server.io.tls import context_of_texts  # noqa: PLC0415  10 ms, for the few who want HTTPS

        return context_of_texts(**options["tls"])


def wait_for_streams(server: PooledWSGIServer, within_s: float) -> None:
    """Threads whose streams were ended notice with the next piece that they send, and close their iterables.

    They are daemons: the interpreter's end would cut them before.
    """
    over, pause = time.monotonic() + within_s, GeventSafeEvent()
    while server.busy and time.monotonic() < over:
        pause.wait(_PAUSE_S)


def described(application: Application) -> str:
    """Its class or function, with its module."""
    kind = application if isinstance(application, type) or hasattr(application, "__qualname__") else type(application)
    return f"{kind.__module__}.{getattr(kind, '__qualname__', '?')}"
