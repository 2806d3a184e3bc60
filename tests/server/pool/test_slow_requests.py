"""The report of a request that takes too long, on the threads of a real pool; the test says how late it is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.server.pool import slow_requests
from appliance.server.pool.slow_requests import SlowRequests
from appliance.server.pool.thread_pool import PoolThread
from tests.server.answers import Gate
from tests.server.served import Recorder, Served, get

Serve = Callable[..., Served]


class Slow:
    """A look for slow requests, and the events that it has logged."""

    def __init__(self, served: Served, after_s: float = 2.0) -> None:
        self._served = served
        self.sink = Recorder()
        self.requests = SlowRequests(self.sink, after_s)

    def running(self) -> list[PoolThread]:
        """The threads that run a request."""
        return [each for each in self._served.threads() if each.busy]

    def look(self, seconds: float) -> list[dict[str, object]]:
        """Look so long after the first of the requests began; return the fields of the events that were logged."""
        running = self.running()
        before = len(self.sink.events)
        since = min((each.since for each in running), default=0.0)
        self.requests.check(self._served.threads(), since + seconds)
        assert all(event[:2] == ("warning", "request.slow") for event in self.sink.events)
        return [fields for _, _, fields in self.sink.events[before:]]


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_a_slow_request_is_reported_once(serve: Serve, gate: Gate):
    """A request that runs for longer than allowed is reported once, with where its application stands."""
    served = serve(gate)
    client = served.client().send(get("/wait", "X-Request-ID: one"))
    assert gate.entered.acquire(timeout=10)
    slow = Slow(served)
    assert slow.look(0.5) == []
    assert slow.look(1.99) == []
    (reported,) = slow.look(2.50049)
    assert slow.look(3.5) == []
    stack = str(reported.pop("traceback"))
    assert reported == {
        "http.request.method": "GET",
        "url.path": "/wait",
        "running_s": 2.5,
        "request_id": "one",
    }
    assert "assert self.opened.wait(10)" in stack
    assert "/appliance/" not in stack, "the server's own frames around the application"
    assert "_bootstrap" not in stack
    gate.opened.set()
    assert client.response().status == 200


def test_the_next_request_of_a_thread_is_another(serve: Serve):
    """Each slow request is reported, also the second one of the same thread; what has ended is forgotten."""
    entered, opened = threading.Semaphore(0), threading.Semaphore(0)

    def app(_: dict[str, Any], start_response: Any) -> list[bytes]:
        entered.release()
        assert opened.acquire(timeout=10)
        start_response("200 OK", [])
        return [b""]

    served = serve(app, threads=1)
    slow = Slow(served)
    client = served.client()
    for number in range(2):
        client.send(get("/", f"X-Request-ID: {number}"))
        assert entered.acquire(timeout=10)
        assert [reported["request_id"] for reported in slow.look(3.0)] == [str(number)]
        opened.release()
        assert client.response().status == 200
    served.sink.wait(lambda: not slow.running())
    assert slow.look(0.0) == []
    assert slow.requests._logged == {}


def test_a_request_that_gets_no_line_is_never_slow(serve: Serve, gate: Gate):
    """A request for a page of the appliance, which waits for the next reload, is not reported."""
    served = serve(gate)
    client = served.client().send(get("/wait"))
    assert gate.entered.acquire(timeout=10)
    slow = Slow(served)
    (running,) = slow.running()
    assert running.exchange is not None
    running.exchange.logged = True
    assert slow.look(3.0) == []
    gate.opened.set()
    assert client.response().status == 200


def test_several_are_reported_together(serve: Serve, gate: Gate):
    """Each request that is too slow is reported, whatever the others do."""
    served = serve(gate)
    for number in range(3):
        served.client().send(get("/wait", f"X-Request-ID: {number}"))
        assert gate.entered.acquire(timeout=10)
    reported = Slow(served).look(20.0)
    assert sorted(str(fields["request_id"]) for fields in reported) == ["0", "1", "2"]
    gate.opened.set()


def test_without_a_limit_nothing_is_slow(serve: Serve, gate: Gate):
    """Without a limit no request is too slow."""
    served = serve(gate)
    served.client().send(get("/wait"))
    assert gate.entered.acquire(timeout=10)
    assert Slow(served, after_s=0).look(1e9) == []
    gate.opened.set()


@pytest.mark.parametrize("attached", [True, False])
def test_a_debugger_may_have_stopped_it(serve: Serve, gate: Gate, monkeypatch: pytest.MonkeyPatch, attached: bool):
    """While a debugger's client is connected no request is too slow."""
    monkeypatch.setitem(sys.modules, "debugpy", SimpleNamespace(is_client_connected=lambda: attached))
    served = serve(gate)
    served.client().send(get("/wait"))
    assert gate.entered.acquire(timeout=10)
    assert bool(Slow(served).look(3.0)) is not attached
    gate.opened.set()


