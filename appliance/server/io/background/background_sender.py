"""One thread that sends to slow readers and receives from slow senders, for all connections of a server.

This module bounds the number of transfers, and owns their poller and their thread; ``transfer`` owns the bytes of each.
Knows nothing of the threads that run applications: it asks the server by ``ServerCallbacks``. The thread starts with
the first transfer and ends with the server.

Decision 24 has the reasons.
"""

from __future__ import annotations

import os
import threading
from time import monotonic
from typing import TYPE_CHECKING

from ..outbound import CHECK_INTERVAL_S
from ..poller import Poller
from ..send_progress import has_poll
from .completion import ServerEnded
from .memory_release import MemoryRelease
from .transfer import IS_OVER, Incoming, Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...http.body_end import ChunkedEnd, LengthEnd
    from ...http.limits import Limits
    from ..outbound import Outbound
    from ..wire import Wire
    from .byte_queue import Storage

    Transfer = Outgoing | Incoming


class ServerCallbacks:
    """The methods of a server that its transfers call.

    Attributes:
        is_pressed: whether requests wait for a thread.
        max_ahead: how many bytes a response may be ahead of its client; 0 if its thread waits for the client.
        begin_wait: lets the thread of a wire wait for its client for a long time; False if it may not.
        begin_wait_in_memory: the same, with the bytes in memory.
        may_run: whether one more request may have a thread although its body has not come.
        transfers_ended: called when transfers have ended.
    """

    def __init__(
        self,
        *,
        is_pressed: Callable[[], bool],
        max_ahead: Callable[[Outbound], int],
        begin_wait: Callable[[Outbound], bool],
        begin_wait_in_memory: Callable[[Outbound], bool],
        may_run: Callable[[], bool],
        transfers_ended: Callable[[], None],
    ) -> None:
        self.is_pressed = is_pressed
        self.max_ahead = max_ahead
        self.begin_wait = begin_wait
        self.begin_wait_in_memory = begin_wait_in_memory
        self.may_run = may_run
        self.transfers_ended = transfers_ended


