"""Which requests a worker records, and how it sends them."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from appliance.protocol.request_details import BODY_MAX, RESPONSE_MAX, unpack
from appliance.server.wsgi.access_log.exchange import Exchange
from appliance.worker.instrumentation.detail_sender import FLOOD_EACH_S, DetailSender


@pytest.fixture
def ends() -> Iterator[tuple[DetailSender, socket.socket, list[Exchange]]]:
    """A sender, the recorder's end, and the requests that began."""
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    begun: list[Exchange] = []
    sender = DetailSender(theirs.detach(), lambda exchange, _: begun.append(exchange))
    yield sender, ours, begun
    ours.close()
    sender.close()


def exchange(started: float = 0.0, request_id: str = "id") -> Exchange:
    """A request."""
    return Exchange(None, "127.0.0.1", 8000, started, request_id)


def test_a_request_is_sent_whole(ends):
    """Head, body and response arrive as they were, with what names the access record."""
    sender, ours, begun = ends
    request = exchange()
    sender.begin(request, b"GET / HTTP/1.1\r\n\r\n")
    assert request.details is not None
    request.details.received(b"body")
    request.details.sent((b"HTTP/1.1 200 OK\r\n\r\n", b"content"))
    request.ended = 17.5
    sender.end(request)
    found = unpack(ours.recv(1 << 20))
    memory, queue_us = found.info.pop("memory"), found.info.pop("queue_us")
    assert found.info == {"request_id": "id", "ended_us": 17_500_000}
    assert queue_us >= 0
    assert min(memory) > 1_000_000
    assert memory[2] <= memory[3]
    assert (found.head, found.body) == (b"GET / HTTP/1.1\r\n\r\n", b"body")
    assert found.response == b"HTTP/1.1 200 OK\r\n\r\ncontent"
    assert begun == [request]


def test_large_bodies_are_cut(ends):
    """The beginning of a large body and response is sent, and the size of the rest."""
    sender, ours, _ = ends
    request = exchange()
    sender.begin(request, b"")
    assert request.details is not None
    for _ in range(100):
        request.details.received(b"b" * 1000)
        request.details.sent((b"r" * 1000,))
    sender.end(request)
    found = unpack(ours.recv(1 << 20))
    assert (len(found.body), found.info["body_cut"]) == (BODY_MAX, 100_000 - BODY_MAX)
    assert (len(found.response), found.info["response_cut"]) == (RESPONSE_MAX, 100_000 - RESPONSE_MAX)


def test_a_flood_is_recorded_in_part(ends):
    """About a hundred requests of a flood are recorded at once, then ten a second; each message counts the others."""
    sender, ours, begun = ends
    requests = [exchange(number / 10_000) for number in range(100_000)]
    told = []
    for request in requests:
        sender.begin(request, b"")
        if request.details is not None:
            is_rare = sender.end(request)
            told.append(unpack(ours.recv(1 << 20)).info.get("left_out", 0))
            assert is_rare == (told[-1] == 0)
    assert begun == requests
    assert 210 < len(told) < 230
    assert 99_000 - len(told) < sum(told) <= 100_000 - len(told)
    later = exchange(10 + FLOOD_EACH_S)
    sender.begin(later, b"")
    assert later.details is not None


def test_a_page_with_many_parts_is_recorded_whole(ends):
    """No request of a page that loads 250 files in a third of a second is left out."""
    sender, _, _ = ends
    requests = [exchange(number / 750) for number in range(250)]
    for request in requests:
        sender.begin(request, b"")
    assert all(request.details is not None for request in requests)


def test_more_than_a_person_sends_is_recorded_often(ends):
    """A hundred of 500 requests a second are recorded, in the long run too."""
    sender, _, _ = ends
    requests = [exchange(number / 500) for number in range(10_000)]
    for request in requests:
        sender.begin(request, b"")
    recorded = sum(request.details is not None for request in requests[5000:])
    assert 900 < recorded <= 1010


def test_a_recorder_that_reads_nothing_holds_up_nothing(ends):
    """Messages that the socket does not take are kept up to a limit, and arrive when the recorder reads again."""
    sender, ours, _ = ends
    for number in range(250):
        request = exchange(number, f"id-{number}")
        sender.begin(request, b"x" * 30_000)
        sender.end(request)
    ours.setblocking(False)
    found = []
    while True:
        try:
            found.append(unpack(ours.recv(1 << 20)).info["request_id"])
        except BlockingIOError:
            count = len(found)
            sender.flush()
            if len(found) == count and not _readable(ours):
                break
    assert found == [f"id-{number}" for number in range(len(found))]
    assert 100 < len(found) < 250


def _readable(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False


def test_without_a_recorder_nothing_fails(ends):
    """If no recorder reads any longer, requests end as usual."""
    sender, ours, begun = ends
    ours.close()
    request = exchange()
    sender.begin(request, b"")
    sender.end(request)
    assert begun == [request]
