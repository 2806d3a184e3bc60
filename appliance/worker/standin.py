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
from urllib.parse import parse_qs

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
from .serving_process import Connections, hand_over, make_server, secured, taken

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

    from ..server.pool.pool import PooledWSGIServer

if TYPE_CHECKING:
    from ..server.wsgi.exchange import Exchange

WAIT_PATH = "/__appliance__/wait"
_FIRST_SWEEP_S = 0.003  # connections accepted so early had queued; one that queued but came later waits one second more
_HEARING_S = 0.02  # for the control thread to read a message
_LONGEST_WAIT_S = 20.0  # below the idle time-outs of proxies


class Page:
    """The page that is shown now; requests read it, the control thread changes it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._words: dict[str, Any] = {"status": 503, "title": "Starting", "lead": "", "version": 0}

    def change(self, words: dict[str, Any]) -> None:
        """Show this page from now on, and wake the requests that wait for news."""
        with self._changed:
            self._words = words
            self._changed.notify_all()

    def stop(self) -> None:
        """Wake the requests that wait for news: a worker serves now."""
        self.change({**self._words, "version": -1})

    def application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI application: the page (HTML, JSON or text), and the long request that ends when the page changes."""
        if environ["PATH_INFO"] == WAIT_PATH:
            news = self._wait(parse_qs(environ.get("QUERY_STRING", "")).get("version", [""])[0])
            start_response(
                "204 No Content", [("Cache-Control", "no-store"), ("X-Appliance-Wait", "news" if news else "same")]
            )
            return []
        words = self._words
        if environ["REQUEST_METHOD"] != "GET":
            words = {**words, "refresh": False}  # a reload would send the form again
        kind, body = error_page.render(words, environ.get("HTTP_ACCEPT", ""))
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
        if words["status"] == 503:
            headers.append(("Retry-After", "1"))
        start_response("503 Service Unavailable" if words["status"] == 503 else "500 Internal Server Error", headers)
        return [body]

    def _wait(self, version: str) -> bool:
        """Wait until the page has another version, within a limit; return whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: str(self._words["version"]) != version, _LONGEST_WAIT_S)


class QuietSink(RecordSink):
    """Leaves out the requests that wait for news: users did not send them."""

    def exchange(self, exchange: Exchange) -> None:
        """Log a request that has ended."""
        if exchange.head is None or exchange.head.path != WAIT_PATH:
            super().exchange(exchange)


class HoldRule:
    """Decides when a connection is answered; those that queued before the stand-in ran count from the wait's start.

    No connection is answered while a message of the supervisor is unread, or read but not handled yet: a client that
    has seen in the log that a worker serves must not get the old page.
    """

    def __init__(self, words: SetStandInPage, channel: Channel, obeying: threading.Event) -> None:
        self._news = select.poll()  # the server calls this under its lock: never twice at a time
        self._news.register(channel.fileno(), select.POLLIN)
        self._obeying = obeying
        self._wait_s = words.wait_s
        self._since = words.since
        self._opened = time.monotonic()

    def answer_at(self, accepted_at: float) -> float:
        """Return when to answer a connection that was accepted at this time; both in seconds of CLOCK_MONOTONIC."""
        if self._obeying.is_set() or self._news.poll(0):
            return time.monotonic() + _HEARING_S
        queued = accepted_at - self._opened < _FIRST_SWEEP_S
        return (self._since if queued else accepted_at) + self._wait_s


def serve(channel: Channel, listener: socket.socket, start: Start, received: list[tuple[Message, list[int]]]) -> None:
    """Serve as the supervisor's messages say, until they end this process."""
    standin = _StandIn(channel, listener, start)
    for message, descriptors in received:
        standin.obey(message, descriptors)
    threading.Thread(target=standin.control, name="appliance-control", daemon=True).start()
    channel.send(Ready(application="stand-in"))
    standin.run()


class _StandIn:
    def __init__(self, channel: Channel, listener: socket.socket, start: Start) -> None:
        self._channel = channel
        self._listener = listener
        self._options = {**start.options, "threads": 32}  # a page that waits for news holds a thread
        self._sink = QuietSink(channel)
        self._tls = secured(start.options)
        self._page = Page()
        self._shifts: queue.SimpleQueue[PooledWSGIServer | None] = queue.SimpleQueue()
        self._server: PooledWSGIServer | None = None  # the one that answers; read and written under the lock
        self._lock = threading.Lock()
        self._obeying = threading.Event()  # set while a message is read and handled

    def run(self) -> None:
        """Run one server after another: each from its first page until it stops accepting."""
        while (server := self._shifts.get()) is not None:
            server.serve_forever()
            self._sink.flush()

    def control(self) -> None:
        """Read the channel until it ends, and this process with it."""
        readable = select.poll()
        readable.register(self._channel.fileno(), select.POLLIN)
        try:
            while True:
                readable.poll()
                self._obeying.set()
                for message, descriptors in self._channel.receive():
                    self.obey(message, descriptors)
                self._obeying.clear()
        except ChannelError:
            os._exit(1)  # the supervisor has gone

    def obey(self, message: Message, descriptors: list[int]) -> None:
        """Handle one message."""
        with self._lock:
            if isinstance(message, SetStandInPage):
                self._speak(message)
            elif isinstance(message, TakeConnections):
                self._take(taken(message, descriptors))
            elif isinstance(message, (StopAccepting, Drain)):
                if self._server is not None:
                    self._server.drain(self._pass_on)
                    self._server = None
                self._page.stop()
                if isinstance(message, Drain):
                    self._shifts.put(None)

    def _speak(self, words: SetStandInPage) -> None:
        self._page.change(words.page)
        if self._server is None:
            self._server = make_server(
                self._listener,
                self._page.application,
                self._sink,
                self._options,
                hold=HoldRule(words, self._channel, self._obeying),
                tls=self._tls,
            )
            self._shifts.put(self._server)
        else:
            self._server.hold = HoldRule(words, self._channel, self._obeying)
            self._server.resume()

    def _take(self, connections: Connections) -> None:
        if self._server is None:
            self._pass_on(connections)
        else:
            self._server.take(connections)

    def _pass_on(self, connections: Connections) -> None:
        hand_over(self._channel, connections)
