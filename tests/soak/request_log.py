"""The requests sent, the promises about each, and the lines that came: each request must have exactly one.

Filled by the clients, and by the thread that reads the appliance's log; judged at the end. A request is a number, so
that a million of them are three arrays.
"""

from __future__ import annotations

import threading
from array import array
from collections import Counter
from typing import Any

PREFIX = "soak-"
ANY = 0  # a status that nobody can foretell
ACCESS = frozenset({"request.finished", "request.refused", "request.aborted", "websocket.closed"})
# Other events of a child that are not a fault here: it was asked to.
EXPECTED = frozenset({"application.failed", "response.short", "handshake.failed", "output", "stream.limit"})
KEPT = 40  # failures that are shown


class RequestLog:
    """Counts and promises, by the request's number."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines = array("B")  # how many lines each has
        self._statuses = array("H")  # of its last line
        self._promised = array("i")  # its status; ANY; -1: it may have been lost on its way, so it may have no line
        self._claimed: set[str] = set()  # names that the server gave, as clients saw them
        self._own: dict[str, tuple[str, int]] = {}  # names that the server gave, as lines have them
        self.events: Counter[str] = Counter()
        self.failures: list[str] = []
        self.failed = 0
        self.nameless = 0  # requests that were sent without a name, and left before an answer

    def new(self) -> int:
        """A request is about to be sent; until more is said of it, it may have a line or none."""
        with self._lock:
            self._lines.append(0)
            self._statuses.append(0)
            self._promised.append(-1)
            return len(self._lines) - 1

    def promise(self, number: int, status: int = ANY) -> None:
        """The server has it: it must have one line."""
        self._promised[number] = status

    def claim(self, name: str) -> None:
        """A client was answered under a name that the server gave."""
        if not name.startswith(PREFIX):
            with self._lock:
                self._claimed.add(name)

    def excuse(self, count: int = 1) -> None:
        """Allow a line for each of ``count`` requests that were sent without a name."""
        with self._lock:
            self.nameless += count

    def fail(self, words: str) -> None:
        """Something was wrong."""
        with self._lock:
            self.failed += 1
            if len(self.failures) < KEPT:
                self.failures.append(words)

    def line(self, event: dict[str, Any]) -> None:
        """The appliance said something."""
        name = event["event"]
        with self._lock:
            self.events[name] += 1
        if name not in ACCESS:
            if event["role"] == "worker" and name not in EXPECTED:
                self.fail(f"an event that nobody expects: {event}")
            return
        request, status = event["request_id"], event.get("http.response.status_code", 0)
        number = int(request.removeprefix(PREFIX)) if request.startswith(PREFIX) else -1
        if number >= 0:
            self._lines[number] = min(255, self._lines[number] + 1)
            self._statuses[number] = status
        elif request in self._own:
            self.fail(f"two lines for {request}: {self._own[request]} and {event}")
        else:
            self._own[request] = (name, status)

    @property
    def sent(self) -> int:
        """How many requests were sent under a name."""
        return len(self._lines)

    def missing(self) -> int:
        """How many lines have not come yet."""
        promised = sum(
            1 for lines, status in zip(self._lines, self._promised, strict=True) if not lines and status >= 0
        )
        return promised + len(self._claimed - self._own.keys())

    def judge(self) -> None:
        """Compare lines and promises; what differs is a failure."""
        for number, (lines, status, promised) in enumerate(
            zip(self._lines, self._statuses, self._promised, strict=True)
        ):
            if lines > 1 or (promised >= 0 and not lines):
                self.fail(f"{PREFIX}{number} has {lines} lines (promised: status {promised})")
            elif lines and promised > 0 and status != promised:
                self.fail(f"{PREFIX}{number} has status {status} in its line, and had {promised} on the wire")
        for name in self._claimed - self._own.keys():
            self.fail(f"no line for {name}, which a client was answered under")
        unclaimed = [line for name, line in self._own.items() if name not in self._claimed]
        if len(unclaimed) > self.nameless:
            self.fail(
                f"{len(unclaimed)} lines that nobody sent a request for, {self.nameless} excused: {unclaimed[:5]}"
            )
