"""The supervisor's loop after an error: the descriptor pauses, longer each time, and nobody else does."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest

from appliance.supervisor import loop as module
from appliance.supervisor.loop import Loop
from tests.faults.injections import NO_DESCRIPTOR, FewDescriptors, few_descriptors
from tests.supervisor.loops import run


def recorded_pauses(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, float]]:
    """The pauses that begin from now on: of which descriptor, and for how long."""
    pauses: list[tuple[object, float]] = []
    pause = loop.pause

    def recorded(descriptor: Any, after_s: float) -> None:
        pauses.append((descriptor, after_s))
        pause(descriptor, after_s)

    monkeypatch.setattr(loop, "pause", recorded)
    return pauses


def test_a_call_that_raises_is_paused(loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """Each error is reported, the descriptor pauses and is looked at again, and the loop goes on until it works."""
    reported: list[str] = []
    loop.on_error = lambda error: reported.append(str(error))
    calls: list[int] = []

    def called() -> None:
        calls.append(len(calls))
        if len(calls) < 4:
            raise OSError(f"failure {len(calls)}")
        pair[0].recv(1)
        loop.stop()

    loop.watch(pair[0], called)
    run(loop)
    assert reported == ["failure 1", "failure 2", "failure 3"]


__all__ = ["few_descriptors"]


def test_a_listener_pauses_while_no_descriptor_is_free(
    loop: Loop, few_descriptors: FewDescriptors, monkeypatch: pytest.MonkeyPatch
):
    """A connection for which no descriptor is free waits: its listener is ignored for a moment, and asked again."""
    monkeypatch.setattr(module, "FULL_S", 0.001)
    pauses = recorded_pauses(loop, monkeypatch)
    accepted: list[socket.socket | None] = []

    def called() -> None:
        accepted.append(loop.accept(listener))
        loop.stop()

    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        loop.watch(listener, called)
        with few_descriptors(0):
            run(loop)
        assert accepted == [None]
        assert pauses == [(listener, 0.001)]
        run(loop)
        connection = accepted[1]
        assert connection is not None
        connection.close()
        loop.unwatch(listener)


def test_a_failing_part_is_paused_longer_each_time(
    loop: Loop, pair: tuple[socket.socket, socket.socket], monkeypatch: Any
):
    """After each failure in a row the pause is longer, at most the longest; one success, and it begins again."""
    pauses = recorded_pauses(loop, monkeypatch)
    loop.on_error = lambda _: None
    outcomes = [False, False, False, False, True, False]

    def called() -> None:
        if not outcomes:
            loop.stop()
        elif not outcomes.pop(0):
            raise ValueError

    loop.watch(pair[0], called)
    run(loop)
    assert [after_s for _, after_s in pauses] == [0.001, 0.002, 0.003, 0.003, 0.001]


def test_watching_again_forgets_the_failures(
    loop: Loop, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
):  # fmt: skip
    """A descriptor that is watched again has no failures yet: its next pause is the shortest."""
    pauses: list[float] = []
    pause = loop.pause

    def recorded(descriptor: int, after_s: float) -> None:
        pauses.append(after_s)
        pause(descriptor, after_s)
        if len(pauses) == 2:
            loop.watch(pair[0], fails)
        elif len(pauses) == 3:
            loop.stop()

    def fails() -> None:
        raise ValueError

    monkeypatch.setattr(loop, "pause", recorded)
    loop.on_error = lambda _: None
    loop.watch(pair[0], fails)
    run(loop)
    assert pauses == [0.001, 0.002, 0.001]


def test_calls_of_one_descriptor_go_on_while_another_fails(loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """While one descriptor has failures, the calls of another go on, and raise nothing."""
    one, other = pair
    one.send(b"x")
    reported: list[Exception] = []
    loop.on_error = reported.append
    rounds: list[int] = []

    def fails() -> None:
        raise ValueError

    def works() -> None:
        rounds.append(len(reported))
        if rounds.count(1) == 2:
            loop.stop()

    loop.watch(one, fails)
    loop.watch(other, works)
    run(loop)
    assert rounds.count(1) == 2
    assert {type(error) for error in reported} == {ValueError}


def test_a_descriptor_that_cannot_be_paused_is_called_for_again(
    loop: Loop, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
):  # fmt: skip
    """A descriptor that can't be paused after its failure ends nothing: it is called for again."""
    reported: list[Exception] = []
    loop.on_error = reported.append

    def refuse(*_: object) -> None:
        raise NO_DESCRIPTOR

    def called() -> None:
        if reported:
            loop.stop()
        else:
            raise ValueError

    monkeypatch.setattr(loop, "pause", refuse)
    loop.watch(pair[0], called)
    run(loop)
    assert [type(error) for error in reported] == [ValueError]


def test_a_pause_holds_up_nobody(loop: Loop, pair: tuple[socket.socket, socket.socket], monkeypatch: Any):
    """While one descriptor is paused the others' callbacks run, and unwatching it ends its pause permanently."""
    one, other = pair
    one.send(b"x")
    failures: list[Exception] = []
    loop.on_error = failures.append
    rounds: list[int] = []

    def fails() -> None:
        raise ValueError

    def works() -> None:
        rounds.append(len(rounds))
        if failures:
            loop.unwatch(one)
            loop.unwatch(other)
            loop.call_later(0.005, loop.stop)

    loop.watch(one, fails)
    loop.watch(other, works)
    run(loop)
    assert len(failures) == 1


@pytest.mark.parametrize("after_s", [0.0, 1000.0])
def test_watching_ends_a_pause(after_s: float, loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """A descriptor that is watched again while it pauses is called for at once, and the pause does not end again."""
    reported: list[Exception] = []
    loop.on_error = reported.append
    loop.watch(pair[0], lambda: pytest.fail("the old call"))
    loop.pause(pair[0], after_s)
    loop.watch(pair[0], loop.stop)
    run(loop)
    assert reported == []


def test_pausing_an_unwatched_descriptor_does_nothing(loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """A pause of a descriptor that is not watched, or closed, does nothing."""
    reported: list[Exception] = []
    loop.on_error = reported.append
    loop.pause(pair[0], 0.0)
    loop.pause(-1, 0.0)
    loop.call_later(0.001, loop.stop)
    run(loop)
    assert reported == []


def test_a_descriptor_that_is_closed_while_it_pauses_is_left_out(loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """When its pause is over a descriptor that has been closed is left out, and nothing is raised."""
    reported: list[Exception] = []
    loop.on_error = reported.append
    one, number = pair[0], os.dup(pair[0].fileno())
    for each in (one, number):
        loop.watch(each, lambda: None)
        loop.pause(each, 0.0)
    one.close()
    os.close(number)
    loop.call_later(0.001, loop.stop)
    run(loop)
    assert reported == []
