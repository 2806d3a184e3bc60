"""Requests counted in shared memory: who runs is known, also of the dead."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from appliance.protocol.inflight import InFlight, Reading, Slot
from appliance.protocol.traces import Trace, read_origin

HEAD = b"GET /a?b=1 HTTP/1.1\r\nHost: x"


@dataclass
class Request:
    """As much of an exchange as counts."""

    request_id: str = "id"
    trace: Trace | None = None
    started: float = 1.5
    slot: Slot | None = None


@pytest.fixture
def both():
    """A worker's side and the supervisor's of one memory."""
    reading = Reading(3)
    yield InFlight(reading.descriptor), reading
    reading.close()


def test_running_requests_are_known(both):
    """A request that has begun is seen with its start, its id and its head, until it has ended."""
    in_flight, reading = both
    request = Request()
    in_flight.begin(request, HEAD)
    assert reading.running() == [(1.5, "id", HEAD)]
    in_flight.end(request)
    assert (reading.running(), reading.ended_count()) == ([], 1)


def test_a_long_head_is_cut(both):
    """Only the beginning of a head is kept, and a long id does not spoil it."""
    in_flight, reading = both
    in_flight.begin(Request(request_id="i" * 128), b"GET /" + b"x" * 2000)
    assert (reading.running()[0].request_id, reading.running()[0].head[:8]) == ("i" * 128, b"GET /xxx")


def test_the_trace_of_a_request_is_kept(both):
    """A request that is traced is kept with its span, however long its id is."""
    in_flight, reading = both
    trace = Trace("a" * 32, "b" * 16, "c" * 16, 1)
    in_flight.begin(Request("i" * 128, trace), HEAD)
    assert read_origin(reading.running()[0].request_id) == ("i" * 128, ["a" * 32, "b" * 16, "c" * 16, 1])


def test_a_request_that_is_only_being_sent_is_not_over(both):
    """A request whose application has ended is not over before its response is, and has said nothing meanwhile."""
    in_flight, reading = both
    first, second = Request("first"), Request("second")
    in_flight.begin(first, HEAD)
    in_flight.begin_sending(first)
    before = reading.slot_use()
    in_flight.begin(second, HEAD)
    assert [request.request_id for request in reading.running()] == ["first", "second"]
    assert reading.only_one_since(before) == "second"
    assert reading.ended_count() == 0
    in_flight.end(first)
    in_flight.begin_sending(first)
    assert ([request.request_id for request in reading.running()], reading.ended_count()) == (["second"], 1)


def test_waiting_connections_are_counted(both):
    """The number of connections that wait for a thread is known, whatever runs in any slot."""
    in_flight, reading = both
    assert reading.waiting() == 0
    in_flight.set_waiting(70_000)
    in_flight.begin(Request(), HEAD)
    assert (reading.waiting(), len(reading.running())) == (70_000, 1)
    in_flight.set_waiting(0)
    assert reading.waiting() == 0


def test_refused_requests_count_as_ended(both):
    """A request that ends without having begun counts as ended: its record is sent like every other."""
    in_flight, reading = both
    in_flight.end(Request())
    assert (reading.running(), reading.ended_count()) == ([], 1)


def test_requests_beyond_the_slots_run_uncounted(both):
    """A request without a slot runs uncounted, and changes no other's count."""
    in_flight, reading = both
    requests = [Request(request_id=str(number)) for number in range(5)]
    for request in requests:
        in_flight.begin(request, HEAD)
    assert sorted(each.request_id for each in reading.running()) == ["0", "1", "2"]
    for request in requests:
        in_flight.end(request)
    assert (reading.running(), reading.ended_count()) == ([], 5)


def test_the_only_request_since_a_time_is_found(both):
    """The only request since a moment is returned, running or not; with two or none, None is returned."""
    in_flight, reading = both
    first, second = Request("first"), Request("second")
    before = reading.slot_use()
    assert reading.only_one_since(before) is None
    in_flight.begin(first, HEAD)
    assert reading.only_one_since(before) == "first"
    during = reading.slot_use()
    assert reading.only_one_since(during) == "first"
    in_flight.end(first)
    assert reading.only_one_since(before) == reading.only_one_since(during) == "first"
    after = reading.slot_use()
    in_flight.begin(second, HEAD)
    assert reading.only_one_since(before) is None
    assert reading.only_one_since(during) is None
    assert reading.only_one_since(after) == "second"


def test_a_fork_of_the_worker_counts_nothing(both):
    """Requests of a process that was forked off the worker are not counted."""
    in_flight, reading = both
    request = Request()
    in_flight.begin(request, HEAD)
    in_flight.leave()
    in_flight.end(request)
    in_flight.begin(Request("other"), HEAD)
    assert reading.running() == [(1.5, "id", HEAD)]


def test_the_memory_outlives_its_writer(both):
    """The requests of a worker at its death are read from the memory that it has left."""
    _, reading = both
    pid = os.fork()
    if pid == 0:
        InFlight(reading.descriptor).begin(Request("last"), HEAD)
        os._exit(1)
    os.waitpid(pid, 0)
    assert [each.request_id for each in reading.running()] == ["last"]
