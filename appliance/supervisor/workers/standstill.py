"""Check whether the process that accepts connections makes progress: it may live and still serve nobody.

Decides nothing: a standstill is a log event, and an answer of the health check. Runs in the supervisor's loop.

Theory of operation. The supervisor holds the listening socket too: if it is readable, a client has connected and has
not been accepted. ``in_flight`` says how many requests have begun, which ones run, and how many wait for a thread. So
the supervisor can see progress from outside, even of a stopped process: nothing waits, or the counts have changed since
the last check. Without any client it can see nothing. So for the health check the supervisor connects, sends nothing,
and expects to be accepted.

Long requests are not a standstill. If every thread may have a long request, a worker is stuck only after a minute in
which no request has begun or ended. The same holds if the process computes: it may hold the interpreter's lock. A
process that is stopped, or that accepts nothing though threads are free, is found after ten seconds. This module counts
checks and not seconds, because the clock jumps on a machine that was suspended.

Decision 23 says why.
"""

from __future__ import annotations

import select
import signal
import socket
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.supervisor.measuring.process_activity import ProcessActivity, activity_of
from appliance.supervisor.processes.child_roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.logs.log import Log
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.reporting.stack_dumps import StackDumps
    from appliance.supervisor.workers.connection_router import ConnectionRouter

CHECK_S = 2.0
SHORT = 5  # this many checks without progress are a standstill
LONG = 30  # the same, if the process computes or all its threads are busy
_COMPUTES = 0.5  # the share of a processor from which a process counts as computing


class Standstill:
    """Watches the process that accepts.

    Args:
        loop: the supervisor's.
        listener: the listening socket.
        router: knows the process that accepts now.
        threads: how many requests a worker runs at a time.
        no_timeout: whether no timeout applies to it.
        stacks: reads the stacks of its threads.
        log: takes the event of a standstill.
    """

    def __init__(
        self,
        loop: Loop,
        listener: socket.socket,
        router: ConnectionRouter,
        *,
        threads: int,
        no_timeout: Callable[[Handle], bool],
        stacks: StackDumps,
        log: Log,
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._router = router
        self._threads = threads
        self._no_timeout = no_timeout
        self._stacks = stacks
        self._log = log
        self._child: Handle | None = None
        self._last = ProcessActivity()
        self._checks = 0  # checks in a row without progress
        self._since = 0.0
        self._probe_requested = False
        self._probe: socket.socket | None = None
        self.stuck = ""  # why the process serves nobody; empty while it does

    def start(self) -> None:
        """Check from now on."""
        self._loop.call_later(CHECK_S, self.check)

    def request_probe(self) -> None:
        """Make the next check open a connection: without a client, there is no progress to measure."""
        self._probe_requested = True

    def check(self) -> None:
        """Compare the acceptor's state with that of the last check, and plan the next one."""
        self._loop.call_later(CHECK_S, self.check)
        child = self._router.acceptor
        if child is None or child.ending or child.ready_at is None or self._no_timeout(child):
            self._progressed(child, ProcessActivity())
            return
        state = activity_of(child)
        waits = self._queue_waits() or state.waiting > 0
        moved = (state.begun, state.running) != (self._last.begun, self._last.running)
        if child is not self._child or moved or not (waits or state.stopped):
            self._progressed(child, state)
            if self._probe_requested and not waits:
                self._connect()
            return
        computes = state.cpu_s - self._last.cpu_s > _COMPUTES * CHECK_S
        self._last = state
        self._checks += 1
        free = child.in_flight is not None and len(state.running) < self._threads
        limit = SHORT if state.stopped or (free and not computes) else LONG
        if self._checks >= limit and not self.stuck:
            self._handle_stuck(child, state, free=free)

    def _progressed(self, child: Handle | None, state: ProcessActivity) -> None:
        self.end_probe()
        if self.stuck and child is self._child and child is not None:
            self._log.event(
                "info", "worker.resumed", generation=child.generation, pid=child.pid,
                duration_s=round(time.monotonic() - self._since, 1),
            )  # fmt: skip
        self._child, self._last, self._checks, self.stuck = child, state, 0, ""

    def _handle_stuck(self, child: Handle, state: ProcessActivity, *, free: bool) -> None:
        self._since = time.monotonic()
        if state.stopped:
            reason = "its process is stopped"
        elif free:
            reason = "it accepts no connection, though threads of it are free"
        else:
            reason = (
                f"each of its {self._threads} threads has run the same request for a minute, while other requests wait"
            )
        if child.role is Role.STANDIN:  # a stand-in runs nothing of the project, so another stand-in may work
            child.blame("it accepted no connection")
            child.signal_group(signal.SIGKILL)
            return
        self.stuck = reason
        self._stacks.ask(child, partial(self._report, child, reason))

    def _report(self, child: Handle, reason: str, stacks: str) -> None:
        traceback: dict[str, Any] = {"traceback": stacks} if stacks else {}
        self._log.event(
            "error", "worker.stuck", generation=child.generation, pid=child.pid, reason=reason, **traceback,
            action="Look where its threads stand (appliance status --stacks); a save starts another one.",
        )  # fmt: skip

    # -- the listening socket ------------------------------------------------------------------------------------------

    def _queue_waits(self) -> bool:
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        return bool(poll.poll(0))

    def _connect(self) -> None:
        """Connect, and send nothing: at the next check the connection has been accepted, or has not."""
        self._probe_requested = False
        self.end_probe()
        try:
            self._probe = socket.socket(self._listener.family, socket.SOCK_STREAM)
            self._probe.setblocking(False)  # noqa: FBT003  the standard library's own signature
            self._probe.connect_ex(_near(self._listener))
        except OSError:
            self.end_probe()

    def end_probe(self) -> None:
        """Close the connection that was made for the health check, if there is one."""
        probe, self._probe = self._probe, None
        if probe is not None:
            probe.close()


def _near(listener: socket.socket) -> tuple[str, int]:
    """Return the listener's address, as seen from this machine."""
    host, port = listener.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port
