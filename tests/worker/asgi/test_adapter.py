"""An ASGI application under the WSGI server: its scope and messages, its client's answer, and the end of both."""

from __future__ import annotations

import asyncio
import json
import queue
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import a2wsgi
import pytest

from appliance.worker.asgi import lifespan
from appliance.worker.asgi.adapter import Response
from appliance.worker.asgi.event_loop import EventLoopThread
from appliance.worker.hooks import Hooks
from tests.server.served import PATIENCE_S, Recorder, Served, chunked, get, post

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Handler = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def http(handler: Handler) -> Handler:
    """An application that knows no lifespan."""

    async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await handler(scope, receive, send)

    return application


class Adapted:
    """An application in an event loop of its own, as the worker runs it; ``served`` is the server in front."""

    def __init__(self, application: Any, stack: ExitStack) -> None:
        self.reported = Recorder()
        hooks = Hooks()
        hooks.report_to(self.reported.event)
        self._over = threading.Event()
        self._adapters: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.raised: BaseException | None = None
        self._running = EventLoopThread(str(Path(a2wsgi.__file__).parent), "Run uvicorn.", hooks, self._serving)
        self._thread = threading.Thread(target=self._run, args=(application,), daemon=True)
        self._thread.start()
        self.adapter = self._adapters.get(timeout=PATIENCE_S)
        if self.adapter is not None:
            stack.callback(self.end, 0.5)
            self.served = Served(self.adapter, stack)

    def _run(self, application: Any) -> None:
        try:
            self._running.run(lambda: application, inside=True)
        except BaseException as error:  # noqa: BLE001  looked at by the test
            self.raised = error
            self._adapters.put(None)

    def _serving(self, adapter: Any) -> None:
        self._adapters.put(adapter)
        self._over.wait()

    def end(self, within_s: float) -> None:
        """Nothing is served any more."""
        if not self._over.is_set():
            self.adapter.end(within_s)
            self._over.set()
            self._thread.join(PATIENCE_S)
            assert not self._thread.is_alive()


@pytest.fixture
def adapt() -> Iterator[Callable[[Any], Adapted]]:
    """Serve applications; they end with the test."""
    with ExitStack() as stack:
        yield lambda application: Adapted(application, stack)


Adapt = Callable[[Any], Adapted]


def test_the_application_gets_the_scope_of_an_asgi_server(adapt: Adapt) -> None:
    """The scope is what an ASGI server would make of the request; its state is the lifespan's."""
    seen: list[dict[str, Any]] = []

    async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            scope["state"]["word"] = "kept"
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        seen.append(scope)
        await send(START)
        await send(body(b"served"))

    adapted = adapt(application)
    assert adapted.served.ask(get("/caf%C3%A9/%2F?a=%20b", "X-Word: w")).body == b"served"
    assert adapted.served.ask(get(method="HEAD")).body == b""
    scope = seen[0]
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/caf\xe9//", b"/caf%C3%A9/%2F", b"a=%20b")
    assert (scope["method"], scope["http_version"], scope["scheme"]) == ("GET", "1.1", "http")
    assert scope["client"][0] == "127.0.0.1"
    assert (b"x-word", b"w") in scope["headers"]
    assert scope["state"] == {"word": "kept"}
    adapted.end(5.0)
    assert not adapted.reported.events


@pytest.mark.parametrize("request_of", [post, lambda data: chunked(data[:7], data[7:])])
def test_a_body_comes_in_parts(adapt: Adapt, request_of: Callable[[bytes], bytes]) -> None:
    """A large body is given in bounded parts, with a length and without; its end is a part of its own."""
    parts: list[int] = []

    async def size(_scope: object, receive: Receive, send: Send) -> None:
        while (message := await receive())["more_body"]:
            parts.append(len(message["body"]))
        assert message["body"] == b""
        await send(START)
        await send(body(b"%d" % sum(parts)))

    data = b"x" * 3_000_000
    assert adapt(http(size)).served.ask(request_of(data)).body == b"3000000"
    assert max(parts) <= 1_048_576


