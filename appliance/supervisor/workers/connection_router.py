"""Route connections to the worker or to the stand-in: to the one that accepts. Keep them while neither does.

Knows nothing of why there is no worker. Runs in the supervisor's loop.

Theory of operation. While nothing serves, new connections wait in the listening socket's queue. Shortly before a client
would notice the wait, the stand-in starts and accepts: it holds each connection for the rest of its second, then
answers with the page. When a worker serves, the stand-in stops accepting and hands over the connections that it holds;
so does a worker that drains. Connections that arrive here go to the process that accepts, or are kept until one does.
A worker passes on connections on which a page of the appliance is asked for: those go to the stand-in at any time.
If not even the stand-in can be started, the supervisor itself gives a plain answer (``last_answer``) until it can.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from appliance.errors import StartError
from appliance.protocol.channel import message_parts
from appliance.protocol.messages import PublishAssets, SetStandInPage, StopAccepting, TakeConnections

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.logs.setup import Log
    from appliance.protocol.message_base import Message
    from appliance.protocol.messages import HandOverConnections
    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.reporting.last_answer import LastAnswer

WAIT_S = 1.0  # how long a client waits for a worker before it gets the page
START_S = 0.6  # after the wait began the stand-in is started: it accepts before WAIT_S is over
RESTART_S = 1.0  # before a stand-in that ended, or could not be started, is started again
RETRY_S = 0.2  # before connections are sent again, where no descriptor was free
TRIES = 25  # to send connections on; then their clients are better off with new ones

NO_PAGES = {"status": 503, "title": "The pages of the appliance can't be shown now", "lead": "The log says why."}

Page = dict[str, Any]
Connection = tuple[int, str, str]  # a descriptor, what was read of it, and its client's address or ""


class ConnectionRouter:
    """The stand-in, its page, and the connections that no process has."""

    def __init__(
        self, loop: Loop, children: Children, start: Callable[[], Handle], last_answer: LastAnswer, log: Log
    ) -> None:
        self._loop = loop
        self._children = children
        self._start = start
        self._last_answer = last_answer
        self._log = log
        self._failure_reported = False  # that no stand-in can be started
        self._standin: Handle | None = None
        self._acceptor: Handle | None = None
        self._page: Page | None = None  # None while a worker serves
        self._wait_s = WAIT_S
        self._since = time.monotonic()  # no worker serves
        self._serving = 0  # the generation that serves, or did last
        self._ended_at = float("-inf")  # when a stand-in ended
        self._closed = False
        self._version = 0
        self._timer: Timer | None = None
        self._waiting: list[Connection] = []
        self._failed_sends = 0  # in a row
        self._retry: Timer | None = None

    @property
    def acceptor(self) -> Handle | None:
        """The process that accepts connections now."""
        return self._acceptor

    @property
    def page(self) -> Page | None:
        """The page of the stand-in; None while a worker serves."""
        return self._page

    def progress(self, page: Page) -> None:
        """Answer with this page of what is under way, once a client has waited for a second."""
        self._set_page(page, WAIT_S)
        if self._standin is None and self._timer is None:
            due = self._since + START_S - time.monotonic()
            self._timer = self._loop.call_later(max(0.0, due), self._ensure)

    def broken(self, page: Page) -> None:
        """Answer with this page at once: nothing will serve until something changes."""
        self._set_page(page, 0.0)
        self._ensure()

    def serve(self, worker: Handle) -> None:
        """Route connections to this worker, which accepts."""
        self._page = None
        self._cancel()
        self._last_answer.stop()
        self._serving = worker.generation
        if self._standin is not None:
            self._children.send(self._standin, StopAccepting(generation=worker.generation))
        self._acceptor = worker
        self._send_waiting()

    def handed_over(self, message: HandOverConnections, descriptors: list[int]) -> None:
        """Take connections that a server gave up, with what it had read of each."""
        peers = message.peers or [""] * len(descriptors)
        connections = list(zip(descriptors, message.early, peers, strict=True))
        if message.own_pages:
            self._to_standin(connections)
            return
        self._waiting += connections
        self._answer_waiting()
        self._send_waiting()

    def _to_standin(self, connections: list[Connection]) -> None:
        """Give the stand-in connections on which a page of the appliance was asked for; start it if it does not run."""
        try:
            if self._standin is None and not self._closed and time.monotonic() - self._ended_at > RESTART_S:
                self._standin = self._start()
                self._children.send(self._standin, self._state(self._page))
            sent = self._standin is not None and self._send(self._standin, connections)
        except (StartError, OSError) as error:
            sent = False
            self._log.event("warning", "pages.failed", reason=str(error))
        if sent:
            _close(connections)
        else:
            self._last_answer.take(connections, NO_PAGES)

    def _send(self, child: Handle, connections: Sequence[Connection]) -> bool:
        early, peers = [each[1] for each in connections], [each[2] for each in connections]
        message = TakeConnections(early=early, peers=peers if any(peers) else [])
        return self._children.send(child, message, [each[0] for each in connections])

    def assets_saved(self, paths: list[str]) -> None:
        """Tell the open pages that files which browsers load were saved."""
        if self._standin is not None:
            self._children.send(self._standin, PublishAssets(paths=paths))

    def _state(self, page: Page | None) -> Message:
        """Return what the stand-in has to do: show this page, or none."""
        if page is None:
            return StopAccepting(generation=self._serving)
        return SetStandInPage(page=page, wait_s=self._wait_s, since=self._since)

    def ended(self, child: Handle) -> None:
        """A process has ended; a stand-in whose page is still to be shown is started again."""
        if child is self._acceptor:
            self._acceptor = None
        if child is self._standin:
            self._standin, self._ended_at = None, time.monotonic()
            if self._page is not None and not child.ending:
                self._answer_here(self._page)

    def close(self) -> None:
        """Route nothing any more: the appliance stops, and waits for no process that was started after this."""
        self._closed = True
        self._cancel()
        self._last_answer.stop()
        self._page = None
        self._acceptor = None
        self._close_waiting()

    def _close_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        _close(waiting)

    def _set_page(self, page: Page, wait_s: float) -> None:
        if self._page is None:
            self._since = time.monotonic()
            self._acceptor = None
        self._version += 1
        self._page = {**page, "version": self._version}
        self._wait_s = wait_s
        if self._standin is not None:
            self._send_page(self._standin, self._page)
        elif self._last_answer.active:
            self._last_answer.start(self._page)

    def _ensure(self) -> None:
        self._cancel()
        if self._page is None:
            return
        if self._standin is not None:
            if self._acceptor is not self._standin:  # it could not be sent its page
                self._send_page(self._standin, self._page)
            return
        try:
            self._standin = self._start()
        except Exception as error:
            self._answer_here(self._page)
            if not isinstance(error, StartError):
                raise
            if not self._failure_reported:
                self._failure_reported = True
                self._log.event("error", error.event, **error.fields())
            return
        self._failure_reported = False
        self._send_page(self._standin, self._page)

    def _answer_here(self, page: Page) -> None:
        """Answer in the supervisor, also what waits already, until a stand-in can; try that again soon."""
        self._last_answer.start(page)
        self._answer_waiting()
        self._cancel()
        self._timer = self._loop.call_later(RESTART_S, self._ensure)

    def _answer_waiting(self) -> None:
        if self._last_answer.active:
            waiting, self._waiting = self._waiting, []
            self._last_answer.take(waiting)

    def _send_page(self, standin: Handle, page: Page) -> None:
        try:
            self._children.send(standin, self._state(page))
        except Exception:  # a defect: it is reported, and must leave no client without an answer
            self._answer_here(page)
            raise
        self._last_answer.stop()
        self._acceptor = standin
        self._send_waiting()

    def _send_waiting(self) -> None:
        while self._waiting and self._acceptor is not None:
            part = self._waiting[next(message_parts([early for _, early, _ in self._waiting]))]
            try:
                sent = self._send(self._acceptor, part)
            except OSError as error:  # no descriptor is free for a duplicate: later
                self._retry_later(error)
                return
            self._failed_sends = 0
            if not sent:
                self._acceptor = None
                return
            del self._waiting[: len(part)]
            _close(part)

    def _retry_later(self, error: OSError) -> None:
        if self._retry is not None:
            return  # more connections have arrived: they make it no earlier, and count as no failure of their own
        self._failed_sends += 1
        if self._failed_sends % TRIES:
            self._retry = self._loop.call_later(RETRY_S, self._send_again)
            return
        self._close_waiting()
        if self._loop.on_error is not None:
            self._loop.on_error(error)

    def _send_again(self) -> None:
        self._retry = None
        self._send_waiting()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _close(connections: Sequence[Connection]) -> None:
    for descriptor, _, _ in connections:
        os.close(descriptor)
