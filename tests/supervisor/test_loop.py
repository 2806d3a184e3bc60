"""The supervisor's loop: descriptors, timers, calls from other threads; what raises ends none of them."""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from appliance.supervisor import loop as module
from appliance.supervisor.loop import Loop
from tests.faults.injections import NO_DESCRIPTOR


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    for each in (made._woken, made.wake_descriptor, made._selector):
        each.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends; one byte waits at the first."""
    one, other = socket.socketpair()
    other.send(b"x")
    with one, other:
        yield one, other


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pauses pauses for a moment."""
    monkeypatch.setattr(module, "PAUSE_S", (0.001, 0.002))


def all_of(*calls: Callable[[], object]) -> Callable[[], None]:
    """One call that makes these."""

    def made() -> None:
        for call in calls:
            call()

    return made


def run(loop: Loop, *, at_most_s: float = 10.0) -> None:
    """Until it is stopped; a loop that nobody stops fails the test."""
    late: list[bool] = []
    timer = loop.call_later(at_most_s, all_of(partial(late.append, True), loop.stop))
    loop.run()
    timer.cancel()
    assert not late, "nobody has stopped the loop"


def test_timers_fire_in_their_order(loop: Loop):
    """Calls come when they are due, those of one time in the order in which they were asked for."""
    calls: list[int] = []
    loop.call_later(0.003, loop.stop)
    for number in (1, 2):
        loop.call_later(0.002, partial(calls.append, number))
    loop.call_later(0.0, lambda: calls.append(0))
    run(loop)
    assert calls == [0, 1, 2]


def test_a_cancelled_timer_never_fires(loop: Loop):
    """A timer that was cancelled, even by another of the same round, calls nothing; nor does one twice."""
    calls: list[str] = []
    second = loop.call_later(0.0, lambda: calls.append("second"))
    second.cancel()
    first = loop.call_later(0.0, all_of(lambda: calls.append("first"), lambda: third.cancel()))  # noqa: PLW0108  it is made below
    third = loop.call_later(0.0, lambda: calls.append("third"))
    loop.call_later(0.001, loop.stop)
    run(loop)
    first.fire()
    assert calls == ["first"]


def test_other_threads_are_heard(loop: Loop):
    """A call that another thread posts runs in the loop's thread, though the loop waits for nothing."""
    ran: list[int] = []
    posting = threading.Thread(target=loop.post, args=(all_of(lambda: ran.append(threading.get_ident()), loop.stop),))
    loop.call_later(0.0, posting.start)
    run(loop)
    posting.join()
    assert ran == [threading.get_ident()]


def test_calls_are_made_in_the_order_in_which_they_were_posted(loop: Loop):
    """Posted calls come in order, those that they post themselves too."""
    calls: list[int] = []
    third = all_of(partial(calls.append, 3), loop.stop)
    loop.post(all_of(partial(calls.append, 1), partial(loop.post, third)))
    loop.post(lambda: calls.append(2))
    run(loop)
    assert calls == [1, 2, 3]


def test_a_thousand_wakes_block_nobody(loop: Loop):
    """Waking a loop that does not run blocks no thread and no signal handler, and is one round when it runs."""
    for _ in range(100_000):
        loop.wake()
    rounds: list[int] = []
    loop.post(lambda: rounds.append(1))
    loop.post(loop.stop)
    run(loop)
    assert rounds == [1]