def test_another_module_called_debugpy_hides_no_slow_request(serve: Serve, gate: Gate, monkeypatch: pytest.MonkeyPatch):
    """A module that is called debugpy and is not the debugger hides no slow request."""
    monkeypatch.setitem(sys.modules, "debugpy", SimpleNamespace())
    served = serve(gate)
    served.client().send(get("/wait"))
    assert gate.entered.acquire(timeout=10)
    assert len(Slow(served).look(3.0)) == 1
    gate.opened.set()


def test_a_stream_may_take_as_long_as_it_likes(serve: Serve):
    """A request that sends piece by piece is not slow."""
    sent, opened = threading.Event(), threading.Event()

    def app(_: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"x" * 100
        sent.set()
        assert opened.wait(10)

    served = serve(app)
    served.client().send(get())
    assert sent.wait(10)
    slow = Slow(served)
    assert len(slow.running()) == 1
    assert slow.look(1e6) == []
    opened.set()


def test_one_that_waits_for_its_client_is_not_slow(serve: Serve, gate: Gate):
    """A request is not slow while its thread waits for its client."""
    served = serve(gate)
    served.client().send(get("/wait"))
    assert gate.entered.acquire(timeout=10)
    slow = Slow(served)
    (thread,) = slow.running()
    connection: Any = thread.connection
    connection.wire.waiting = thread.since
    assert slow.look(1e6) == []
    connection.wire.waiting = 0.0
    assert len(slow.look(1e6)) == 1
    gate.opened.set()


def test_a_request_on_another_stack_reports_its_own_place(serve: Serve, gate: Gate):
    """If the application does not run on the stack of its thread, the request reports its own place."""
    served = serve(gate)
    served.client().send(get("/wait"))
    assert gate.entered.acquire(timeout=10)
    slow = Slow(served)
    connection: Any = slow.running()[0].connection
    connection.handler.exchange.stack = lambda: "in a coroutine"
    (reported,) = slow.look(3.0)
    assert reported["traceback"] == "in a coroutine"
    gate.opened.set()


def test_a_thread_that_has_just_ended_causes_no_error():
    """A thread without a stack, a thread without a request, and a missing thread cause no error."""
    sink = Recorder()
    thread = PoolThread()
    thread.busy = True
    SlowRequests(sink, 1.0).check([thread], 100.0)
    assert sink.events == []
    assert slow_requests._where(0) == ""


def test_a_request_whose_head_was_refused_is_not_reported(serve: Serve, gate: Gate):
    """A request whose head could not be read is not reported, and causes no error."""
    served = serve(gate)
    served.client().send(get("/wait"))
    assert gate.entered.acquire(timeout=10)
    slow = Slow(served)
    connection: Any = slow.running()[0].connection
    head, connection.handler.exchange.head = connection.handler.exchange.head, None
    assert slow.look(3.0) == []
    connection.handler.exchange.head = head
    gate.opened.set()


def test_a_stack_without_the_server_is_shown_whole():
    """The stack of a thread in which the server does not stand is shown whole."""
    waits, ended = threading.Event(), threading.Event()

    def wait_here() -> None:
        waits.set()
        assert ended.wait(10)

    thread = threading.Thread(target=wait_here)
    thread.start()
    assert waits.wait(10)
    stack = slow_requests._where(thread.ident or 0)
    ended.set()
    thread.join()
    assert "in _bootstrap\n" in stack
    assert "in wait_here\n" in stack
