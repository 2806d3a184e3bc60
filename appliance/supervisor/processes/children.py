"""The children that live: their messages, their output, their ends.

Owns the handles, and the reading of their descriptors. Knows nothing of what a message means: it hands it on. A
child's descriptors are read to their end after it has died: its last words are logged.

A channel that says what is no message, or has ended while its child lives on, is of no use any more: nobody could ask
that child for anything. It is ended, which counts as its death, so that another one takes its place.
"""

from __future__ import annotations

import os
import select
import signal
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Protocol

from appliance.protocol.channel import (
    Channel,
    ChannelClosedError,
    ChannelError,
    Drain,
    Hello,
    Message,
    Records,
    ReportBackgroundWork,
)
from appliance.supervisor.processes.handles import Handle, reaped
from appliance.supervisor.processes.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from appliance.logs.project_output.output_lines import OutputLine
    from appliance.supervisor.loop import Loop, Timer

_READ = 65_536
STILL_S = 1.0  # between two looks at a child whose clock stands still
GONE_S = 1.0  # a child whose channel has ended is about to end: after this it is not
_LAST_READS = 32  # of an output of one that has ended: more than a pipe holds; who writes on is read by the loop
LEAVE_S = 1.0  # for what an ended child has left behind in its group
CUT_S = 0.3  # for a worker to say what it is at, before it is killed


class Listener(Protocol):
    """Who is told of what the children do."""

    def message(self, child: Handle, message: Message, descriptors: list[int]) -> None:
        """It said something; the descriptors are the listener's now."""

    def said(self, child: Handle, stream: str, said: list[OutputLine]) -> None:
        """It wrote on descriptor 1 ("stdout") or 2 ("stderr")."""

    def channel_failed(self, child: Handle, reason: str) -> None:
        """Nothing can be heard of it any more; it is being ended."""

    def ended(self, child: Handle) -> None:
        """It is gone; everything that it said has been told."""

    def stranger_ended(self, pid: int, status: int) -> None:
        """An orphan that became ours has ended."""


