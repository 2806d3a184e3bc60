"""Reading the details of requests beside the recorder's own thread."""

from __future__ import annotations

import select
import socket

from appliance.desk import detail_reader
from appliance.desk.detail_reader import DetailReader
from appliance.desk.replay.raw_requests import RawRequests
from appliance.protocol.request_details import RequestDetails


def message(number: int, size: int = 0) -> bytes:
    """A request as a worker sends it."""
    return RequestDetails({"request_id": f"r{number}", "ended_us": number}, b"GET /", b"x" * size, b"").pack()


def test_what_comes_is_taken_once_and_in_order(monkeypatch):
    """The reader wakes the recorder, keeps each request in memory, and drops the oldest beyond its bytes."""
    monkeypatch.setattr(detail_reader, "MOST_BYTES", 60_000)
    ours, workers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    raw = RawRequests()
    reader = DetailReader(ours, raw)
    with ours, workers:
        reader.thread.start()
        raw.expect(b"GET /", 7)
        workers.send(message(1))
        assert select.select([reader.wake], [], [], 20)[0]
        assert reader.take() == [(message(1), 7)]
        assert not select.select([reader.wake], [], [], 0)[0] or reader.take() == []
        for number in (2, 3, 4):
            workers.send(message(number, 25_000))
        while raw.get("r4", 4 / 1_000_000) is None:
            select.select([reader.wake], [], [], 20)
        assert [each for each, _ in reader.take()] == [message(3, 25_000), message(4, 25_000)]
        workers.shutdown(socket.SHUT_RDWR)
