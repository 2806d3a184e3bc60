"""Whether who accepts connections makes progress: a process that lives may serve nobody all the same.

Owns the looks and the verdict. Decides nothing: it is told as an event, and by the health check. Runs in the
supervisor's loop.

Theory of operation. The supervisor holds the listening socket, too: where it can be read, somebody has connected and
has not been accepted; and ``in_flight`` says how many requests have begun, which run, and who waits
for a thread. So progress is seen from outside, in a process that may be stopped: nobody waits, or the tally has changed
since the last look. Where nobody asks for anything there is nothing to see; so, when the health check wants to know, a
connection is made that says nothing, and has only to be accepted.

Long requests are no standstill. Where every thread may have one it takes a minute in which none has begun or ended,
and where the process computes (it may hold the interpreter's lock) as well. A process that is stopped, or takes nobody
in though threads are free, is found after ten seconds. Looks are counted and not time, since a machine may sleep.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.logs.setup import Log
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.handles import Handle
    from appliance.supervisor.reporting.stack_dumps import StackDumps

LOOK_S = 2.0
SHORT = 5  # looks without progress, where nothing excuses that
LONG = 30
_COMPUTES = 0.5  # of a processor: it is at work, whatever it does
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class _Sight:
    """What is seen of a process at one look."""

    begun: int = 0
    running: tuple[int, ...] = ()
    waiting: int = 0
    stopped: bool = False
    cpu_s: float = 0.0


class Progress:
    """Watches who accepts.

    Args:
        loop: the supervisor's.
        listener: the listening socket.
        acceptor: who accepts now.
        threads: how many requests a worker runs at a time.
        stands_still: whether no clock may run for it.
        stacks: tells where its threads stand.
        log: where a standstill is told.
    """

    def __init__(
        self,
        loop: Loop,
        listener: socket.socket,
        acceptor: Callable[[], Handle | None],
        *,
        threads: int,
        stands_still: Callable[[Handle], bool],
        stacks: StackDumps,
        log: Log,
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._acceptor = acceptor
        self._threads = threads
        self._stands_still = stands_still
        self._stacks = stacks
        self._log = log
        self._child: Handle | None = None
        self._last = _Sight()
        self._looks = 0  # without progress
        self._since = 0.0
        self._asked = False
        self._probe: socket.socket | None = None
        self.stuck = ""  # why who accepts serves nobody; empty while it does

    def start(self) -> None:
        """Look from now on."""
        self._loop.call_later(LOOK_S, self._look)

    def asked(self) -> None:
        """Somebody wants to know: see to it that there is something to see."""
        self._asked = True

    def _look(self) -> None:
        self._loop.call_later(LOOK_S, self._look)
        child = self._acceptor()
        if child is None or child.ending or child.ready_at is None or self._stands_still(child):
            self._goes_on(child, _Sight())
            return
        sight = _look_at(child)
        waits = self._queue_waits() or sight.waiting > 0
        moved = (sight.begun, sight.running) != (self._last.begun, self._last.running)
        if child is not self._child or moved or not (waits or sight.stopped):
            self._goes_on(child, sight)
            if self._asked and not waits:
                self._ask()
            return
        computes = sight.cpu_s - self._last.cpu_s > _COMPUTES * LOOK_S
        self._last = sight
        self._looks += 1
        free = child.in_flight is not None and len(sight.running) < self._threads
        patience = SHORT if sight.stopped or (free and not computes) else LONG
        if self._looks >= patience and not self.stuck:
            self._stands(child, sight, free=free)

    def _goes_on(self, child: Handle | None, sight: _Sight) -> None:
        self._end_probe()
        if self.stuck and child is self._child and child is not None:
            self._log.event(
                "info", "worker.resumed", generation=child.generation, pid=child.pid,
                duration_s=round(time.monotonic() - self._since, 1),
            )  # fmt: skip
        self._child, self._last, self._looks, self.stuck = child, sight, 0, ""

    def _stands(self, child: Handle, sight: _Sight, *, free: bool) -> None:
        self._since = time.monotonic()
        if sight.stopped:
            reason = "its process is stopped"
        elif free:
            reason = "it takes in no connection, though threads of it are free"
        else:
            reason = f"each of its {self._threads} threads has run the same request for a minute, and somebody waits"
        if child.role == "standin":  # nothing of the project's is in it: another one may do better
            child.cause = "it took in no connection"
            child.signal_group(signal.SIGKILL)
            return
        self.stuck = reason
        self._stacks.ask(child, partial(self._tell, child, reason))

    def _tell(self, child: Handle, reason: str, stacks: str) -> None:
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

    def _ask(self) -> None:
        """Connect, and say nothing: at the next look it has been accepted, or has not."""
        self._asked = False
        self._end_probe()
        try:
            self._probe = socket.socket(self._listener.family, socket.SOCK_STREAM)
            self._probe.setblocking(False)  # noqa: FBT003  the standard library's own signature
            self._probe.connect_ex(_near(self._listener))
        except OSError:
            self._end_probe()

    def _end_probe(self) -> None:
        probe, self._probe = self._probe, None
        if probe is not None:
            probe.close()


def _near(listener: socket.socket) -> tuple[str, int]:
    """The listener's address, for one who is on this machine."""
    host, port = listener.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port


def _look_at(child: Handle) -> _Sight:
    begun, waiting = 0, 0
    running: tuple[int, ...] = ()
    if child.in_flight is not None:
        now = child.in_flight.snapshot()
        begun, waiting = sum(now.counts), child.in_flight.waiting()
        running = tuple(slot for slot, flag in enumerate(now.flags) if flag)
    try:
        # pid (name) state ... utime stime, the 14th and 15th (proc_pid_stat(5)); a name may hold anything
        fields = Path(f"/proc/{child.pid}/stat").read_bytes().rpartition(b")")[2].split()
        cpu_s = (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND
        return _Sight(begun, running, waiting, stopped=fields[0] == b"T", cpu_s=cpu_s)
    except (OSError, ValueError, IndexError):
        return _Sight(begun, running, waiting)
