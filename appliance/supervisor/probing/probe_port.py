"""The port of PROBE_PORT: bind it, start the process that answers there, and tell it the state.

The process answers from memory that it shares with the supervisor, so no answer waits for this loop. A failure here
becomes one event, and the project is served without probes. Runs in the supervisor's loop.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from appliance.errors import ApplianceError, ListenError
from appliance.protocol.probe_state import ProbeState, StateWriter
from appliance.protocol.start.first_messages import ServeProbes
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.listen import bind, joined
from appliance.supervisor.probing.probe_stages import state_after
from appliance.supervisor.processes import child_starts
from appliance.supervisor.processes.child_restarts import ChildRestarts
from appliance.supervisor.processes.child_roles import Role

if TYPE_CHECKING:
    import socket

    from appliance.supervisor.lifecycle import State
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.workers.standstill import Standstill

BEAT_S = 1.0
_PORT_S = 5.0  # before a port that is taken is tried again
_PAUSES_S = (0.0, 1.0, 5.0, 30.0)  # before the server is started again, after the n-th end in a row; then the last


class ProbePort:
    """The supervisor's end of the probe server. Does nothing if PROBE_PORT is 0.

    Args:
        runtime: the supervisor's.
        standstill: knows whether the worker makes progress.
    """

    def __init__(self, runtime: Runtime, standstill: Standstill) -> None:
        self._runtime = runtime
        self._standstill = standstill
        self._listener: socket.socket | None = None
        self._writer: StateWriter | None = None
        self._state = ProbeState()
        self._child: Handle | None = None
        self._asked = 0
        self._restarts = ChildRestarts(_PAUSES_S)
        self._reported = ""

    def begin(self) -> None:
        """Bind the port and start the server; a port that is taken is tried again later."""
        settings = self._runtime.settings
        if not settings.probe_port:
            return
        try:
            self._writer = self._writer or StateWriter()
            self._listener = bind(settings.host, settings.probe_port)
        except ListenError as error:
            self._report(error.found)
            self._runtime.loop.call_later(_PORT_S, self.begin)
        except OSError as error:
            self._report(error.strerror or str(error))
            self._runtime.loop.call_later(_PORT_S, self.begin)
        else:
            self.changed(self._runtime.lifecycle.state)
            self._beat()
            self._start()

    def changed(self, state: State) -> None:
        """Take the state of the lifecycle."""
        if self._writer is not None:
            stuck = bool(self._standstill.stuck)
            self._state = state_after(self._state, state.phase, state.generation, time.monotonic(), stuck=stuck)
            self._writer.write(self._state)

    def ended(self, child: Handle) -> None:
        """Start another server if one has ended by itself."""
        if child is not self._child:
            return
        self._child = None
        if not child.ending:
            self._start_again(child.how(), time.monotonic() - child.started)

    def finish(self) -> None:
        """End the server, as the last process."""
        if self._child is not None:
            self._runtime.children.kill(self._child)

    def _beat(self) -> None:
        self._runtime.loop.call_later(BEAT_S, self._beat)
        if self._writer is None:
            return
        self._writer.beat()
        if (asked := self._writer.question_count()) != self._asked:
            self._asked = asked
            self._standstill.request_probe()
        self.changed(self._runtime.lifecycle.state)

    def _start(self) -> None:
        if self._listener is None or self._writer is None:
            return
        if self._runtime.lifecycle.state.phase in {Phase.STOPPING, Phase.STOPPED}:
            return
        children = self._runtime.children
        try:
            process = child_starts.spawn_own(Role.PROBES, "appliance.probes", self._runtime.process)
            self._child = child = children.add(process)
            children.send(child, ServeProbes(), [self._listener.fileno(), self._writer.descriptor])
        except (OSError, ApplianceError) as error:
            if self._child is not None:
                children.kill(self._child)
                self._child = None
            self._start_again(str(error), 0.0)
        else:
            address = joined(*self._listener.getsockname()[:2])
            self._runtime.log.event("info", "probes.started", address=address)

    def _start_again(self, reason: str, ran_s: float) -> None:
        self._restarts = self._restarts.after_end(ran_s)
        self._runtime.log.event("warning", "probes.failed", reason=reason)
        self._runtime.loop.call_later(self._restarts.pause_s or 0.0, self._start)

    def _report(self, reason: str) -> None:
        if reason != self._reported:
            self._reported = reason
            self._runtime.log.event("warning", "probes.unavailable", reason=reason)
