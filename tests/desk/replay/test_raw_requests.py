"""The requests in memory: the last ones, within both limits."""

from __future__ import annotations

import threading

from appliance.desk.replay.raw_requests import RawRequests
from appliance.protocol.request_details import RequestDetails


def message(number: int, body: bytes = b"", head: bytes = b"GET / HTTP/1.1") -> bytes:
    """A request as a worker sends it."""
    return RequestDetails({"request_id": f"r{number}", "ended_us": number}, head, body, b"").pack()


def test_the_last_received_requests_are_kept():
    """The oldest go first, by number and by bytes; junk changes nothing."""
    kept = RawRequests(most_requests=3, most_bytes=10_000)
    for number in range(5):
        assert kept.add(message(number)) is None
    assert [kept.get(f"r{number}", number / 1_000_000) is not None for number in range(5)] == [False] * 2 + [True] * 3
    kept.add(b"junk")
    kept.add(message(5, b"x" * 9_000))
    kept.add(message(6, b"x" * 9_000))
    assert [kept.get(f"r{number}", number / 1_000_000) is not None for number in (4, 5, 6)] == [False, False, True]
    kept.add(message(7, b"x" * 20_000))
    assert kept.get("r7", 7 / 1_000_000) is None


def test_one_id_of_two_requests_is_two_requests():
    """A client may send one id twice: the time tells them apart."""
    kept = RawRequests()
    for number, body in ((1_000, b"a"), (9_000, b"b")):
        kept.add(RequestDetails({"request_id": "same", "ended_us": number}, b"", body, b"").pack())
    found = [kept.get("same", number / 1_000_000) for number in (1_000, 9_000)]
    assert [each.body for each in found if each is not None] == [b"a", b"b"]


def test_a_request_that_is_expected_is_recognised():
    """The request with exactly this head is the replay, once; all others are not."""
    kept = RawRequests()
    kept.expect(b"GET / \t", 17)
    assert kept.add(message(1)) is None
    threading.Timer(0.02, lambda: kept.add(message(2, head=b"GET / \t"))).start()
    found = kept.arrived(b"GET / \t", 5)
    assert found is not None
    assert found.info["request_id"] == "r2"
    assert kept.add(message(3, head=b"GET / \t")) is None
    kept.expect(b"GET / early", 18)
    assert kept.add(message(4, head=b"GET / early")) == 18
    assert kept.arrived(b"GET / early", 0) is not None  # its record came before its response
    kept.expect(b"x", 1)
    assert kept.arrived(b"x", 0.001) is None
    kept.forget(b"x")
    assert kept.arrived(b"x", 5) is None
