"""A loop that runs in a test: until it is stopped, and not forever."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial

import pytest

from appliance.supervisor.loop import Loop


def all_of(*calls: Callable[[], object]) -> Callable[[], None]:
    """One call that makes these."""

    def made() -> None:
        for call in calls:
            call()

    return made


def accept_calls(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The listeners that the loop is asked to accept a connection from, in order."""
    asked: list[socket.socket] = []
    accept = loop.accept

    def recorded(listener: socket.socket) -> socket.socket | None:
        asked.append(listener)
        return accept(listener)

    monkeypatch.setattr(loop, "accept", recorded)
    return asked


def turn(loop: Loop) -> None:
    """Run one round of the loop."""
    loop.post(loop.stop)
    loop.run()


def run(loop: Loop, *, at_most_s: float = 10.0) -> None:
    """Run until the loop is stopped; a loop that nobody stops fails the test."""
    late: list[bool] = []
    timer = loop.call_later(at_most_s, all_of(partial(late.append, True), loop.stop))
    loop.run()
    timer.cancel()
    assert not late, "nobody has stopped the loop"
