"""Who answers: the worker, or the stand-in, and what becomes of connections that neither has.

Owns the stand-in and the connections that are between two servers. Knows nothing of why there is no worker. Runs in
the supervisor's loop.

Theory of operation. While nothing serves, new connections wait in the listening socket's queue. When the wait is
about to be noticed, the stand-in starts and accepts: it holds each connection for the rest of its second, then
answers with the page. When a worker serves, the stand-in rests and hands over what it holds; so does a worker that
drains. What arrives here goes to whoever accepts, or is kept until somebody does. Where not even the stand-in can be
started, the supervisor itself gives a plain answer (``last_answer``), until it can.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from appliance.errors import StartError
from appliance.protocol.channel import SetStandInPage, StopAccepting, TakeConnections, portions

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.logs.setup import Log
    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.reporting.last_answer import LastAnswer

WAIT_S = 1.0  # how long a client waits for a worker before it gets the page
START_S = 0.6  # the stand-in is started so much before that it is up in time
RESTART_S = 1.0
AGAIN_S = 0.2
TRIES = 25  # to pass a connection on; then its client is better off with a new one

Page = dict[str, Any]


class ConnectionRouter:
    """The stand-in's words, and the connections."""

    def __init__(
        self, loop: Loop, children: Children, start: Callable[[], Handle], last_answer: LastAnswer, log: Log
    ) -> None:
        self._loop = loop
        self._children = children
        self._start = start
        self._last_answer = last_answer
        self._log = log
        self._told = False  # that no stand-in can be started
        self._standin: Handle | None = None
        self._acceptor: Handle | None = None
        self._words: Page | None = None
        self._wait_s = WAIT_S
        self._since = time.monotonic()
        self._version = 0
        self._timer: Timer | None = None
        self._kept: list[tuple[int, str]] = []
        self._misses = 0  # of passing them on, in a row

    @property
    def acceptor(self) -> Handle | None:
        """Who accepts connections now."""
        return self._acceptor

    @property
    def page(self) -> Page | None:
        """What is said now; None while a worker serves."""
        return self._words

    def progress(self, page: Page) -> None:
        """Something is under way: who has waited for a second is told so."""
        self._say(page, WAIT_S)
        if self._standin is None and self._timer is None:
            due = self._since + START_S - time.monotonic()
            self._timer = self._loop.call_later(max(0.0, due), self._ensure)

    def broken(self, page: Page) -> None:
        """Nothing will serve until something changes: everybody is told at once."""
        self._say(page, 0.0)
        self._ensure()

    def serve(self, worker: Handle) -> None:
        """This worker accepts."""
        self._words = None
        self._cancel()
        self._last_answer.stop()
        if self._standin is not None:
            self._children.send(self._standin, StopAccepting())
        self._acceptor = worker
        self._pass_on()

    def taken(self, early: list[str], descriptors: list[int]) -> None:
        """Connections that their server gave up."""
        self._kept += zip(descriptors, early, strict=True)
        self._pass_on()

    def ended(self, child: Handle) -> None:
        """A stand-in has gone; one that still has something to say comes back."""
        if child is self._acceptor:
            self._acceptor = None
        if child is self._standin:
            self._standin = None
            if self._words is not None and not child.ending:
                self._last_answer.start(self._words)
                self._timer = self._loop.call_later(RESTART_S, self._ensure)

    def close(self) -> None:
        """Nobody will answer any more."""
        self._cancel()
        self._last_answer.stop()
        self._words = None
        self._acceptor = None
        self._let_go()

    def _let_go(self) -> None:
        while self._kept:
            os.close(self._kept.pop()[0])

    def _say(self, page: Page, wait_s: float) -> None:
        if self._words is None:
            self._since = time.monotonic()
            self._acceptor = None
        self._version += 1
        self._words = {**page, "version": self._version}
        self._wait_s = wait_s
        if self._standin is not None:
            self._speak(self._standin, self._words)
        elif self._last_answer.active:
            self._last_answer.start(self._words)

    def _ensure(self) -> None:
        self._cancel()
        if self._standin is not None or self._words is None:
            return
        try:
            self._standin = self._start()
        except Exception as error:
            self._last_answer.start(self._words)
            self._timer = self._loop.call_later(RESTART_S, self._ensure)
            if not isinstance(error, StartError):
                raise
            if not self._told:
                self._told = True
                self._log.event("error", error.event, **error.fields())
            return
        self._told = False
        self._last_answer.stop()
        self._speak(self._standin, self._words)

    def _speak(self, standin: Handle, words: Page) -> None:
        self._children.send(standin, SetStandInPage(page=words, wait_s=self._wait_s, since=self._since))
        self._acceptor = standin
        self._pass_on()

    def _pass_on(self) -> None:
        while self._kept and self._acceptor is not None:
            part = self._kept[next(portions([early for _, early in self._kept]))]
            descriptors = [descriptor for descriptor, _ in part]
            try:
                sent = self._children.send(
                    self._acceptor, TakeConnections(early=[early for _, early in part]), descriptors
                )
            except OSError as error:  # no descriptor is free for a duplicate: later
                self._misses += 1
                if self._misses % TRIES == 0:
                    self._let_go()
                    if self._loop.on_error is not None:
                        self._loop.on_error(error)
                    return
                self._loop.call_later(AGAIN_S, self._pass_on)
                return
            self._misses = 0
            if not sent:
                self._acceptor = None
                return
            del self._kept[: len(part)]
            for descriptor in descriptors:
                os.close(descriptor)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
