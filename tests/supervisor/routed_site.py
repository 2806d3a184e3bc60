"""A connection router with processes that are fakes, for tests of where connections go."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.protocol.messages import TakeConnections
from appliance.protocol.page_messages import SetStandInPage
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.workers.connection_router import ConnectionRouter
from tests.supervisor.fakes import FakeChildren, FakeLog, FakeLoop, handle


class LastAnswer:
    """Remembers whether the supervisor itself answers."""

    def __init__(self) -> None:
        self.page: Any = None
        self.taken: list[str] = []

    def take(self, connections: Any, page: Any = None) -> None:
        """As the supervisor's."""
        for descriptor, early, _ in connections:
            os.close(descriptor)
            self.taken.append(early if page is None else page["title"])

    @property
    def active(self) -> bool:
        """As the supervisor's."""
        return self.page is not None

    def start(self, page: Any) -> None:
        """As the supervisor's."""
        self.page = page

    def stop(self) -> None:
        """As the supervisor's."""
        self.page = None


class Site:
    """A router, its stand-in and its workers."""

    def __init__(self) -> None:
        self.loop, self.children, self.log, self.last_answer = FakeLoop(), FakeChildren(), FakeLog(), LastAnswer()
        self.failure: Exception | None = None
        self.standins: list[Handle] = []
        parts: Any = (self.loop, self.children, self._start, self.last_answer, self.log)
        self.router = ConnectionRouter(*parts)
        self.children.ended = self.router.ended

    def _start(self) -> Handle:
        if self.failure is not None:
            raise self.failure
        self.standins.append(self.children.add(handle("standin")))
        return self.standins[-1]

    def worker(self) -> Handle:
        """A worker that accepts from now on."""
        worker = self.children.add(handle())
        self.router.serve(worker)
        return worker

    def shown(self) -> list[tuple[float, float]]:
        """The wait of each page that stand-ins were sent, and its beginning."""
        sent = [message for _, message in self.children.sent if isinstance(message, SetStandInPage)]
        return [(message.wait_s, message.since) for message in sent]

    def pages(self) -> list[Any]:
        """The pages that stand-ins were sent, in order."""
        return [message.page["title"] for _, message in self.children.sent if isinstance(message, SetStandInPage)]

    def delivered(self) -> list[tuple[Handle, list[str]]]:
        """The connections that were sent on, each with what was read of it, and to whom."""
        return [(child, each.early) for child, each in self.children.sent if isinstance(each, TakeConnections)]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site on which nothing serves yet; its clock is the loop's."""
    made = Site()
    monkeypatch.setattr(time, "monotonic", lambda: made.loop.now)
    yield made
    made.router.close()


def connection() -> int:
    """A descriptor in place of a connection's."""
    read, write = os.pipe()
    os.close(write)
    return read


def is_open(descriptor: int) -> bool:
    """Whether this descriptor is open."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
