"""Route connections to the process that accepts, the worker or the stand-in; keep them while neither accepts.

Decides nothing over time. Each thing that happens becomes an event of ``acceptor_states``, and the actions of that
table are performed here. This module does not know why there is no worker. Runs in the supervisor's loop.

Theory of operation. While nothing serves, new connections wait in the listening socket's queue. Shortly before a client
would notice the wait, the stand-in starts and accepts: it holds each connection for the rest of its second, then
answers with the page. When a worker serves, the stand-in stops accepting and hands over the connections that it holds.
A worker that drains does the same. Connections that arrive here go to the process that accepts, or are kept until one
does. A worker passes on connections on which a page of the appliance is asked for: those go to the stand-in at any
time. If not even the stand-in can be started, the supervisor itself gives a plain answer (``last_answer``) until it
can.
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance import state_table
from appliance.errors import StartError
from appliance.protocol.channel import message_parts
from appliance.protocol.messages import TakeConnections
from appliance.protocol.page_messages import PublishAssets, PublishRevision, SetStandInPage, StopAccepting
from appliance.supervisor.workers import acceptor_events as events
from appliance.supervisor.workers import acceptor_states
from appliance.supervisor.workers.acceptor_events import OpenConnection
from appliance.supervisor.workers.acceptor_states import Accepting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.logs.log import Log
    from appliance.protocol.messages import HandOverConnections
    from appliance.supervisor.last_answer import LastAnswer
    from appliance.supervisor.loop import Loop, Timer
    from appliance.supervisor.processes.children import Children
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.workers.acceptor_events import Page

WAIT_S = 1.0  # how long a client waits for a worker before it gets the page
START_S = 0.6  # after the wait began the stand-in is started: it accepts before WAIT_S is over
SHOW_S = 0.1  # a stand-in that runs accepts so long after the beginning of the wait: a swap has been served by then
RESTART_S = 1.0  # before a stand-in that ended, or could not be started, is started again
RETRY_S = 0.2  # before connections are sent again, if no descriptor was free

NO_PAGES = {
    "status": 503,
    "title": "The pages of the appliance can't be shown now",
    "action": "Load the page again in a moment. If it fails again, look for pages.failed or standin.ended in the log.",
}


class ConnectionRouter:
    """The worker and the stand-in as acceptors, and the connections that no process has."""

    def __init__(
        self, loop: Loop, children: Children, start: Callable[[], Handle], last_answer: LastAnswer, log: Log
    ) -> None:
        self._loop = loop
        self._children = children
        self._start = start
        self._last_answer = last_answer
        self._log = log
        self._state = acceptor_states.State()
        self._performers = self._actions()
        self._worker: Handle | None = None
        self._revision: PublishRevision | None = None  # the last one of any worker
        self._standin: Handle | None = None
        self._standin_ended_at = float("-inf")
        self._wait_began = 0.0  # when clients began to wait for a worker
        self._start_timer: Timer | None = None
        self._waiting: list[OpenConnection] = []

    def _actions(self) -> dict[type[events.Action], Callable[[Any], None]]:
        return {
            events.BeginWait: self._begin_wait,
            events.StartStandIn: self._start_standin,
            events.StartLater: self._start_later,
            events.CancelStart: self._cancel_start,
            events.ShowPage: self._show_page,
            events.StopStandIn: self._stop_standin,
            events.AnswerHere: lambda action: self._last_answer.start(action.page),
            events.StopAnswering: lambda _: self._last_answer.stop(),
            events.AnswerWaiting: self._answer_waiting,
            events.SendWaiting: self._send_waiting,
            events.SendLater: self._send_later,
            events.CloseWaiting: self._close_waiting,
            events.ReportFailure: self._report_failure,
            events.SendToStandIn: lambda action: self._send_to_standin(action.connections),
            events.StartForOwnPages: self._start_for_own_pages,
            events.RefuseOwnPages: lambda action: self._last_answer.take(action.connections, NO_PAGES),
        }

    def _on(self, event: events.Event) -> None:
        self._state, actions = acceptor_states.step(self._state, event)
        state_table.perform(self._performers, actions)

    @property
    def acceptor(self) -> Handle | None:
        """The process that accepts connections now."""
        return {Accepting.WORKER: self._worker, Accepting.STANDIN: self._standin}.get(self._state.acceptor)

    @property
    def page(self) -> Page | None:
        """The page of the stand-in; None while a worker serves."""
        return self._state.page

    # -- what happens --------------------------------------------------------------------------------------------------

    def progress(self, page: Page) -> None:
        """Answer with this progress page, once a client has waited for a second."""
        self._on(events.WorkProgressed(page))

    def broken(self, page: Page) -> None:
        """Answer with this page at once: no worker can serve until something changes."""
        self._on(events.WorkFailed(page))

    def serve(self, worker: Handle) -> None:
        """Route connections to this worker, which accepts."""
        self._worker = worker
        self._on(events.WorkerServes(worker.generation))

    def handed_over(self, message: HandOverConnections, descriptors: list[int]) -> None:
        """Take connections that a server gave up, with the bytes that it had read from each."""
        peers = message.peers or [""] * len(descriptors)
        connections = [OpenConnection(*each) for each in zip(descriptors, message.early, peers, strict=True)]
        if message.own_pages:
            early = time.monotonic() - self._standin_ended_at <= RESTART_S
            self._on(events.OwnPagesAsked(connections, restart_early=early))
            return
        self._waiting += connections
        self._on(events.ConnectionsArrived())

    def assets_saved(self, paths: list[str]) -> None:
        """Tell the open pages that files which browsers load were saved."""
        if self._standin is not None:
            self._children.send(self._standin, PublishAssets(paths=paths))

    def templates_changed(self, generation: int, revision: int) -> None:
        """Tell the open pages that this generation's templates have changed so many times."""
        self._revision = PublishRevision(generation=generation, revision=revision)
        if self._standin is not None:
            self._children.send(self._standin, self._revision)

    def ended(self, child: Handle) -> None:
        """A process has ended; a stand-in whose page is still to be shown is started again."""
        if child is self._worker:
            self._worker = None
            self._on(events.WorkerEnded())
        elif child is self._standin:
            self._standin, self._standin_ended_at = None, time.monotonic()
            self._on(events.StandInEnded(expected=child.ending))

    def close(self) -> None:
        """Route nothing any more: the appliance stops, and waits for no process that was started after this."""
        self._on(events.StopRequested())

    # -- the stand-in and its page -------------------------------------------------------------------------------------

    def _begin_wait(self, _action: events.BeginWait) -> None:
        self._wait_began = time.monotonic()

    def _start_later(self, action: events.StartLater) -> None:
        self._cancel_start()
        due = self._wait_began + (START_S if self._standin is None else SHOW_S)
        after_s = RESTART_S if action.again else max(0.0, due - time.monotonic())
        self._start_timer = self._loop.call_later(after_s, partial(self._on, events.StartDue()))

    def _cancel_start(self, _action: events.CancelStart | None = None) -> None:
        if self._start_timer is not None:
            self._start_timer.cancel()
            self._start_timer = None

    def _start_standin(self, _action: events.StartStandIn) -> None:
        try:
            self._standin = self._start()
        except Exception as error:  # noqa: BLE001  whatever it is, clients get an answer first
            self._on(events.StandInNotStarted(error, defect=not isinstance(error, StartError)))
            return
        self._on(events.StandInStarted())

    def _show_page(self, action: events.ShowPage) -> None:
        if self._standin is None:
            return  # the stand-in has ended: its end is reported next
        wait_s = WAIT_S if action.holds else 0.0
        try:
            self._children.send(self._standin, SetStandInPage(page=action.page, wait_s=wait_s, since=self._wait_began))
        except Exception as error:  # noqa: BLE001  a defect: it is reported, and must leave no client without an answer
            self._on(events.PageNotShown(error))
            return
        self._on(events.PageShown())

    def _stop_standin(self, action: events.StopStandIn) -> None:
        if self._standin is not None:
            self._children.send(self._standin, StopAccepting(generation=action.generation))
            if self._revision is not None:
                self._children.send(self._standin, self._revision)

    def _report_failure(self, action: events.ReportFailure) -> None:
        error = action.error
        if not isinstance(error, StartError):
            raise error
        self._log.event("error", error.event, **error.fields())

    # -- the appliance's own pages -------------------------------------------------------------------------------------

    def _start_for_own_pages(self, action: events.StartForOwnPages) -> None:
        try:
            self._standin = self._start()
            self._on(events.StandInStarted())
        except Exception as error:
            self._refuse_own_pages(action.connections, error)
            if not isinstance(error, StartError | OSError):
                raise
            return
        self._send_to_standin(action.connections)

    def _send_to_standin(self, connections: list[OpenConnection]) -> None:
        try:
            sent = self._standin is not None and self._send(self._standin, connections)
        except OSError as error:  # no descriptor is free for a duplicate
            self._refuse_own_pages(connections, error)
            return
        if sent:
            _close(connections)
        else:
            self._last_answer.take(connections, NO_PAGES)

    def _refuse_own_pages(self, connections: list[OpenConnection], error: Exception) -> None:
        self._log.event("warning", "pages.failed", reason=str(error))
        self._last_answer.take(connections, NO_PAGES)

    # -- connections that wait -----------------------------------------------------------------------------------------

    def _send(self, child: Handle, connections: Sequence[OpenConnection]) -> bool:
        early, peers = [each.early for each in connections], [each.peer for each in connections]
        message = TakeConnections(early=early, peers=peers if any(peers) else [])
        return self._children.send(child, message, [each.descriptor for each in connections])

    def _send_waiting(self, _action: events.SendWaiting) -> None:
        while self._waiting and (acceptor := self.acceptor) is not None:
            part = self._waiting[next(message_parts([each.early for each in self._waiting]))]
            try:
                sent = self._send(acceptor, part)
            except OSError as error:  # no descriptor is free for a duplicate
                self._on(events.NoDescriptor(error))
                return
            if not sent:
                self._on(events.AcceptorGone())
                return
            del self._waiting[: len(part)]
            _close(part)
            self._on(events.PartSent())

    def _send_later(self, _action: events.SendLater) -> None:
        self._loop.call_later(RETRY_S, partial(self._on, events.SendDue()))

    def _answer_waiting(self, _action: events.AnswerWaiting) -> None:
        if self._last_answer.active:
            waiting, self._waiting = self._waiting, []
            self._last_answer.take(waiting)

    def _close_waiting(self, action: events.CloseWaiting) -> None:
        waiting, self._waiting = self._waiting, []
        _close(waiting)
        if action.error is not None and self._loop.on_error is not None:
            self._loop.on_error(action.error)


def _close(connections: Sequence[OpenConnection]) -> None:
    for each in connections:
        os.close(each.descriptor)
