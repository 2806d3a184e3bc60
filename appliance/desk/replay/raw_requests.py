"""The last requests as they were received, secrets included: in memory only, and bounded.

The database has everything masked. To send a request again takes what was masked, so it is kept here until the recorder
ends. One thread adds; the threads of replays ask, and wait for the request that they have sent themselves.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from appliance.protocol.request_details import unpack

if TYPE_CHECKING:
    from appliance.protocol.request_details import RequestDetails

MOST_REQUESTS = 1_000
MOST_BYTES = 16 * 1024 * 1024
_NEAR_US = 2  # a time that was stored as seconds may be rounded


class _Expected(NamedTuple):
    """A request that is being sent again.

    Attributes:
        number: of the request that it repeats.
        came: set once it was recorded; ``found`` then has it.
    """

    number: int
    came: threading.Event
    found: list[RequestDetails]


class RawRequests:
    """Keeps the bytes of the last requests in memory.

    Args:
        most_requests, most_bytes: how much is kept.
    """

    def __init__(self, most_requests: int = MOST_REQUESTS, most_bytes: int = MOST_BYTES) -> None:
        self._most_requests = most_requests
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int], tuple[RequestDetails, int]] = OrderedDict()
        self._bytes = 0
        self._expected: dict[bytes, _Expected] = {}

    def add(self, message: bytes) -> int | None:
        """Keep the request of a message; return the number of the request that it repeats, None if it repeats none."""
        try:
            details = unpack(message)
            key = (str(details.info["request_id"]), int(details.info["ended_us"]))
        except Exception:  # noqa: BLE001  the project has the socket too, and may write anything
            return None
        with self._lock:
            _, replaced = self._kept.pop(key, (None, 0))
            self._kept[key] = details, len(message)
            self._bytes += len(message) - replaced
            while len(self._kept) > self._most_requests or self._bytes > self._most_bytes:
                _, (_, size) = self._kept.popitem(last=False)
                self._bytes -= size
            expected = self._expected.get(details.head)
            if expected is None or expected.found:
                return None
            expected.found.append(details)
        expected.came.set()
        return expected.number

    def get(self, request_id: str, at: float) -> RequestDetails | None:
        """Return the request with this id that ended at this time, in seconds since 1970; None if it is not kept."""
        ended_us = round(at * 1_000_000)
        with self._lock:
            for near in range(-_NEAR_US, _NEAR_US + 1):
                found = self._kept.get((request_id, ended_us + near))
                if found is not None:
                    return found[0]
        return None

    def expect(self, head: bytes, number: int) -> None:
        """Expect the request with exactly this head, which repeats the request of this number."""
        with self._lock:
            self._expected[head] = _Expected(number, threading.Event(), [])

    def arrived(self, head: bytes, wait_s: float) -> RequestDetails | None:
        """Return the request that is expected with this head, once it was recorded; None if it is not in this time."""
        with self._lock:
            expected = self._expected.get(head)
        if expected is None:
            return None
        expected.came.wait(wait_s)
        return expected.found[0] if expected.found else None

    def forget(self, head: bytes) -> None:
        """Expect this head no longer."""
        with self._lock:
            self._expected.pop(head, None)
