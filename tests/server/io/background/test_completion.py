"""The record of a response that is sent when its application has ended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from appliance.server.io.background.completion import EndOfRecord, ServerEnded, end_when_sent, how_it_ended
from appliance.server.wsgi.access_log import exchange as recording
from appliance.server.wsgi.access_log.exchange import Exchange


class Handler:
    """A handler, and the sink of its server."""

    close_connection = False

    def __init__(self, **sink: Any) -> None:
        self.logged: list[object] = []
        self.events: list[tuple[str, str, dict[str, object]]] = []
        event = lambda *event: self.events.append(event)  # noqa: E731  one line
        self.server_context = SimpleNamespace(sink=SimpleNamespace(event=event, **sink))
        self.wire: Any = SimpleNamespace(call_when_sent=self.call_when_sent)
        self.waits: list[Any] = []

    def call_when_sent(self, call: object) -> bool:
        """Call this later."""
        self.waits.append(call)
        return True

    def log_exchange(self, exchange: object) -> None:
        """Note the exchange."""
        self.logged.append(exchange)


def exchange() -> Exchange:
    """A record that is not finished."""
    return Exchange(None, "", 0, 0.0, "id")


def end(handler: Any, size: int, failure: OSError | None = None, unsent: int = 0, missing: int = 0) -> Any:
    """End a response of so many bytes."""
    record = exchange()
    EndOfRecord(handler, record, size)(SimpleNamespace(failure=failure, unsent=unsent, missing=missing))  # type: ignore[arg-type]
    assert handler.logged.pop() is record
    return record


def test_a_record_is_finished_when_all_was_sent(monkeypatch: pytest.MonkeyPatch):
    """A response that was sent whole has its size and the time of its end, and its connection stays."""
    monkeypatch.setattr(recording, "monotonic", lambda: 5.0)
    monkeypatch.setattr(recording, "time", lambda: 1000.0)
    handler = Handler()
    record = end(handler, 100)
    assert (record.finished, record.ended, record.body_size) == (5.0, 1000.0, 100)
    assert (record.event, record.reason, handler.close_connection, handler.events) == (
        "request.finished", None, False, [],
    )  # fmt: skip


def test_a_response_that_failed_says_why():
    """A response that was not sent to its end is aborted, with what was sent of it, and its connection closes."""
    handler = Handler()
    record = end(handler, 100, ConnectionResetError(), unsent=30)
    assert (record.event, record.body_size) == ("request.aborted", 70)
    assert record.reason == "the client left after 70 bytes of the response"
    assert (handler.close_connection, handler.events) == (True, [])
    record = end(handler, 100, TimeoutError("the client does not read"), unsent=130)  # the head was not sent either
    assert (record.body_size, record.reason) == (0, "the client does not read, 0 bytes into the response")
    assert (
        how_it_ended(TimeoutError("the client does not read"), 7)
        == "the client does not read, 7 bytes into the response"
    )
    assert how_it_ended(ServerEnded(), 7) == "the server ended it, after 7 bytes of the response"
    assert how_it_ended(None, 1) == "the client left after 1 byte of the response"


def test_a_file_that_shrank_is_too_short():
    """A file that has not what was promised leaves a record that says so, one event, and a closed connection."""
    handler = Handler()
    record = end(handler, 100, missing=40)
    assert (record.event, record.body_size) == ("request.finished", 60)
    assert record.reason == "the application gave 60 of the 100 bytes that it promised"
    assert handler.close_connection is True
    assert handler.events == [("warning", "response.short", {"promised": 100, "sent": 60, "request_id": "id"})]


def test_the_sink_is_told_that_the_application_has_ended():
    """A sink that keeps each request's output is called before the response has ended; another has no such call."""
    told: list[object] = []
    record = exchange()
    handler: Any = Handler(begin_sending=told.append)
    assert end_when_sent(handler, record, 5)
    assert told == [record]
    (wait,) = handler.waits
    wait(SimpleNamespace(failure=None, missing=0))
    assert (handler.logged, record.body_size) == ([record], 5)
    plain: Any = Handler()
    plain.wire.call_when_sent = lambda _: False
    assert not end_when_sent(plain, record, 5)
