"""Answer requests with a page while no worker of the project can.

A connection is held for a short time, in case a worker becomes ready; then it gets the supervisor's page. This process
loads nothing of the project. It runs in the appliance's own interpreter, as a child of the supervisor, which starts it
when there is a page to show, and makes it stop accepting while a worker serves.
"""

from __future__ import annotations

import os
import queue
import select
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from ..protocol.channel import (
    Channel,
    ChannelError,
    Drain,
    Message,
    Ready,
    SetStandInPage,
    Start,
    StopAccepting,
    TakeConnections,
)
from ..server.pages import error_page
from .records import RecordSink
from .serving_process import Connections, hand_over, make_server, received_connections, tls_context

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

    from ..server.pool.pool import PooledWSGIServer

if TYPE_CHECKING:
    from ..server.wsgi.recording.exchange import Exchange

WAIT_PATH = "/__appliance__/wait"
_QUEUED_WITHIN_S = 0.003  # accepted so early, it had queued; if one comes later, it waits one second more
_READ_MESSAGE_S = 0.02  # for the control thread to read a message
_REFRESH_S = 2.0  # a page that has changed is requested again by then
_MAX_CLIENTS = 256  # open pages that are told apart
_MAX_WAIT_S = 20.0  # below the idle time-outs of proxies


class Page:
    """The page that is shown now; requests read it, the control thread changes it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._content: dict[str, Any] = {"status": 503, "title": "Starting", "lead": "", "version": 0}

    def show(self, content: dict[str, Any]) -> None:
        """Show this page from now on, and wake the requests that wait for a change."""
        with self._changed:
            self._content = content
            self._changed.notify_all()

    def stop(self) -> None:
        """Wake the requests that wait for a change: a worker serves now."""
        self.show({**self._content, "version": -1})

    def application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI application: the page (HTML, JSON or text), and the long request that ends when the page changes."""
        if environ["PATH_INFO"] == WAIT_PATH:
            news = self._wait(parse_qs(environ.get("QUERY_STRING", "")).get("version", [""])[0])
            start_response(
                "204 No Content", [("Cache-Control", "no-store"), ("X-Appliance-Wait", "news" if news else "same")]
            )
            return []
        content = self._content
        if environ["REQUEST_METHOD"] != "GET":
            content = {**content, "refresh": False}  # a reload would send the form again
        kind, body = error_page.render(content, environ.get("HTTP_ACCEPT", ""))
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
        if content["status"] == 503:
            headers.append(("Retry-After", "1"))
        start_response("503 Service Unavailable" if content["status"] == 503 else "500 Internal Server Error", headers)
        return [body]

    def _wait(self, version: str) -> bool:
        """Wait until the page has another version, within a limit; return whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: str(self._content["version"]) != version, _MAX_WAIT_S)


class QuietSink(RecordSink):
    """Leaves out what users did not ask for: the requests that wait for a change, and the page's own refresh after one.

    A page left open would otherwise fill the log while dependencies are being installed.
    """

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._waited: dict[tuple[str, str, str], float] = {}  # when a client's page was answered, by CLOCK_MONOTONIC

    def exchange(self, exchange: Exchange) -> None:
        """Log a request that has ended."""
        head = exchange.head
        if head is not None and head.path == WAIT_PATH:
            page = urlsplit(head.values.get("HTTP_REFERER", ""))
            self._waited[_client(exchange, page.path)] = time.monotonic()
            while len(self._waited) > _MAX_CLIENTS:
                self._waited.pop(next(iter(self._waited)))
        elif not self._is_refresh(exchange):
            super().exchange(exchange)

    def event(self, level: str, event: str, fields: dict[str, object]) -> None:
        """Add another event, unless it is about a request that waits for a change."""
        if fields.get("url.path") != WAIT_PATH:
            super().event(level, event, fields)

    def _is_refresh(self, exchange: Exchange) -> bool:
        head = exchange.head
        if head is None or head.method != "GET":
            return False
        waited = self._waited.pop(_client(exchange, head.path), None)
        return waited is not None and time.monotonic() - waited < _REFRESH_S


def _client(exchange: Exchange, path: str) -> tuple[str, str, str]:
    """Return what tells one open page from another."""
    agent = exchange.head.values.get("HTTP_USER_AGENT", "") if exchange.head is not None else ""
    return exchange.address, agent, path


class HoldRule:
    """Decides when a connection is answered; those that queued before the stand-in ran count from the wait's start.

    No connection is answered while a message of the supervisor is unread, or read but not handled yet: a client that
    has seen in the log that a worker serves must not get the old page.
    """

    def __init__(self, message: SetStandInPage, channel: Channel, handling: threading.Event) -> None:
        self._unread = select.poll()  # the server calls this under its lock: never twice at a time
        self._unread.register(channel.fileno(), select.POLLIN)
        self._handling = handling
        self._wait_s = message.wait_s
        self._since = message.since
        self._opened = time.monotonic()

    def answer_at(self, accepted_at: float) -> float:
        """Return when to answer a connection that was accepted at this time; both in seconds of CLOCK_MONOTONIC."""
        if self._handling.is_set() or self._unread.poll(0):
            return time.monotonic() + _READ_MESSAGE_S
        queued = accepted_at - self._opened < _QUEUED_WITHIN_S
        return (self._since if queued else accepted_at) + self._wait_s


def serve(channel: Channel, listener: socket.socket, start: Start, received: list[tuple[Message, list[int]]]) -> None:
    """Serve as the supervisor's messages say, until they end this process."""
    standin = _StandIn(channel, listener, start)
    for message, descriptors in received:
        standin.handle(message, descriptors)
    threading.Thread(target=standin.control, name="appliance-control", daemon=True).start()
    channel.send(Ready(application="stand-in"))
    standin.run()


