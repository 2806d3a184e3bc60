"""The events and actions of ``acceptor_states``: events of processes and connections, and the possible reactions."""

from __future__ import annotations

from typing import Any, NamedTuple

from appliance.protocol.record import Record

Page = dict[str, Any]


class OpenConnection(NamedTuple):
    """A connection that one server has handed over, and that no other server has yet.

    Attributes:
        descriptor: of its socket.
        early: the bytes that were read from it.
        peer: the address of its client, or empty.
    """

    descriptor: int
    early: str
    peer: str


# -- events ------------------------------------------------------------------------------------------------------------


class Event(Record):
    """Something that happened."""


class WorkerServes(Event):
    """The worker of this generation accepts."""

    generation: int


class WorkProgressed(Event):
    """A worker will serve later: ``page`` says what is under way."""

    page: Page


class WorkFailed(Event):
    """Nothing will serve until something changes: ``page`` says why."""

    page: Page


class StartDue(Event):
    """The time for a start of the stand-in has come."""


class StandInStarted(Event):
    """The stand-in's process runs."""


class StandInNotStarted(Event):
    """There is no process for the stand-in; ``defect``: by an error that no start should raise."""

    error: Exception
    defect: bool = False


class PageShown(Event):
    """The stand-in was sent its page, and accepts."""


class PageNotShown(Event):
    """The stand-in could not be sent its page."""

    error: Exception


class StandInEnded(Event):
    """The stand-in's process has ended; ``expected``: it was asked to."""

    expected: bool


class WorkerEnded(Event):
    """The process of the worker that serves, or did last, has ended."""


class ConnectionsArrived(Event):
    """Connections were handed over, and wait."""


class PartSent(Event):
    """Waiting connections went to the process that accepts."""


class AcceptorGone(Event):
    """The process that accepts takes no more messages: its end will be reported."""


class NoDescriptor(Event):
    """No descriptor was free to send waiting connections."""

    error: Exception


class SendDue(Event):
    """The time to send waiting connections again has come."""


class OwnPagesAsked(Event):
    """A worker handed over connections on which a page of the appliance is asked for.

    ``restart_early``: a stand-in has ended just before, so that another one would be started too soon.
    """

    connections: list[OpenConnection]
    restart_early: bool = False


class StopRequested(Event):
    """The appliance stops, and waits for no process that is started after this."""


# -- actions -----------------------------------------------------------------------------------------------------------


class Action(Record):
    """Something to do."""


class BeginWait(Action):
    """Note the time: from now on clients wait for a worker."""


class StartStandIn(Action):
    """Start the stand-in's process."""


class StartLater(Action):
    """Report when the stand-in is due: before a client notices the wait, or, with ``again``, after a failed start."""

    again: bool = False


class CancelStart(Action):
    """Report no start as due."""


class ShowPage(Action):
    """Have the stand-in accept connections, and show this page."""

    page: Page
    holds: bool


class StopStandIn(Action):
    """Have the stand-in stop accepting, and hand over its connections: this generation serves."""

    generation: int


class AnswerHere(Action):
    """Answer new connections in the supervisor, with this page."""

    page: Page


class StopAnswering(Action):
    """Accept no more in the supervisor."""


class AnswerWaiting(Action):
    """Answer waiting connections in the supervisor."""


class SendWaiting(Action):
    """Send waiting connections to the process that accepts."""


class SendLater(Action):
    """Report in a moment that waiting connections may be sent again."""


class CloseWaiting(Action):
    """Close waiting connections; ``error``: report it as the reason."""

    error: Exception | None = None


class ReportFailure(Action):
    """Report that the stand-in can't be started, or sent its page."""

    error: Exception


class SendToStandIn(Action):
    """Send the stand-in connections on which a page of the appliance is asked for."""

    connections: list[OpenConnection]


class StartForOwnPages(Action):
    """Start the stand-in, and send it these connections."""

    connections: list[OpenConnection]


class RefuseOwnPages(Action):
    """Answer these connections in the supervisor: the appliance's pages can't be shown now."""

    connections: list[OpenConnection]