class BackgroundSender:
    """The transfers of one server.

    Attributes:
        storage: where their bytes wait.
        is_full: a transfer was refused because there are too many, and none has ended since.
        is_able: two threads can wait for one socket, which they can't under eventlet.
        poller, thread: what waits for the clients, and the thread that does; None until the first transfer.
    """

    def __init__(self, limits: Limits, storage: Storage, callbacks: ServerCallbacks) -> None:
        self._limits = limits
        self._callbacks = callbacks
        self.is_pressed = callbacks.is_pressed
        self.storage = storage
        self.is_full = False
        self.is_able = has_poll()
        self._memory_release = MemoryRelease()
        self._lock = threading.Lock()
        self._under_way: dict[int, Transfer] = {}
        self._ending = 0  # how many are no longer under way, and not settled yet
        self.poller: Poller | None = None
        self.thread: threading.Thread | None = None
        self._process = os.getpid()
        self._check_interval_s = min(CHECK_INTERVAL_S, limits.send_timeout_s / 2, limits.body_timeout_s / 2)
        self._over = False

    @property
    def busy(self) -> bool:
        """Whether a transfer is under way, or has just ended and is not yet settled."""
        with self._lock:
            return bool(self._under_way or self._ending)

    # -- sending: in the request's thread

    def send(self, wire: Outbound, rest: memoryview) -> bool:
        """Send the rest, and what follows it; False if the thread has to wait for the client itself.

        Raises:
            TimeoutError: the thread may not wait.
        """
        if not self._send(wire, lambda outgoing: outgoing.begin(rest)):
            return False
        self._memory_release.note(len(rest))
        return True

    def send_file(self, wire: Outbound, descriptor: int, offset: int, count: int) -> bool:
        """Send a part of a file; returns and raises as ``send``."""
        return self._send(wire, lambda outgoing: outgoing.begin_file(descriptor, offset, count))

    def _send(self, wire: Outbound, begin: Callable[[Outgoing], None]) -> bool:
        most = self._callbacks.max_ahead(wire)
        if not most or os.getpid() != self._process:
            return False
        outgoing = Outgoing(wire, self.storage, most=most, seconds=self._limits.send_timeout_s)
        try:
            begin(outgoing)
        except OSError:  # no room; the storage has reported it
            begun = False
        else:
            begun = self._begin(outgoing)
        if begun:
            wire.send_in_background(outgoing)
            return True
        outgoing.end()
        if not self._callbacks.begin_wait_in_memory(wire):
            raise TimeoutError("there is no room for what a slow client has not read")
        return False

    def put(self, outgoing: Outgoing, data: bytes | memoryview) -> bool:
        """Append to the bytes being sent; False if all of them were sent, so that these can be sent directly.

        Raises:
            OSError: the transfer has failed.
            TimeoutError: the application is too far ahead, and its thread may not wait.
        """
        self._check_process()
        if outgoing.is_full:
            self._wait(outgoing)
        try:
            if outgoing.put(data, self._wake):
                return True
        except OSError:
            if outgoing.failure is not None:
                raise
            self._wait(outgoing)  # there is no room for it
            outgoing.check()
        self._end(outgoing)  # the next may begin before the thread of the transfers has settled this one
        return False

    def put_file(self, outgoing: Outgoing, descriptor: int, offset: int, count: int) -> bool:
        """Append a part of a file to what is being sent; returns and raises as ``put``."""
        self._check_process()
        try:
            if outgoing.put_file(descriptor, offset, count):
                return True
        except OSError:
            if outgoing.failure is not None:
                raise
            self._wait(outgoing)
            outgoing.check()
        self._end(outgoing)
        return False

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise ConnectionAbortedError("the response is being sent by the process that this one was forked from")

    def _wait(self, outgoing: Outgoing) -> None:
        """Wait until all was sent."""
        wire = outgoing.wire
        if not self._callbacks.begin_wait(wire):
            raise TimeoutError("too many responses wait for their clients")
        wire.waiting = monotonic()
        try:
            while not outgoing.is_over:
                outgoing.wait(CHECK_INTERVAL_S)
        finally:
            wire.waiting = 0.0

    # -- receiving: in the request's thread

    def receive(self, wire: Wire, end: ChunkedEnd | LengthEnd, *, chunked: bool) -> Incoming | None:
        """Receive a body to its end, once ``follow`` is called; None if there are too many transfers."""
        with self._lock:
            if self._over or len(self._under_way) >= self._limits.max_transfers:
                self.is_full = not self._over
                return None
        seconds, most = self._limits.body_timeout_s, self._limits.spool_bytes
        return Incoming(wire, self.storage, end, most=most, seconds=seconds, chunked=chunked)

    def follow(self, transfer: Transfer, afterwards: Callable[[Transfer], None]) -> bool:
        """Call this when the transfer has ended, in the thread of the transfers; False if it has ended."""
        if isinstance(transfer, Outgoing):
            return transfer.afterwards(afterwards)
        transfer.afterwards = afterwards
        return self._begin(transfer)

    def recall(self, most: int) -> list[tuple[Incoming, bytes]]:
        """Give up each body of which at most this has come, if another process may receive the rest."""
        with self._lock:
            found = [each for each in self._under_way.values() if isinstance(each, Incoming) and each.wire.movable]
        given = []
        for transfer in found:
            data = transfer.recall(most)
            if data is not None:
                self._forget(transfer, ends=False)
                given.append((transfer, data))
        return given

    # -- any thread

    def _begin(self, transfer: Transfer) -> bool:
        descriptor = transfer.descriptor
        with self._lock:
            if self._over:
                return False
            if len(self._under_way) >= self._limits.max_transfers:
                self.is_full = True
                return False
            try:
                poller = self._locked_start()
                self._under_way[descriptor] = transfer
                poller.register(descriptor, writable=transfer.sending)
            except Exception:  # noqa: BLE001  no thread, no descriptor, no memory: then the request's thread waits
                self._under_way.pop(descriptor, None)
                return False
        poller.wake()
        return True

    def _locked_start(self) -> Poller:
        if self.poller is None:
            self.poller = Poller()
        if self.thread is None:
            thread = threading.Thread(target=self._run, args=(self.poller,), name="transfers", daemon=True)
            thread.start()
            self.thread = thread
        return self.poller

    def _forget(self, transfer: Transfer, *, ends: bool) -> bool:
        """Remove a transfer; return whether it was under way. ``ends``: its end is settled next."""
        with self._lock:
            if self._under_way.get(transfer.descriptor) is not transfer:
                return False
            del self._under_way[transfer.descriptor]
            self._ending += ends
            if self.poller is not None:
                self.poller.unregister(transfer.descriptor)
            return True

    def _pause(self, descriptor: int) -> None:
        if self.poller is not None:
            self.poller.unregister(descriptor)

    def _wake(self, outgoing: Outgoing) -> None:
        with self._lock:
            if self.poller is not None and self._under_way.get(outgoing.descriptor) is outgoing:
                self.poller.register(outgoing.descriptor, writable=True)
                self.poller.wake()

    def close(self) -> None:
        """End all transfers, and the thread."""
        with self._lock:
            self._over = True
            left = list(self._under_way.values())
            poller = self.poller
        for transfer in left:
            self._end(transfer, ServerEnded("the server goes"))
        if poller is not None:
            poller.close()

    # -- the thread of the transfers

    def _run(self, poller: Poller) -> None:
        checked_at = monotonic()
        try:
            while not self._over:
                readable = poller.wait(self._check_interval_s if self._under_way else None)
                ended = [self._advance(descriptor, poller) for descriptor in readable]
                now = monotonic()
                if now - checked_at >= self._check_interval_s:
                    checked_at = now
                    ended += [self._check_time(transfer, now) for transfer in list(self._under_way.values())]
                if any(ended):
                    self._callbacks.transfers_ended()
        except (OSError, ValueError):  # the project has closed the poller's descriptor
            self._failed()

    def _advance(self, descriptor: int, poller: Poller) -> bool:
        with self._lock:
            transfer = self._under_way.get(descriptor)
            if transfer is None:
                poller.unregister(descriptor)
                return False
        try:
            return transfer.advance(self._pause) == IS_OVER and self._end(transfer)
        except Exception as error:  # noqa: BLE001  one connection's failure is not the others'
            return self._end(transfer, error)

    def _check_time(self, transfer: Transfer, now: float) -> bool:
        try:
            over = transfer.check_time(now) == IS_OVER
        except Exception as error:  # noqa: BLE001  as above
            return self._end(transfer, error)
        if not over and isinstance(transfer, Incoming) and transfer.needs_thread and self._callbacks.may_run():
            over = True
        return over and self._end(transfer)

    def _end(self, transfer: Transfer, error: Exception | None = None) -> bool:
        if not self._forget(transfer, ends=True):
            return False  # it was recalled, or ended by another thread
        self.is_full = False
        try:
            if error is not None:
                transfer.fail(error if isinstance(error, OSError) else OSError(str(error)))
            transfer.end()
        finally:
            with self._lock:
                self._ending -= 1
        return True

    def _failed(self) -> None:
        """End after the project has closed the poller's descriptors. The next transfer starts another thread."""
        with self._lock:
            poller, self.poller, self.thread = self.poller, None, None
            left = list(self._under_way.values())
        for transfer in left:
            self._end(transfer, ConnectionAbortedError("the server lost the descriptors that it waits with"))
        if poller is not None:
            poller.close()