def test_a_stream_is_sent_part_by_part(adapt: Adapt) -> None:
    """Each part is sent when the application gives it, the head before the first."""
    again = asyncio.Event()

    async def stream(scope: dict[str, Any], _receive: object, send: Send) -> None:
        await send(START)
        if scope["path"] == "/":
            await again.wait()
            await send(body(b"one", more=True))
        again.set()
        await send(body(b"two"))

    served = adapt(http(stream)).served
    client = served.client().send(get("/", "Connection: close"))
    assert client.sock.recv(1024).endswith(b"\r\n\r\n")  # the head; its content waits for the second request
    assert served.ask(get("/again")).body == b"two"
    assert client.rest() == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


def test_work_after_a_response_delays_no_client(adapt: Adapt) -> None:
    """Work after a response delays no client, is waited for at the end, and is cut and named if it takes too long."""
    go_on = asyncio.Event()
    done: list[str] = []

    async def application(scope: dict[str, Any], _receive: object, send: Send) -> None:
        await send(START)
        await send(body(b"answered"))
        if scope["path"] == "/endless":
            await asyncio.Event().wait()
        go_on.set()
        done.append(scope["path"])

    adapted = adapt(http(application))
    assert adapted.served.ask(get("/endless")).body == b"answered"
    assert adapted.served.ask(get("/short")).body == b"answered"
    adapted.end(1.0)
    assert done == ["/short"]
    assert adapted.reported.wait_for("work.cut")["function"] == "application"


