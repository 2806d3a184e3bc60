"""The supervisor's loop: descriptors, timers, calls from other threads; what raises ends none of them."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from appliance.supervisor.loop import Loop
from tests.faults.injections import NO_DESCRIPTOR
from tests.supervisor.loops import all_of, run


def test_timers_fire_in_their_order(loop: Loop, monkeypatch: pytest.MonkeyPatch):
    """Calls come when they are due, those of one time in the order in which they were asked for."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    calls: list[int] = []
    loop.call_later(0.003, loop.stop)
    for number in (1, 2):
        loop.call_later(0.002, partial(calls.append, number))
    loop.call_later(0.0, lambda: calls.append(0))
    now += 1.0
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


def test_a_descriptor_is_called_for_until_it_is_unwatched(loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """A descriptor that stays readable is called for again and again, until it is unwatched."""
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


def test_writable_descriptors_are_reported_on_demand(loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """A writable socket is reported only if that was asked for; the last callback counts."""
    calls: list[str] = []
    _, quiet = pair  # nothing to read there
    loop.watch(quiet, lambda: calls.append("read"))
    loop.call_later(0.002, lambda: loop.watch(quiet, wrote, read=False, write=True))

    def wrote() -> None:
        calls.append("write")
        loop.stop()

    run(loop)
    assert calls == ["write"]


def test_a_watch_for_writing_alone_is_not_called_for_reading(loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """If a socket can be read but not written, a watch for writing alone is called once it can be written."""
    one, other = pair
    one.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while one.send(bytes(65_536)):
            pass
    calls: list[str] = []

    def read_all() -> None:
        calls.append("read by the other end")
        other.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while other.recv(65_536):
                pass

    loop.watch(one, all_of(partial(calls.append, "can be written"), loop.stop), read=False, write=True)
    loop.call_later(0.001, read_all)
    run(loop)
    assert calls == ["read by the other end", "can be written"]


def test_the_loop_waits_for_the_next_timer(
    loop: Loop, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
):  # fmt: skip
    """The selector waits until the first timer is due, for no less and no longer; without a timer, forever."""
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    waits: list[float | None] = []
    select = loop._selector.select

    def recorded(timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        waits.append(timeout)
        return select(timeout)

    monkeypatch.setattr(loop._selector, "select", recorded)
    loop.watch(pair[0], loop.stop)
    loop.run()
    loop.call_later(9.0, loop.stop)
    loop.call_later(7.5, loop.stop)
    loop.run()
    assert waits == [None, 7.5]


def test_what_an_earlier_call_unwatches_is_not_called(loop: Loop, pair: tuple[socket.socket, socket.socket]):
    """If two descriptors are ready at once, one that the other's callback unwatches is not called."""
    one, other = pair
    one.send(b"x")
    calls: list[str] = []

    def called(name: str, end: socket.socket) -> Callable[[], None]:
        return all_of(partial(calls.append, name), partial(loop.unwatch, end), loop.stop)

    loop.watch(one, called("one", other))
    loop.watch(other, called("other", one))
    run(loop)
    assert len(calls) == 1


@pytest.mark.parametrize("how", ["timer", "post", "descriptor"])
def test_without_anyone_to_tell_an_error_comes_out(
    loop: Loop, pair: tuple[socket.socket, socket.socket], how: str
):  # fmt: skip
    """Without a callback for errors, the loop ends with the first."""

    def fails() -> None:
        raise ValueError("this one")

    {
        "timer": lambda: loop.call_later(0.0, fails),
        "post": lambda: loop.post(fails),
        "descriptor": lambda: loop.watch(pair[0], fails),
    }[how]()
    with pytest.raises(ValueError, match="this one"):
        loop.run()


def test_timers_and_posted_calls_that_raise_are_reported(loop: Loop):
    """An error of a timer, or of a posted call, is reported, and the next call comes."""
    reported: list[Exception] = []
    loop.on_error = reported.append

    def fails() -> None:
        raise ValueError

    loop.call_later(0.0, fails)
    loop.post(fails)
    loop.call_later(0.001, loop.stop)
    run(loop)
    assert [type(error) for error in reported] == [ValueError, ValueError]
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
    """If the kernel's list is lost, another one is made, with each watched descriptor that is still open."""
    reported: list[Exception] = []
    loop.on_error = reported.append
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
    assert [type(error) for error in reported] == [OSError]


def test_the_loop_asks_again_for_a_selector_that_cannot_be_replaced(
    loop: Loop, pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
):  # fmt: skip
    """If there is no descriptor for another selector, the loop asks again after a pause, until there is."""
    reported: list[Exception] = []
    loop.on_error = reported.append
    make, refusals = selectors.DefaultSelector, [NO_DESCRIPTOR, NO_DESCRIPTOR]

    def refuse() -> selectors.BaseSelector:
        if refusals:
            raise refusals.pop()
        return make()

    monkeypatch.setattr(selectors, "DefaultSelector", refuse)
    loop.watch(pair[0], loop.stop)
    lose(loop._selector)
    run(loop)
    assert len(reported) == 3
