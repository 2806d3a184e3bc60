"""Handles of children: pid, role, generation, channel, output, and how a child ended.

A handle holds the supervisor's ends of a child's descriptors, and does not know why the child runs. ``child_starts``
starts the process.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.logs.project_output.output_lines import OutputLines
from appliance.protocol.inflight import Reading
from appliance.protocol.start.needed_thread import NO_THREAD, NO_THREAD_CAUSE
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.signals import name_of

if TYPE_CHECKING:
    import subprocess

    from appliance.protocol.channel import Channel
    from appliance.protocol.inflight import SlotUse
    from appliance.supervisor.loop import Timer
    from appliance.supervisor.processes.lifeline import Lifeline
    from appliance.supervisor.steps.analysis import Analysis
    from appliance.supervisor.workers.worker_events import Source

_THREADED = frozenset({Role.STANDIN, Role.RECORDER, Role.EXPORTER})  # these exit with NO_THREAD


@dataclass(eq=False)
class Handle:
    """One child. Only the reaper sets ``returncode``: nothing else may wait for the process."""

    role: Role
    generation: int
    pid: int  # id of the process and of its group; 0 for a forked child until its Hello
    outputs: dict[str, int]  # "stdout" and "stderr": the read ends of its descriptors 1 and 2
    channel: Channel | None = None
    process: subprocess.Popen[bytes] | None = None  # None if another child has forked this one
    lifeline: Lifeline | None = None  # ends the child when the supervisor ends
    returncode: int | None = None
    output_lines: dict[str, OutputLines] = field(
        default_factory=lambda: {"stdout": OutputLines(), "stderr": OutputLines()}
    )
    in_flight: Reading | None = None  # for a worker: its running requests
    silent: dict[str, SlotUse] = field(default_factory=dict)  # for each stream: in_flight when it was last read empty
    recorded: int = 0  # requests whose records have come
    attempt: int = 0  # of a worker: the number of its start (retry_states)
    analysis: Analysis | None = None  # of the project that the worker serves
    source: Source | None = None  # what the worker comes from
    started: float = field(default_factory=time.monotonic)
    ready_at: float | None = None
    served: bool = False  # whether the child has had requests; set once it has ended
    python: str = ""
    reported: bool = False  # the child has reported why it ends
    ending: bool = False  # the child was asked to end
    drained: bool = False  # the child has no more requests
    cause: str = ""  # why the child ended, if the child or the kernel has said so
    name: str = ""  # of a companion
    ends_alone: bool = False  # the child ends its own children itself
    deadline: Timer | None = None

    @property
    def is_forked(self) -> bool:
        """Whether another child has forked it."""
        return self.process is None

    def expect(self, mark: bytes) -> None:
        """Expect this mark before each piece of output that the child's Python writes (``output_frames``)."""
        self.output_lines = {stream: OutputLines(mark) for stream in self.outputs}

    @cached_property
    def readable(self) -> select.poll:
        """A poll of the child's outputs: polling both takes 0.5 µs, a read without data 1.5."""
        poll = select.poll()
        for descriptor in self.outputs.values():
            poll.register(descriptor, select.POLLIN)
        return poll

    def count(self, slots: int) -> int:
        """Count the worker's requests in shared memory of ``slots`` at a time; return the memory's descriptor."""
        self.in_flight = Reading(slots)
        self.silent = dict.fromkeys(self.outputs, self.in_flight.slot_use())
        return self.in_flight.descriptor

    def only_request(self, stream: str) -> str | None:
        """Return the id of the one request that can have written the present output; None if it is not exactly one."""
        before = self.silent.get(stream)
        return self.in_flight.only_one_since(before) if self.in_flight is not None and before is not None else None

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the child and everything that it started."""
        if not self.pid:
            return  # group 0 is our own
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def ask_to_end(self) -> None:
        """Ask the child to end, and its process group with it, unless the child ends its own children itself.

        A signal to the group would end Celery's pool in the middle of its tasks; Celery's main process waits for the
        pool.
        """
        if not self.ends_alone:
            self.signal_group(signal.SIGTERM)
        elif self.returncode is None:  # else its number may be another process's by now
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, signal.SIGTERM)

    def has_group(self) -> bool:
        """Whether the child's process group still has a process; an ended process counts until it is reaped."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True  # a process that we may not signal
        return True

    def prefer_as_oom_victim(self) -> bool:
        """Let the kernel kill the child, and not PID 1, if memory runs out (proc_pid_oom_score_adj(5)).

        Returns:
            False if the kernel refuses. To a supervisor that has switched its user it does, until the child's execve(2)
            has ended: that may be a moment after its start.
        """
        try:
            Path(f"/proc/{self.pid}/oom_score_adj").write_text("500", encoding="ascii")
        except PermissionError:
            return False
        except OSError:
            return True  # another system than Linux, or the child has ended
        return True

    # -- what happened to the child, in the order of its life; ``Children`` alone decides when it must end

    def assign(self, generation: int) -> None:
        """Make a process that was forked ahead a worker of this generation; the time of its start is now."""
        self.role, self.generation, self.started = Role.WORKER, generation, time.monotonic()

    def assign_attempt(self, attempt: int, analysis: Analysis, source: Source) -> None:
        """Note that the child was started as a worker: the attempt's number, the analysis, and the source."""
        self.attempt, self.analysis, self.source = attempt, analysis, source

    def set_pid(self, pid: int) -> None:
        """Note the process id of a forked child."""
        self.pid = pid
        if self.lifeline is not None:
            self.lifeline.bind(pid)

    def greeted(self, python: str) -> None:
        """Note that the child has sent its hello: it runs, in this version of Python."""
        self.python = python

    def became_ready(self) -> float:
        """Note that the child now does what it was started for; return the time."""
        self.ready_at = time.monotonic()
        return self.ready_at

    def add_recorded(self, requests: int) -> None:
        """Count requests whose records the child has sent."""
        self.recorded += requests

    def explained(self) -> None:
        """Note that the child has reported why it ends: its end then needs no event of its own."""
        self.reported = True

    def blame(self, cause: str) -> None:
        """Note why the child ends, for ``how``."""
        self.cause = cause

    def mark_drained(self) -> None:
        """Note that the child has no more requests."""
        self.drained = True

    def set_timer(self, timer: Timer) -> None:
        """Keep the timer that ends the child; the child's own end cancels it."""
        self.deadline = timer

    def mark_ending(self) -> None:
        """Note that the child was asked to end."""
        self.ending = True

    def close_memory(self) -> None:
        """Close the memory in which the child counted its requests."""
        if self.in_flight is not None:
            self.in_flight.close()
            self.in_flight = None

    def ended(self, status: int) -> None:
        """Note the wait status that the reaper got, and the reason that the child's memory shows."""
        self.returncode = os.waitstatus_to_exitcode(status)
        if self.process is not None:
            self.process.returncode = self.returncode
        if self.in_flight is not None:
            self.cause = self.cause or self.in_flight.reason()
            self.served = bool(sum(self.in_flight.slot_use().counts))
        if self.deadline is not None:
            self.deadline.cancel()

    def how(self) -> str:
        """Describe how the child ended."""
        code = self.returncode
        if code is None:
            return "is running" if self.pid else "never started"
        why = NO_THREAD_CAUSE if code == NO_THREAD and self.role in _THREADED else self.cause
        cause = f" ({why})" if why else ""
        return f"killed by {name_of(-code)}{cause}" if code < 0 else f"exit status {code}{cause}"