class Children:
    """Every child.

    One that another child forks has no pid until it says hello, and may have ended before that is read: its status
    waits for it. One whose channel ends without a hello was never there.
    """

    def __init__(self, loop: Loop, listener: Listener) -> None:
        self._loop = loop
        self._listener = listener
        self._alive: list[Handle] = []
        self._unclaimed: dict[int, int] = {}  # wait statuses by pid, while there are children without one
        self._open: list[tuple[Handle, str]] = []  # outputs that are read, of the living and the dead
        self._paused = False
        self._memory = Memory()
        self._settling: dict[tuple[Handle, str], Timer] = {}
        self._left: deque[Handle] = deque()  # ended, and what they left behind may not have

    def living(self) -> tuple[Handle, ...]:
        """The children that have not ended."""
        return tuple(self._alive)

    def add(self, child: Handle) -> Handle:
        """Read what it says from now on."""
        self._alive.append(child)
        for stream in child.outputs:
            self._open.append((child, stream))
        if not self._paused:
            self._watch(child)
        return child

    def send(self, child: Handle, message: Message, descriptors: Sequence[int] = ()) -> bool:
        """Send it a message; False if it has gone."""
        if child.channel is None or child not in self._alive:
            return False
        try:
            done = child.channel.send(message, descriptors)
        except ChannelError:
            return False
        if not done:
            self._loop.watch(child.channel, partial(self._talk, child), write=True)
        return True

    def retire(
        self,
        child: Handle,
        grace_s: float,
        *,
        stands_still: Callable[[Handle], bool] = lambda _: False,
        streams_s: float = 0.0,
    ) -> None:
        """Ask it to finish what it has and end; after the grace it is ended, unless its clock stands still.

        Streams are ended at once; it waits for ``streams_s`` until what made them has noticed.
        """
        if child.ending:
            return
        child.ending = True
        if not self.send(child, Drain(grace_s=grace_s, streams_s=streams_s)):
            child.signal_group(signal.SIGTERM)
        child.deadline = self._loop.call_later(grace_s, partial(self._overdue, child, stands_still))

    def _overdue(self, child: Handle, stands_still: Callable[[Handle], bool]) -> None:
        if stands_still(child):
            child.deadline = self._loop.call_later(STILL_S, partial(self._overdue, child, stands_still))
        else:
            self.cut(child)

    def leave(self, child: Handle, within_s: float) -> None:
        """It may go on for so long, and then be cut."""
        if child.deadline is not None:
            child.deadline.cancel()
        child.deadline = self._loop.call_later(within_s, partial(self.cut, child))

    def cut(self, child: Handle) -> None:
        """End it, whatever it does; a worker may say what that is."""
        if child.role == "worker" and child.ready_at is not None and self.send(child, ReportBackgroundWork(cut=True)):
            child.ending = True
            self._loop.call_later(CUT_S, partial(self.kill, child))
        else:
            self.kill(child)

    def kill(self, child: Handle) -> None:
        """End it now, and what it started."""
        child.ending = True
        if child not in self._alive:
            return
        child.signal_group(signal.SIGKILL)
        if not child.pid:
            self._gone(child)  # should it be born yet, it finds its channel closed

    def reap(self) -> None:
        """Take the statuses of all that have ended."""
        for pid, status in reaped():
            self._loop.guarded(partial(self._reaped, pid, status))

    def _reaped(self, pid: int, status: int) -> None:
        child = next((each for each in self._alive if each.pid == pid), None)
        if child is not None:
            self._ended(child, status)
        elif all(each.pid for each in self._alive):
            self._listener.stranger_ended(pid, status)
        else:
            self._unclaimed[pid] = status

    def _ended(self, child: Handle, status: int) -> None:
        child.ended(status)
        if child.in_flight is not None:
            child.cause = child.cause or child.in_flight.reason()
            child.served = bool(sum(child.in_flight.snapshot().counts))
        if child.returncode == -signal.SIGKILL and not child.ending and not child.cause:
            child.cause = self._memory.killed()
        child.signal_group(signal.SIGTERM)  # what it left behind in its group
        self._left.append(child)
        self._loop.call_later(LEAVE_S, self._end_left)
        self._gone(child)

    def _end_left(self) -> None:
        """End what did not heed that: a project's own children may have a handler of its own."""
        if self._left:
            child = self._left.popleft()
            child.signal_group(signal.SIGKILL)
            if child.lifeline is not None:
                child.lifeline.end()

    def close(self) -> None:
        """Nothing of theirs outlives the supervisor."""
        while self._left:
            self._end_left()

    def _gone(self, child: Handle) -> None:
        if child not in self._alive:
            return
        self._alive.remove(child)
        if child.lifeline is not None and not child.pid:
            child.lifeline.end()
        self._loop.guarded(partial(self._last_words, child))
        self._listener.ended(child)

    def _born(self, child: Handle, pid: int) -> None:
        child.pid = pid
        if child.lifeline is not None:
            child.lifeline.bind(pid)
        if (status := self._unclaimed.pop(pid, None)) is not None:
            self._loop.post(partial(self._ended, child, status))
        if all(each.pid for each in self._alive):
            for stranger, status in self._unclaimed.items():
                self._listener.stranger_ended(stranger, status)
            self._unclaimed.clear()

    def pause(self) -> None:
        """Read nothing: whoever writes will wait."""
        self._paused = True
        for child in self._alive:
            if child.channel is not None:
                self._loop.unwatch(child.channel)
        for child, stream in self._open:
            self._loop.unwatch(child.outputs[stream])

    def resume(self) -> None:
        """Read again."""
        self._paused = False
        for child in {*self._alive, *(child for child, _ in self._open)}:
            self._watch(child)

    def _watch(self, child: Handle) -> None:
        if child.channel is not None and child in self._alive:
            self._loop.watch(child.channel, partial(self._hear, child))
        for stream in child.outputs:
            if (child, stream) in self._open:
                self._loop.watch(child.outputs[stream], partial(self._listen, child, stream))

    def _talk(self, child: Handle) -> None:
        """Its channel takes more, or has something."""
        if child.channel is None:
            return
        try:
            if child.channel.flush() and not self._paused:
                self._loop.watch(child.channel, partial(self._hear, child))
        except ChannelError as error:
            self._over(child, error)
            return
        self._hear(child)

    def _hear(self, child: Handle) -> bool:
        """Read its channel once; False at the end of it."""
        if child.channel is None:
            return False
        try:
            for message, descriptors in child.channel.receive():
                _check(child, message, descriptors)
                if isinstance(message, Hello) and not child.pid:
                    self._born(child, message.pid)
                if isinstance(message, Records):
                    self._catch_up(child)
                self._listener.message(child, message, descriptors)
        except ChannelError as error:
            self._over(child, error)
            return False
        return True

    def _over(self, child: Handle, error: ChannelError) -> None:
        """Nothing more comes from its channel, or nothing that could be read."""
        if child.channel is not None:
            self._loop.unwatch(child.channel)
        if child not in self._alive:
            return
        if not child.pid:
            self._loop.post(partial(self._never_born, child))
        elif isinstance(error, ChannelClosedError):
            self._loop.call_later(GONE_S, partial(self._lost, child, "it has closed its end, and lives on"))
        else:
            self._lost(child, str(error))

    def _lost(self, child: Handle, reason: str) -> None:
        if child in self._alive and not child.ending:
            child.cause = f"its channel failed: {reason}"
            self._listener.channel_failed(child, reason)
            child.signal_group(signal.SIGKILL)

    def _never_born(self, child: Handle) -> None:
        if not child.pid and child in self._alive:
            self._gone(child)

    def _listen(self, child: Handle, stream: str) -> bool:
        """Read one of its outputs once; False if there is nothing, for now or for ever."""
        if (child, stream) not in self._open:
            return False
        now = child.in_flight.snapshot() if child.in_flight is not None else None
        try:
            data = os.read(child.outputs[stream], _READ)
        except BlockingIOError:
            data = None
        if data is not None:
            words = child.words[stream]
            whose = partial(child.only_request, stream)
            self._tell(child, stream, words.feed(data, whose) if data else words.rest())
        if now is not None and (data is None or len(data) < _READ):
            child.silent[stream] = now  # whatever is read next was written later
        if data is None:
            return False
        if not data:
            self._loop.unwatch(child.outputs[stream])
            self._open.remove((child, stream))
            os.close(child.outputs[stream])
        return bool(data)

    def _catch_up(self, child: Handle) -> None:
        """Read what was printed before something was recorded: a request's words come before its end."""
        now = child.in_flight.snapshot() if child.in_flight is not None else None
        ready = {descriptor for descriptor, _ in child.readable.poll(0)}
        for stream, descriptor in child.outputs.items():
            if descriptor in ready:
                self._listen(child, stream)
            elif now is not None:
                child.silent[stream] = now

    def _tell(self, child: Handle, stream: str, said: Iterator[OutputLine]) -> None:
        """Hand on what was said; what may go on is let out when nothing has come for a moment."""
        all_of_it = list(said)
        if all_of_it:
            self._listener.said(child, stream, all_of_it)
        if (timer := self._settling.pop((child, stream), None)) is not None:
            timer.cancel()
        if (timeout_s := child.words[stream].timeout_s) is not None:
            settle = partial(self._settle, child, stream)
            self._settling[child, stream] = self._loop.call_later(timeout_s, settle)

    def _settle(self, child: Handle, stream: str) -> None:
        self._tell(child, stream, child.words[stream].settle())

    def _last_words(self, child: Handle) -> None:
        """Read what it had written when it died; what it left running may write on."""
        if child.channel is not None:
            for _ in range(_LAST_READS):
                if not (_readable(child.channel) and self._hear(child)):
                    break
            self._loop.unwatch(child.channel)
            child.channel.close()
        for stream in child.outputs:
            for _ in range(_LAST_READS):
                if not self._listen(child, stream):
                    break


def _check(child: Handle, message: Message, descriptors: list[int]) -> None:
    """Let a message pass that a child may send.

    Raises:
        ChannelError: it may not.
    """
    told_pid = message.pid if isinstance(message, Hello) else 2
    if message.fits(len(descriptors)) and told_pid > 1:
        return
    for descriptor in descriptors:
        os.close(descriptor)
    raise ChannelError(f"{message.kind} with {len(descriptors)} descriptors is nothing that a {child.role} sends")


def _readable(channel: Channel) -> bool:
    """Whether there is something to read, or the end: a fork of the dead child may hold the other end open."""
    return bool(select.select([channel], [], [], 0)[0])
