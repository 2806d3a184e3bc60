"""Observe a process without asking it: its requests in the shared memory, its state and time in the kernel.

So stopped processes, and processes that compute without a pause, are seen too. Runs in the supervisor's loop.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.protocol.record import Record

if TYPE_CHECKING:
    from appliance.supervisor.processes.handles import Handle

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class ProcessActivity(Record):
    """The activity of a process at one moment.

    Attributes:
        begun: requests that have begun, since the process started.
        running: the slots of the requests that run.
        waiting: connections that wait for a thread.
        stopped: whether a signal has stopped the process.
        cpu_s: processor time of user and system so far.
    """

    begun: int = 0
    running: tuple[int, ...] = ()
    waiting: int = 0
    stopped: bool = False
    cpu_s: float = 0.0


def activity_of(child: Handle) -> ProcessActivity:
    """Return the present activity of a child, from the shared memory and the kernel; zeros where neither knows."""
    begun, waiting = 0, 0
    running: tuple[int, ...] = ()
    if child.in_flight is not None:
        now = child.in_flight.slot_use()
        begun, waiting = sum(now.counts), child.in_flight.waiting()
        running = tuple(slot for slot, flag in enumerate(now.flags) if flag)
    try:
        # pid (name) state ... utime stime, the 14th and 15th (proc_pid_stat(5)); a name may hold anything
        fields = Path(f"/proc/{child.pid}/stat").read_bytes().rpartition(b")")[2].split()
        cpu_s = (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND
        return ProcessActivity(begun, running, waiting, stopped=fields[0] == b"T", cpu_s=cpu_s)
    except (OSError, ValueError, IndexError):
        return ProcessActivity(begun, running, waiting)
