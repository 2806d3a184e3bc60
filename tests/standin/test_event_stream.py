"""The event stream of open pages."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from appliance.standin import event_stream
from appliance.standin.event_stream import EventStream

Event = tuple[str, str, Any]


def opened(stream: EventStream, last_event_id: str = "") -> Iterable[bytes]:
    """One client's response."""
    environ = {"HTTP_LAST_EVENT_ID": last_event_id} if last_event_id else {}
    return stream.application(environ, lambda *_: None)


def events(data: bytes) -> list[Event]:
    """The events of a piece of a stream: id, name, data."""
    found = []
    for block in data.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found.append((fields["id"], fields["event"], json.loads(fields["data"])))
    return found


def names(data: bytes) -> list[str]:
    """The names of its events."""
    return [name for _, name, _ in events(data)]


def test_a_stream_begins_with_the_state():
    """A page that opens learns at once what serves."""
    stream = EventStream()
    stream.publish_state({"generation": 3})
    assert [(name, data) for _, name, data in events(next(iter(opened(stream))))] == [("state", {"generation": 3})]


def test_every_client_gets_every_event():
    """A published event reaches all open streams, in order."""
    stream = EventStream()
    clients = [iter(opened(stream)) for _ in range(3)]
    for client in clients:
        next(client)
    stream.publish("assets", {"paths": ["a.css"]})
    stream.publish_state({"generation": 1})
    assert [names(next(client)) for client in clients] == [["assets", "state"]] * 3


def test_a_client_that_connects_again_misses_nothing():
    """A client names the last event that it got by Last-Event-ID, and gets the later ones again."""
    stream = EventStream()
    first = iter(opened(stream))
    next(first)
    stream.publish("assets", {"paths": ["a.css"]})
    last = events(next(first))[-1][0]
    stream.publish("assets", {"paths": ["b.css"]})
    again = events(next(iter(opened(stream, last))))
    assert [data["paths"] for _, name, data in again if name == "assets"] == [["b.css"]]


def test_a_new_client_learns_what_was_saved():
    """A browser that opens a page later may have an old file in its cache: it gets the time of each save."""
    stream = EventStream()
    stream.publish_assets(["a.css", "b.css"])
    stream.publish_assets(["a.css"])
    data = next(data for _, name, data in events(next(iter(opened(stream)))) if name == "saved")
    assert list(data["paths"]) == ["b.css", "a.css"]
    assert data["paths"]["a.css"] >= data["paths"]["b.css"] > 1_000_000_000_000


def test_what_was_saved_is_bounded():
    """A new client learns of the last ones of a thousand saved files."""
    stream = EventStream(kept=3)
    stream.publish_assets([f"{number}.png" for number in range(9)])
    assert list(events(next(iter(opened(stream))))[-1][2]["paths"]) == ["6.png", "7.png", "8.png"]


def test_an_id_of_another_process_does_not_count():
    """After a restart of the stand-in its numbers begin again: a client gets the state, and no old events."""
    stream = EventStream()
    stream.publish_state({"generation": 1})
    stream.publish("assets", {"paths": ["a.css"]})
    for last_event_id in ("00000000-0", "nonsense", "-", "x-99999999999999999999"):
        assert names(next(iter(opened(stream, last_event_id)))) == ["state"]


def test_the_same_state_is_published_once():
    """A page is not asked to do anything where nothing has changed."""
    stream = EventStream()
    client = iter(opened(stream))
    next(client)
    for _ in range(3):
        stream.publish_state({"generation": 1})
    stream.publish("assets", {"paths": []})
    assert names(next(client)) == ["state", "assets"]


def test_a_close_ends_every_stream():
    """The appliance stops: no client holds it up."""
    stream = EventStream()
    client: Iterator[bytes] = iter(opened(stream))
    next(client)
    ended = threading.Thread(target=lambda: list(client))
    ended.start()
    stream.close()
    ended.join(10)
    assert not ended.is_alive()


def test_a_stream_too_many_is_refused():
    """One too many is refused with 503, and a stream that was closed makes room for another, once."""
    stream = EventStream()
    held: list[Any] = [opened(stream) for _ in range(event_stream.STREAMS_MAX)]
    statuses: list[str] = []
    stream.application({}, lambda status, _: statuses.append(status))
    held[0].close()
    held[0].close()
    for _ in range(2):
        stream.application({}, lambda status, _: statuses.append(status))
    assert [status[:3] for status in statuses] == ["503", "200", "503"]