def test_an_application_is_told_that_its_client_has_left(adapt: Adapt) -> None:
    """``receive`` returns the disconnect, and ``send`` raises an error."""
    left: queue.SimpleQueue[Any] = queue.SimpleQueue()

    async def stream(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()
        await send(START)
        await send(body(b"one", more=True))
        left.put((await receive())["type"])
        try:
            await send(body(b"two", more=True))
        except OSError:
            left.put("raised")
            raise

    adapted = adapt(http(stream))
    client = adapted.served.client().send(get())
    assert client.sock.recv(1024)
    client.close()
    assert [left.get(timeout=PATIENCE_S), left.get(timeout=PATIENCE_S)] == ["http.disconnect", "raised"]
    assert "left" in adapted.served.sink.record()["reason"]
    assert not [event for event in adapted.reported.events if event[1] == "application.failed"]


@pytest.mark.parametrize("begun", [False, True])
def test_an_exception_gives_the_servers_page(adapt: Adapt, *, begun: bool) -> None:
    """An exception of the application gives the server's page, with the project's line, in place of its bare one."""

    async def fails(_scope: object, _receive: object, send: Send) -> None:
        if begun:  # as Starlette does: it answers, then raises further
            await send({**START, "status": 500})
            await send(body(b"Internal Server Error"))
        raise ValueError("kaboom")

    served = adapt(http(fails)).served
    response = served.ask(get("/", "Accept: application/json"))
    page = json.loads(response.body)
    assert (response.status, page["detail"]) == (500, "ValueError: kaboom")
    assert page["exception"]["frames"][-1]["function"] == "fails"
    assert served.sink.wait_for("application.failed")["error"] == "ValueError: kaboom"


def test_a_page_that_somebody_wrote_is_sent_as_it_is(adapt: Adapt) -> None:
    """An answer of status 500 that says something is sent as it is."""

    async def answers(_scope: object, _receive: object, send: Send) -> None:
        await send({**START, "status": 500})
        await send(body(b"the kettle is cold"))

    response = adapt(http(answers)).served.ask()
    assert (response.status, response.body) == (500, b"the kettle is cold")


@pytest.mark.parametrize(("says", "title"), [("sorry", "ValueError: kaboom"), ("<h1>ValueError</h1>", None)])
def test_a_frameworks_own_error_page_is_replaced(
    adapt: Adapt, monkeypatch: pytest.MonkeyPatch, says: str, title: str | None
) -> None:
    """The page of a framework's own handler (Sanic's has kilobytes) is replaced, unless it names the exception."""

    class Sanic:
        def __init__(self) -> None:
            self.error_handler = SimpleNamespace(default=lambda _request, _error: says.encode() + b" " * 5000)

        async def __call__(self, scope: dict[str, Any], _receive: object, send: Send) -> None:
            assert scope["type"] == "http"
            page = self.error_handler.default(None, ValueError("kaboom"))
            await send({**START, "status": 500})
            await send(body(page[:3000], more=True))
            await send(body(page[3000:]))

    monkeypatch.setitem(sys.modules, "sanic", SimpleNamespace(Sanic=Sanic))
    response = adapt(Sanic()).served.ask(get("/", "Accept: application/json"))
    assert response.status == 500
    assert json.loads(response.body)["detail"] == title if title else response.body.strip() == says.encode()


def test_a_response_that_ends_too_early_is_not_whole() -> None:
    """A response that a2wsgi ends as if it were whole, since the application has ended, is none."""
    bridge = SimpleNamespace(last=False, error=ValueError("kaboom"), trace=None, leave=lambda: None)
    loop: Any = SimpleNamespace(call_soon_threadsafe=lambda _: None)
    response = Response(iter([b"one", b""]), cast("Any", bridge), None, loop).begin()
    with pytest.raises(ValueError, match="kaboom"):
        list(response)


def test_an_application_without_an_answer_is_logged(adapt: Adapt) -> None:
    """An application that returns without an answer is logged, without the name of a module of ours."""

    async def silent(_scope: object, _receive: object, _send: object) -> None: ...

    response = adapt(http(silent)).served.ask(get("/", "Accept: text/plain"))
    assert response.status == 500
    assert response.body.startswith(b"NoResponse: the ASGI application returned without a response")
    assert b"appliance." not in response.body


def test_a_websocket_is_refused_with_501(adapt: Adapt) -> None:
    """The offer of one is refused with 501 and what to run, each time; the event comes once."""
    adapted = adapt(http(lambda *_: pytest.fail("it was called")))
    offer = get("/ws", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: a")
    for _ in range(2):
        response = adapted.served.ask(offer)
        assert (response.status, response.body.endswith(b"Run uvicorn.\n")) == (501, True)
    refused = [fields for _, event, fields in adapted.reported.events if event == "websocket.refused"]
    assert refused == [{"url.path": "/ws", "action": "Run uvicorn."}]


def test_a_startup_that_fails_ends_the_start_with_its_exception(adapt: Adapt) -> None:
    """A startup that raises ends the start with the application's exception, and says that the startup raised it."""

    async def application(_scope: object, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "Traceback ..."})
        raise RuntimeError("no database")

    adapted = adapt(application)
    assert str(adapted.raised) == "no database"
    assert "startup failed" in vars(adapted.raised)["appliance_lead"]


def test_the_place_of_a_long_startup_is_reported(adapt: Adapt, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place where a long startup stands is reported while it goes on."""
    monkeypatch.setattr(lifespan, "SLOW_S", 0.0)
    reported = asyncio.Event()
    real = Hooks.report

    def tell(hooks: Hooks, level: str, event: str, fields: dict[str, object]) -> None:
        real(hooks, level, event, fields)
        reported.set()

    monkeypatch.setattr(Hooks, "report", tell)

    async def application(_scope: object, _receive: object, send: Send) -> None:
        await reported.wait()
        await send({"type": "lifespan.startup.complete"})

    slow = adapt(application).reported.wait_for("lifespan.slow")
    assert (slow["function"], "await reported.wait()" in str(slow["traceback"])) == ("application", True)


@pytest.mark.parametrize("blocks", [False, True])
def test_a_shutdown_that_never_ends_is_logged(adapt: Adapt, *, blocks: bool) -> None:
    """A shutdown that never ends is given its time and is logged, also if it blocks the event loop."""
    over = threading.Event()

    async def application(_scope: object, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if blocks:
            over.wait(PATIENCE_S)
        await asyncio.Event().wait()

    adapted = adapt(application)
    adapted.adapter.end(0.5)
    over.set()
    reason = str(adapted.reported.wait_for("lifespan.failed")["reason"])
    assert ("blocks the event loop" if blocks else "did not end within") in reason
