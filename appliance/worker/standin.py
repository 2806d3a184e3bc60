"""The built-in application that answers while no worker of the project can.

Owns the page and the wait: a connection is held for a moment in the hope of a worker, then answered with the
supervisor's words. Loads nothing of the project. Runs in the appliance's own interpreter, as a child of the
supervisor, started when there is something to say, kept at rest (not accepting) while a worker serves.
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
_FIRST_SWEEP_S = 0.003  # what is accepted so soon had queued; who queued and is missed waits for a second more
_HEARING_S = 0.02  # for the control thread to hear what has come
_LONGEST_WAIT_S = 20.0  # below the idle time-outs that proxies have


class Page:
    """What is said now; requests read it, the control thread changes it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._words: dict[str, Any] = {"status": 503, "title": "Starting", "lead": "", "version": 0}

    def change(self, words: dict[str, Any]) -> None:
        """Say this from now on, and wake who waits for news."""
        with self._changed:
            self._words = words
            self._changed.notify_all()

    def stop(self) -> None:
        """There is a worker: wake who waits for news."""
        self.change({**self._words, "version": -1})

    def application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI application: the page, as HTML, JSON or text; and the long request that ends when it changes."""
        if environ["PATH_INFO"] == WAIT_PATH:
            news = self._wait(parse_qs(environ.get("QUERY_STRING", "")).get("version", [""])[0])
            start_response(
                "204 No Content", [("Cache-Control", "no-store"), ("X-Appliance-Wait", "news" if news else "same")]
            )
            return []
        words = self._words
        if environ["REQUEST_METHOD"] != "GET":
            words = {**words, "refresh": False}  # reloading would send the form again
        kind, body = error_page.render(words, environ.get("HTTP_ACCEPT", ""))
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
        if words["status"] == 503:
            headers.append(("Retry-After", "1"))
        start_response("503 Service Unavailable" if words["status"] == 503 else "500 Internal Server Error", headers)
        return [body]

    def _wait(self, version: str) -> bool:
        """Until something else is said than this version, within bounds; whether there is."""
        with self._changed:
            return self._changed.wait_for(lambda: str(self._words["version"]) != version, _LONGEST_WAIT_S)


class QuietSink(RecordSink):
    """A page that waits for news is no request of the user's."""

    def exchange(self, exchange: Exchange) -> None:
        """One request and its response have ended."""
        if exchange.head is None or exchange.head.path != WAIT_PATH:
            super().exchange(exchange)


class HoldRule:
    """When a connection is answered: those that queued before the stand-in was up count from when the waiting began.

    No connection is answered while a message of the supervisor's waits, or is read and not obeyed yet: a client that
    has read in the log that a worker serves, and asks, must not get the old page.
    """

    def __init__(self, words: SetStandInPage, channel: Channel, obeying: threading.Event) -> None:
        self._news = select.poll()  # the server asks under its lock: never twice at a time
        self._news.register(channel.fileno(), select.POLLIN)
        self._obeying = obeying
        self._wait_s = words.wait_s
        self._since = words.since
        self._opened = time.monotonic()

    def answer_at(self, accepted_at: float) -> float:
        """CLOCK_MONOTONIC seconds at which a connection accepted then is answered."""
        if self._obeying.is_set() or self._news.poll(0):
            return time.monotonic() + _HEARING_S
        queued = accepted_at - self._opened < _FIRST_SWEEP_S
        return (self._since if queued else accepted_at) + self._wait_s


def serve(channel: Channel, listener: socket.socket, start: Start, received: list[tuple[Message, list[int]]]) -> None:
    """Answer when told to, rest when told to, end when told to."""
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
        self._options = {**start.options, "threads": 32}  # pages that wait for news hold a thread each
        self._sink = QuietSink(channel)
        self._tls = secured(start.options)
        self._page = Page()
        self._shifts: queue.SimpleQueue[PooledWSGIServer | None] = queue.SimpleQueue()
        self._server: PooledWSGIServer | None = None  # the one that answers; read and written under the lock
        self._lock = threading.Lock()
        self._obeying = threading.Event()  # from before a message is read until it is obeyed

    def run(self) -> None:
        """One server a shift: from words to rest."""
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
        """Do what one message says."""
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
