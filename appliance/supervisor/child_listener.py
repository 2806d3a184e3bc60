"""Pass on the children's events: each message, each line of output and each end goes to the parts concerned.

Runs in the supervisor's loop.
"""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import TYPE_CHECKING

from appliance.protocol import channel, messages
from appliance.protocol.record import Record
from appliance.supervisor.processes.child_roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from appliance.logs.log import Log
    from appliance.logs.project_output.output_lines import OutputLine
    from appliance.protocol.record import Message
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.reporting.defects import Defects
    from appliance.supervisor.reporting.log_ingest import LogIngest
    from appliance.supervisor.runtime import Handlers

# If the handler of one of these fails, the next step never comes, and the supervisor would wait for the child forever.
_AWAITED = messages.Ready | messages.Failed | messages.ForkMismatch | messages.Preloaded


class Routes(Record):
    """The part that takes each kind of event of a child.

    Attributes:
        handlers: the function that takes each kind of message.
        admits: whether this child may send this message.
        log: takes output, and ends.
        outputs: the function that takes the output of a child of this role, in addition to the log.
        ends: the function that takes the end of a child of this role; ``each_end`` is called first, for every role.
        after_end: called when these functions have returned.
    """

    handlers: Handlers
    admits: Callable[[Handle, Message], bool]
    log: LogIngest
    outputs: Mapping[str, Callable[[str, list[OutputLine]], object]]
    ends: Mapping[str, Callable[[Handle], object]]
    each_end: Sequence[Callable[[Handle], object]]
    after_end: Callable[[], object]


class ChildListener:
    """The ``Listener`` of ``Children``: it is made before the parts, and gets its routes before the first child."""

    def __init__(self, log: Log, defects: Defects) -> None:
        self._log = log
        self._defects = defects
        self._routes: Routes | None = None

    def route(self, routes: Routes) -> None:
        """Pass everything on by these routes."""
        self._routes = routes

    def message(self, child: Handle, message: Message, descriptors: list[int]) -> None:
        """A child has sent a message."""
        routes = self._routes
        handle = routes.handlers.get(type(message)) if routes is not None and routes.admits(child, message) else None
        if handle is None:
            raise channel.ChannelError(f"{message.kind} is nothing that a {child.role} sends")
        try:
            handle(child, message, descriptors)
        except Exception as error:  # noqa: BLE001  a defect of ours, or an invalid message of a child
            self._defects.report(error)
            if isinstance(message, _AWAITED):
                child.signal_group(signal.SIGKILL)

    def channel_failed(self, child: Handle, reason: str) -> None:
        """A child's channel has failed: the child is being ended."""
        self._log.event(
            "error", "channel.failed", role=child.role, generation=child.generation, pid=child.pid, reason=reason
        )

    def output(self, child: Handle, stream: str, lines: list[OutputLine]) -> None:
        """A child has written to one of its outputs."""
        if (routes := self._routes) is None:
            return
        if (take := routes.outputs.get(child.role)) is not None:
            take(stream, lines)
        if child.role is not Role.INSTALLER:  # its output becomes events of the installation
            routes.log.output(child, stream, lines)

    def ended(self, child: Handle) -> None:
        """A child has ended."""
        if (routes := self._routes) is None:
            return
        own = routes.ends.get(child.role, self._end_of_another)
        for on_end in (routes.log.ended, *routes.each_end, own):
            self._defects.guarded(partial(on_end, child))
        routes.after_end()

    def _end_of_another(self, child: Handle) -> None:
        if child.role is Role.STANDIN and not child.ending:
            self._log.event("error", "standin.ended", reason=child.how())

    def orphan_ended(self, pid: int, status: int) -> None:
        """An orphaned process was reaped."""
        self._log.event("debug", "process.reaped", pid=pid, status=os.waitstatus_to_exitcode(status))