def test_a_descriptor_is_told_of_until_it_is_unwatched(loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """What stays readable is called for again and again, and no more once it is unwatched."""
    calls: list[int] = []

    def called() -> None:
        calls.append(len(calls))
        if len(calls) == 3:
            loop.unwatch(pair[0])
            loop.unwatch(pair[0])  # once more does no harm
            loop.call_later(0.001, loop.stop)

    loop.watch(pair[0], called)
    run(loop)
    assert calls == [0, 1, 2]


def test_write_is_told_of_on_demand(loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """A socket that can be written is told of only where that was asked for; the call asked for last counts."""
    calls: list[str] = []
    _, quiet = pair  # nothing to read there
    loop.watch(quiet, lambda: calls.append("read"))
    loop.call_later(0.002, lambda: loop.watch(quiet, wrote, read=False, write=True))

    def wrote() -> None:
        calls.append("write")
        loop.stop()

    run(loop)
    assert calls == ["write"]


def test_what_an_earlier_call_unwatches_is_not_called(loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """Of two descriptors that are ready at once, the one that the other's call unwatches is left alone."""
    one, other = pair
    one.send(b"x")
    calls: list[str] = []

    def called(name: str, end: socket.socket) -> Callable[[], None]:
        return all_of(partial(calls.append, name), partial(loop.unwatch, end), loop.stop)

    loop.watch(one, called("one", other))
    loop.watch(other, called("other", one))
    run(loop)
    assert len(calls) == 1


def test_a_call_that_raises_is_paused(loop: Loop, pair: tuple[socket.socket, socket.socket], quick: None):
    """Each error is told, the descriptor pauses and is looked at again, and the loop goes on until it works."""
    told: list[str] = []
    loop.on_error = lambda error: told.append(str(error))
    calls: list[int] = []

    def called() -> None:
        calls.append(len(calls))
        if len(calls) < 4:
            raise OSError(f"failure {len(calls)}")
        pair[0].recv(1)
        loop.stop()

    loop.watch(pair[0], called)
    run(loop)
    assert told == ["failure 1", "failure 2", "failure 3"]


def test_it_is_paused_longer_each_time(loop: Loop, pair: tuple[socket.socket, socket.socket], monkeypatch: Any):
    """After each failure in a row the pause is longer, at most the longest; one success, and it begins again."""
    monkeypatch.setattr(module, "PAUSE_S", (0.001, 0.002, 0.003))
    pauses: list[float] = []
    pause = loop.pause

    def recorded(descriptor: int, after_s: float) -> None:
        pauses.append(after_s)
        pause(descriptor, after_s)

    monkeypatch.setattr(loop, "pause", recorded)
    loop.on_error = lambda _: None
    outcomes = [False, False, False, False, True, False]

    def called() -> None:
        if not outcomes:
            loop.stop()
        elif not outcomes.pop(0):
            raise ValueError

    loop.watch(pair[0], called)
    run(loop)
    assert pauses == [0.001, 0.002, 0.003, 0.003, 0.001]


def test_a_pause_holds_up_nobody(loop: Loop, pair: tuple[socket.socket, socket.socket], monkeypatch: Any):
    """While one descriptor is paused others are called for, and unwatching it ends its pause for good."""
    monkeypatch.setattr(module, "PAUSE_S", (0.001,))
    one, other = pair
    one.send(b"x")
    failures: list[Exception] = []
    loop.on_error = failures.append
    rounds: list[int] = []

    def fails() -> None:
        raise ValueError

    def works() -> None:
        rounds.append(len(rounds))
        if failures and one.fileno() in loop._paused:
            loop.unwatch(one)
            loop.unwatch(other)
            loop.call_later(0.005, loop.stop)

    loop.watch(one, fails)
    loop.watch(other, works)
    run(loop)
    assert len(failures) == 1
    assert loop._paused == {}


def test_watching_ends_a_pause(loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """A descriptor that is watched again while it pauses is called for at once, with the new call, and once a round."""
    loop.on_error = lambda _: None
    loop.watch(pair[0], lambda: pytest.fail("the old call"))
    loop.pause(pair[0], 1000.0)
    loop.watch(pair[0], loop.stop)
    run(loop)
    assert loop._paused == {}


def test_pausing_what_nobody_watches_is_nothing(loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """A pause of a descriptor that is not watched, or closed, does nothing."""
    loop.pause(pair[0], 0.0)
    loop.pause(-1, 0.0)
    assert loop._paused == {}


def test_a_descriptor_that_is_closed_while_it_pauses(loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """When its pause is over a descriptor that has been closed is left out, and nothing is raised."""
    loop.on_error = lambda error: pytest.fail(repr(error))
    one, number = pair[0], os.dup(pair[0].fileno())
    for each in (one, number):
        loop.watch(each, lambda: None)
        loop.pause(each, 0.0)
    one.close()
    os.close(number)
    loop.call_later(0.001, loop.stop)
    run(loop)
    assert loop._paused == {}


@pytest.mark.parametrize("how", ["timer", "post", "descriptor"])
def test_without_anyone_to_tell_an_error_comes_out(
    loop: Loop, pair: tuple[socket.socket, socket.socket], how: str
):  # fmt: skip
    """Where nobody is to be told of errors, the loop ends with the first."""

    def fails() -> None:
        raise ValueError("this one")

    {
        "timer": lambda: loop.call_later(0.0, fails),
        "post": lambda: loop.post(fails),
        "descriptor": lambda: loop.watch(pair[0], fails),
    }[how]()
    with pytest.raises(ValueError, match="this one"):
        loop.run()


def test_timers_and_posted_calls_that_raise_are_told(loop: Loop):
    """An error of a timer, or of a posted call, is told, and the next call comes."""
    told: list[Exception] = []
    loop.on_error = told.append

    def fails() -> None:
        raise ValueError

    loop.call_later(0.0, fails)
    loop.post(fails)
    loop.call_later(0.001, loop.stop)
    run(loop)
    assert [type(error) for error in told] == [ValueError, ValueError]
    assert loop.guarded(lambda: None)
    assert not loop.guarded(fails)


def lose(selector: selectors.BaseSelector) -> None:
    """Have another file take the place of the selector's own descriptor, as a careless caller could."""
    assert isinstance(selector, selectors.EpollSelector)
    with open(os.devnull, "rb") as other:  # noqa: PTH123  a descriptor is all that counts
        os.dup2(other.fileno(), selector.fileno())


def test_a_selector_that_fails_is_replaced(
    loop: Loop, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
):  # fmt: skip
    """Where the kernel's list is lost another one is taken, with all that was watched and is still open."""
    monkeypatch.setattr(module, "PAUSE_S", (0.001,))
    told: list[Exception] = []
    loop.on_error = told.append
    gone, closed = socket.socketpair()
    number = os.dup(gone.fileno())
    for each in (gone, closed, number, pair[0]):
        loop.watch(each, loop.stop)
    gone.close()
    closed.close()
    os.close(number)
    lost = loop._selector
    lose(lost)
    run(loop)
    assert loop._selector is not lost
    assert len(told) == 1


def test_a_selector_that_can_not_be_replaced_yet(
    loop: Loop, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
):  # fmt: skip
    """Where there is no descriptor for another selector the loop asks again after a pause, until there is."""
    monkeypatch.setattr(module, "PAUSE_S", (0.001,))
    told: list[Exception] = []
    loop.on_error = told.append
    make, refusals = selectors.DefaultSelector, [NO_DESCRIPTOR, NO_DESCRIPTOR]

    def refuse() -> selectors.BaseSelector:
        if refusals:
            raise refusals.pop()
        return make()

    monkeypatch.setattr(selectors, "DefaultSelector", refuse)
    loop.watch(pair[0], loop.stop)
    lose(loop._selector)
    run(loop)
    assert len(told) == 3
