"""The parts that workers and stand-ins share: the greeting on the channel, connections, the server.

Connections travel between processes together with the bytes that were already read from them. Builds a server from the
supervisor's options.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING, NoReturn

from ..protocol.channel import Channel, ChannelError, message_parts
from ..protocol.greeting import greet, next_messages
from ..protocol.messages import HandOverConnections, TakeConnections
from ..server.http.limits import Limits
from ..server.http.served_hosts.hosts import AllowedHosts
from ..server.http.served_hosts.workspace_hosts import WorkspaceHosts
from ..server.http.trusted_proxies import TrustedProxies
from ..server.io.gevent_safe_event import GeventSafeEvent
from ..server.pool.pool import PooledWSGIServer
from ..server.wsgi.server_context import RequestRules
from .preload.fork_guard import own_number
from .standard_path import standard_library_alone

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ssl import SSLContext

    from ..protocol.record import Message
    from ..protocol.start.start_options import StartOptions
    from ..server.wsgi.server_context import Handoff
    from .app import Application
    from .records import RecordSink

_PAUSE_S = 0.01
Connections = list[tuple[socket.socket, bytes]]
# Looked up before any code of the project runs: the control thread makes sockets, and gevent's have an event loop.
_SOCKET = socket.socket
_EXIT, _END_GROUP, _GROUP = os._exit, os.killpg, os.getpgrp  # a project may replace them


def hello(channel: Channel) -> list[tuple[Message, list[int]]]:
    """Announce this process, and wait for the first message; return it and those that came with it."""
    try:
        return greet(channel)
    except ChannelError:
        os._exit(0)  # no longer needed


def following_messages(channel: Channel, received: list[tuple[Message, list[int]]]) -> list[tuple[Message, list[int]]]:
    """Return the messages that follow the first of these; wait for one if there is none."""
    try:
        return received[1:] or next_messages(channel)
    except ChannelError:
        os._exit(0)  # no longer needed


def end_with_group() -> NoReturn:
    """End this process and its children: the supervisor has gone, and nobody else would ever end them."""
    try:
        if _GROUP() == own_number():
            _END_GROUP(own_number(), signal.SIGKILL)
    finally:
        _EXIT(1)


def wait_for_end() -> NoReturn:
    """Wait to be ended: by the control thread at the end of the channel, or by the supervisor.

    If the main thread ended by itself, the project's child processes would keep running.
    """
    while True:
        GeventSafeEvent().wait()


def hand_over(
    channel: Channel, connections: Connections, peers: Sequence[str] = (), *, own_pages: bool = False
) -> None:
    """Send connections to the supervisor, with the bytes read from them, and close them here.

    ``peers`` and ``own_pages``: as in HandOverConnections.
    """
    for portion in message_parts([read for _, read in connections]):
        part = connections[portion]
        early = [read.decode("latin-1") for _, read in part]
        channel.send(
            HandOverConnections(early=early, peers=list(peers[portion]), own_pages=own_pages),
            [connection.fileno() for connection, _ in part],
        )
        for connection, _ in part:
            connection.close()


def received_connections(message: TakeConnections, descriptors: list[int]) -> Connections:
    """Return the connections that came with ``message``."""
    return [
        (_SOCKET(fileno=descriptor), early.encode("latin-1"))
        for descriptor, early in zip(descriptors, message.early)  # noqa: B905  strict= exists since 3.10, but the frame's own count says more
    ]


def make_server(
    listener: socket.socket,
    application: Application,
    sink: RecordSink,
    options: StartOptions,
    *,
    tls: SSLContext | None,
    handoff: Handoff | None,
    accepting: bool = True,
) -> PooledWSGIServer:
    """Build the server that ``options`` describe.

    ``handoff``: the requests that another server answers.
    """
    workspace_hosts = WorkspaceHosts(options["workspace_hosts"])
    return PooledWSGIServer(
        listener,
        application,
        sink=sink,
        limits=Limits(**options["limits"]),
        threads=options["threads"],
        rules=RequestRules(
            AllowedHosts(options["allowed_hosts"], workspace_hosts),
            TrustedProxies(tuple(options["trusted_proxies"]), workspace_hosts),
            handoff,
        ),
        tls=tls,
        accepting=accepting,
    )


def tls_context(options: StartOptions) -> SSLContext | None:
    """Return the TLS context, if HTTPS is configured.

    Call it before the project's folder is on the path. (A PYTHONPATH may have put that there already, with an
    ``ssl.py``.)
    """
    if options["tls"] is None:
        return None
    with standard_library_alone():
        from ..server.io.tls import context_of_texts  # noqa: PLC0415  10 ms, for the few who use HTTPS

        return context_of_texts(**options["tls"])


def wait_for_streams(server: PooledWSGIServer, within_s: float) -> None:
    """Wait until the threads of aborted streams have noticed, with their next piece, and closed their iterables."""
    over, pause = time.monotonic() + within_s, GeventSafeEvent()
    while server.busy and time.monotonic() < over:
        pause.wait(_PAUSE_S)


def qualified_name(application: Application) -> str:
    """Return the name of an application's class or function, with its module."""
    kind = application if isinstance(application, type) or hasattr(application, "__qualname__") else type(application)
    return f"{kind.__module__}.{getattr(kind, '__qualname__', '?')}"
