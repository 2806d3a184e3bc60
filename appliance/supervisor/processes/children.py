"""Read the messages of all children, and notice their ends.

This module holds the handles and reads their channels; ``child_outputs`` reads their output. It passes messages on, and
does not know their meaning. After a child has died, its descriptors are read to their end, so that its last output
is logged.

If a channel carries an invalid message, or ends while its child is alive, the child can't be controlled any more. Then
the child is killed, and another child replaces it, as after any death.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Protocol

from appliance.protocol.channel import Channel, ChannelClosedError, ChannelError
from appliance.protocol.messages import Drain, Hello, Records, ReportBackgroundWork
from appliance.supervisor.measuring.memory import Memory
from appliance.supervisor.processes.child_outputs import MAX_LAST_READS, ChildOutputs
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.reaper import reap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.logs.project_output.output_lines import OutputLine
    from appliance.protocol.record import Message
    from appliance.supervisor.loop import Loop
    from appliance.supervisor.processes.handles import Handle

RECHECK_S = 1.0  # between two checks of a child to which no timeout applies
CLOSED_S = 1.0  # a child whose channel has ended should end within this time
GROUP_S = 1.0  # the process group of an ended child has this time to end
VICTIM_S = 0.01  # until the kernel is asked again to kill a child before PID 1; twice as long each time
VICTIM_MAX_S = 1.0  # a kernel that refuses for so long does not permit it at all
REPORT_S = 0.3  # a worker that is killed has this time to report its background work


class Listener(Protocol):
    """Receives the events of the children."""

    def message(self, child: Handle, message: Message, descriptors: list[int]) -> None:
        """A message came; the listener owns the descriptors now."""

    def output(self, child: Handle, stream: str, lines: list[OutputLine]) -> None:
        """The child wrote on descriptor 1 ("stdout") or 2 ("stderr")."""

    def channel_failed(self, child: Handle, reason: str) -> None:
        """The child's channel can't be read any more; the child is being killed."""

    def ended(self, child: Handle) -> None:
        """The child has ended; all its messages and output have been passed on."""

    def orphan_ended(self, pid: int, status: int) -> None:
        """An adopted orphan has ended."""


class Children:
    """Keeps the handles of all children, and reads their messages.

    A child that another child forks has no pid until its hello. If the child ends before its hello is read, its wait
    status is kept until then. If its channel ends without a hello, the child never existed.
    """

    def __init__(self, loop: Loop, listener: Listener) -> None:
        self._loop = loop
        self._listener = listener
        self._alive: list[Handle] = []
        self._unmatched: dict[int, int] = {}  # wait statuses by pid, while there are children without one
        self._outputs = ChildOutputs(loop, listener.output)
        self._paused = False
        self._resumed = float("-inf")  # the time of the last resume
        self._memory = Memory()
        self._groups: deque[Handle] = deque()  # ended children whose process groups may still run

    def living(self) -> tuple[Handle, ...]:
        """Return the children that have not ended."""
        return tuple(self._alive)

    @property
    def last_unread(self) -> float:
        """The last time at which no child was read, on CLOCK_MONOTONIC: messages may have waited until then."""
        return time.monotonic() if self._paused else self._resumed

    def add(self, child: Handle) -> Handle:
        """Read the child's messages and output from now on."""
        self._alive.append(child)
        self._outputs.add(child)
        if not self._paused:
            self._watch(child)
            self._outputs.watch(child)
        if not child.is_forked:  # a fork has its parent's score
            self._prefer_as_victim(child, VICTIM_S)
        return child

    def _prefer_as_victim(self, child: Handle, pause_s: float) -> None:
        if child in self._alive and not child.prefer_as_oom_victim() and pause_s < VICTIM_MAX_S:
            self._loop.call_later(pause_s, partial(self._prefer_as_victim, child, pause_s * 2))

    def send(self, child: Handle, message: Message, descriptors: Sequence[int] = ()) -> bool:
        """Send the child a message; return False if it has ended."""
        if child.channel is None or child not in self._alive:
            return False
        try:
            done = child.channel.send(message, descriptors)
        except ChannelError:
            return False
        if not done:
            self._watch_channel(child, child.channel)
        return True

    def retire(
        self,
        child: Handle,
        grace_s: float,
        *,
        no_timeout: Callable[[Handle], bool] = lambda _: False,
        streams_s: float = 0.0,
        pause_s: float = 0.0,
    ) -> None:
        """Ask the child to finish its requests and end; kill it after the grace, unless no timeout applies to it.

        Streams end at once. The child waits for ``streams_s`` until the generators of the streams have noticed their
        end, and for ``pause_s`` after its last exit hook.
        """
        if child.ending or child not in self._alive:  # the number of one that has ended may be another group's by now
            return
        child.mark_ending()
        if not self.send(child, Drain(grace_s=grace_s, streams_s=streams_s, pause_s=pause_s)):
            child.ask_to_end()
        child.set_timer(self._loop.call_later(grace_s, partial(self._overdue, child, no_timeout)))

    def _overdue(self, child: Handle, no_timeout: Callable[[Handle], bool]) -> None:
        if no_timeout(child):
            child.set_timer(self._loop.call_later(RECHECK_S, partial(self._overdue, child, no_timeout)))
        else:
            self.terminate(child)

    def set_deadline(self, child: Handle, within_s: float) -> None:
        """Give the child ``within_s`` seconds more, then end it as ``terminate`` does."""
        if child.deadline is not None:
            child.deadline.cancel()
        child.set_timer(self._loop.call_later(within_s, partial(self.terminate, child)))

    def expect_end(self, child: Handle) -> None:
        """The child sends its last message, and is killed by the caller soon: its end is not a failure."""
        child.mark_ending()

    def terminate(self, child: Handle) -> None:
        """Kill the child; a worker first reports its background work."""
        serves = child.role is Role.WORKER and child.ready_at is not None
        if serves and self.send(child, ReportBackgroundWork(end=True)):
            child.mark_ending()
            self._loop.call_later(REPORT_S, partial(self.kill, child))
        else:
            self.kill(child)

    def kill(self, child: Handle) -> None:
        """Kill the child now, with everything that it started."""
        child.mark_ending()
        if child not in self._alive:
            return
        child.signal_group(signal.SIGKILL)
        if not child.pid:
            self._remove(child)  # a child that is forked after this finds its channel closed

    def reap(self) -> None:
        """Collect the wait statuses of all processes that have ended."""
        for pid, status in reap():
            self._loop.guarded(partial(self._reaped, pid, status))

    def _reaped(self, pid: int, status: int) -> None:
        child = next((each for each in self._alive if each.pid == pid), None)
        if child is not None:
            self._ended(child, status)
        elif all(each.pid for each in self._alive):
            self._listener.orphan_ended(pid, status)
        else:
            self._unmatched[pid] = status

    def _ended(self, child: Handle, status: int) -> None:
        child.ended(status)
        if child.returncode == -signal.SIGKILL and not child.ending and not child.cause:
            child.blame(self._memory.describe_kill())
        child.signal_group(signal.SIGTERM)  # the rest of its process group
        self._groups.append(child)
        self._loop.call_later(GROUP_S, self._kill_group)
        self._remove(child)

    def _kill_group(self) -> None:
        """Kill the rest of the group that was ended first: a project's own children may ignore SIGTERM."""
        if self._groups:
            child = self._groups.popleft()
            child.signal_group(signal.SIGKILL)
            if child.lifeline is not None:
                child.lifeline.end()

    def close(self) -> None:
        """Kill everything that could outlive the supervisor."""
        while self._groups:
            self._kill_group()

    def _remove(self, child: Handle) -> None:
        if child not in self._alive:
            return
        self._alive.remove(child)
        if child.lifeline is not None and not child.pid:
            child.lifeline.end()
        self._loop.guarded(partial(self._read_rest, child))
        self._listener.ended(child)

    def _set_pid(self, child: Handle, pid: int) -> None:
        child.set_pid(pid)
        if (status := self._unmatched.pop(pid, None)) is not None:
            self._loop.post(partial(self._ended, child, status))
        if all(each.pid for each in self._alive):
            for orphan, status in self._unmatched.items():
                self._listener.orphan_ended(orphan, status)
            self._unmatched.clear()

    def pause(self) -> None:
        """Stop reading every child, so that writers wait. Messages that wait for room are still sent."""
        self._paused = True
        for child in self._alive:
            self._watch(child)
        self._outputs.unwatch_all()

    def resume(self) -> None:
        """Read the children again."""
        self._paused, self._resumed = False, time.monotonic()
        for child in self._alive:
            self._watch(child)
        self._outputs.watch_all()

    def _watch(self, child: Handle) -> None:
        if child.channel is not None:
            self._watch_channel(child, child.channel)

    def _watch_channel(self, child: Handle, channel: Channel) -> None:
        """Read the channel, unless reading is paused; send what waits for room."""
        reads, writes = not self._paused, channel.waits
        if writes:
            self._loop.watch(channel, partial(self._flush_channel, child, channel), read=reads, write=True)
        elif reads:
            self._loop.watch(channel, partial(self._read_channel, child))
        else:
            self._loop.unwatch(channel)

    def _flush_channel(self, child: Handle, channel: Channel) -> None:
        """Send more, and read, because the channel is ready."""
        try:
            if channel.flush():
                self._watch_channel(child, channel)
        except ChannelError as error:
            self._channel_ended(child, error)
            return
        if not self._paused:
            self._read_channel(child)

    def _read_channel(self, child: Handle) -> bool:
        """Read the child's channel once; return False at the channel's end."""
        if child.channel is None:
            return False
        try:
            for message, descriptors in child.channel.receive():
                _check(child, message, descriptors)
                if isinstance(message, Hello) and not child.pid:
                    self._set_pid(child, message.pid)
                if isinstance(message, Records):
                    self._outputs.read_first(child)
                self._listener.message(child, message, descriptors)
        except ChannelError as error:
            self._channel_ended(child, error)
            return False
        return True

    def _channel_ended(self, child: Handle, error: ChannelError) -> None:
        """Stop reading a channel that has ended, or whose messages are invalid."""
        if child.channel is not None:
            self._loop.unwatch(child.channel)
        if child not in self._alive:
            return
        if not child.pid:
            self._loop.post(partial(self._never_started, child))
        elif isinstance(error, ChannelClosedError):
            reason = "the process closed its channel and keeps running"
            self._loop.call_later(CLOSED_S, partial(self._channel_lost, child, reason))
        else:
            self._channel_lost(child, str(error))

    def _channel_lost(self, child: Handle, reason: str) -> None:
        if child in self._alive and not child.ending:
            child.blame(f"its channel failed: {reason}")
            self._listener.channel_failed(child, reason)
            child.signal_group(signal.SIGKILL)

    def _never_started(self, child: Handle) -> None:
        if not child.pid and child in self._alive:
            self._remove(child)

    def _read_rest(self, child: Handle) -> None:
        """Read the messages and the output that were there when the child died."""
        if child.channel is not None:
            for _ in range(MAX_LAST_READS):
                if not (_readable(child.channel) and self._read_channel(child)):
                    break
            self._loop.unwatch(child.channel)
            child.channel.close()
        self._outputs.read_rest(child)


def _check(child: Handle, message: Message, descriptors: list[int]) -> None:
    """Check that a child may send this message.

    Raises:
        ChannelError: it may not.
    """
    pid = message.pid if isinstance(message, Hello) else 2
    if message.fits(len(descriptors)) and pid > 1:
        return
    for descriptor in descriptors:
        os.close(descriptor)
    raise ChannelError(f"{message.kind} with {len(descriptors)} descriptors is not a message of a {child.role}")


def _readable(channel: Channel) -> bool:
    """Whether there is data, or the end; a fork of the dead child may hold the other end open."""
    return bool(select.select([channel], [], [], 0)[0])