class _StandIn:
    def __init__(self, channel: Channel, listener: socket.socket, start: Start) -> None:
        self._channel = channel
        self._listener = listener
        self._options = {**start.options, "threads": 32}  # a page that waits for a change holds a thread
        self._sink = QuietSink(channel)
        self._tls = tls_context(start.options)
        self._page = Page()
        self._servers: queue.SimpleQueue[PooledWSGIServer | None] = queue.SimpleQueue()
        self._server: PooledWSGIServer | None = None  # the one that answers; read and written under the lock
        self._lock = threading.Lock()
        self._handling = threading.Event()  # set while a message is read and handled

    def run(self) -> None:
        """Run one server after another: each from its first page until it stops accepting."""
        while (server := self._servers.get()) is not None:
            server.serve_forever()
            self._sink.flush()

    def control(self) -> None:
        """Read the channel until it ends, and this process with it."""
        readable = select.poll()
        readable.register(self._channel.fileno(), select.POLLIN)
        try:
            while True:
                readable.poll()
                self._handling.set()
                for message, descriptors in self._channel.receive():
                    self.handle(message, descriptors)
                self._handling.clear()
        except ChannelError:
            os._exit(1)  # the supervisor has gone

    def handle(self, message: Message, descriptors: list[int]) -> None:
        """Handle one message."""
        with self._lock:
            if isinstance(message, SetStandInPage):
                self._show(message)
            elif isinstance(message, TakeConnections):
                self._take(received_connections(message, descriptors))
            elif isinstance(message, (StopAccepting, Drain)):
                if self._server is not None:
                    self._server.drain(self._hand_over)
                    self._server = None
                self._page.stop()
                if isinstance(message, Drain):
                    self._servers.put(None)

    def _show(self, message: SetStandInPage) -> None:
        self._page.show(message.page)
        if self._server is None:
            self._server = make_server(
                self._listener,
                self._page.application,
                self._sink,
                self._options,
                hold=HoldRule(message, self._channel, self._handling),
                tls=self._tls,
            )
            self._servers.put(self._server)
        else:
            self._server.hold = HoldRule(message, self._channel, self._handling)
            self._server.resume()

    def _take(self, connections: Connections) -> None:
        if self._server is None:
            self._hand_over(connections)
        else:
            self._server.take(connections)

    def _hand_over(self, connections: Connections) -> None:
        hand_over(self._channel, connections)
