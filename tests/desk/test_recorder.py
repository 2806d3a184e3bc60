"""The recorder, with real memory and a real database."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from appliance.desk import recorded_requests, recorder, table_rows
from appliance.desk.database import open_for_reading
from appliance.desk.detail_reader import DetailReader
from appliance.desk.filters import Filters
from appliance.desk.line_ring import SIZE, LineReader, LineWriter
from appliance.desk.store import Limits, Store
from appliance.desk.store_schedule import StoreSchedule
from appliance.protocol.request_details import RequestDetails
from tests.desk.log_lines import line, request


class Running:
    """A recorder in a thread, the supervisor's ends, and what it has reported."""

    def __init__(self, path: Path, limits: Limits | None = None, size: int = SIZE) -> None:
        self.path = path
        self.reported: list[tuple[str, str, dict[str, Any]]] = []
        self._told = threading.Semaphore(0)
        self.lines = LineWriter(size)
        self.made = recorder.Recorder(path, "run", self.reader(), self._report, limits=limits)
        self.read_end, self.pipe = os.pipe()
        self._thread = threading.Thread(target=self._run)

    def reader(self) -> LineReader:
        """Another reader of the same lines."""
        return LineReader(os.dup(self.lines.descriptor))

    def start(self) -> None:
        """Run."""
        self._thread.start()

    def _run(self) -> None:
        self.made.run(self.read_end)
        self.made.flush()

    def _report(self, *event: Any) -> None:
        self.reported.append(event)
        self._told.release()

    def wait_for_report(self) -> None:
        """Wait for the recorder's next report."""
        assert self._told.acquire(timeout=20)

    def send(self, *lines: bytes) -> None:
        """Write whole lines, all at once, and wake it."""
        self.lines.write(b"".join(line + b"\n" for line in lines), sum(b"request." in line for line in lines))
        os.write(self.pipe, b"\0")

    def finish(self) -> None:
        """Close the pipe, and wait for its end."""
        if self.pipe >= 0:
            os.close(self.pipe)
            self.pipe = -1
            if self._thread.ident is not None:
                self._thread.join(20)
                assert not self._thread.is_alive()
            os.close(self.read_end)
            self.lines.close()

    def paths(self) -> list[str]:
        """The paths of the requests that are stored."""
        connection = open_for_reading(self.path)
        found = [each["path"] for each in recorded_requests.find(connection, Filters(limit=20_000))]
        connection.close()
        return found[::-1]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A recorder that runs."""
    made = Running(tmp_path / "folder" / "desk.sqlite3")
    made.start()
    yield made
    made.finish()


def test_what_comes_before_the_end_is_stored(running: Running):
    """Everything that was written before the pipe's end is stored, once and in order."""
    running.path.parent.mkdir()
    for number in range(50):
        running.send(request(f"/{number}"))
    running.finish()
    assert running.paths() == [f"/{number}" for number in range(50)]
    assert running.reported == []


def test_a_database_that_fails_is_reported_once(running: Running, monkeypatch: pytest.MonkeyPatch):
    """While nothing can be written there is one event; the recorder stores everything when it can."""
    monkeypatch.setattr(recorder, "RETRY_S", 0.0)
    running.send(request("/waits"))
    running.wait_for_report()
    ((level, event, fields),) = running.reported
    assert (level, event) == ("warning", "desk.failed")
    assert "unable to open" in str(fields["reason"])
    running.path.parent.mkdir()
    running.send(request("/more"))
    running.finish()
    assert running.paths() == ["/waits", "/more"]
    assert len(running.reported) == 1


def test_a_database_that_was_removed_is_made_again(running: Running):
    """Somebody empties the cache: the next requests have a new database."""
    running.path.parent.mkdir()
    running.path.write_bytes(b"no database" * 100)
    running.send(request("/first"))
    running.wait_for_report()
    assert running.reported[0][1] == "desk.replaced"
    while not running.path.exists() or running.path.stat().st_size < 1000:
        running.send(request("/more"))
    for file in running.path.parent.iterdir():
        file.unlink()
    running.send(request("/last"))
    while not running.path.exists():  # what was read before belongs to the database that was removed
        running.send(request("/last"))
    running.finish()
    assert running.paths()[-1] == "/last"


def test_a_database_with_a_damaged_page_is_replaced(running: Running):
    """Damage that shows only when something is stored replaces the database too, and the line is not lost."""
    running.path.parent.mkdir()
    Store(running.path).close()
    with closing(sqlite3.connect(running.path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'lines'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with running.path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    running.send(line("output", text="x"), request("/stored"))
    running.wait_for_report()
    running.finish()
    assert [event for _, event, _ in running.reported] == ["desk.replaced"]
    assert running.paths() == ["/stored"]


def test_details_that_wait_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The last details that come while nothing is stored are kept, as many as fit."""
    monkeypatch.setattr(recorder, "_DETAILS_BYTES", 5_000)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    read, pipe = os.pipe()
    head = b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 800 + b"\r\n\r\n"
    for number in range(20):
        ours.send(RequestDetails({"request_id": f"id-{number}", "ended_us": 1}, head, b"", b"").pack())
    os.close(pipe)
    lines = LineWriter()
    made = recorder.Recorder(tmp_path / "desk.sqlite3", "run", LineReader(os.dup(lines.descriptor)), lambda *_: None)
    made.run(read, DetailReader(theirs, made.raw))
    made.flush()
    with closing(open_for_reading(tmp_path / "desk.sqlite3")) as connection:
        found = [row["request_id"] for row in connection.execute("SELECT request_id FROM details ORDER BY id")]
    assert found == [f"id-{number}" for number in range(15, 20)]
    for each in (ours, theirs):
        each.close()
    os.close(read)
    lines.close()


def test_details_are_stored_once_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """If the database can't be made smaller after rows were stored, the rows and their details are not stored again."""
    monkeypatch.setattr(recorder, "RETRY_S", 0.0)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    running = Running(tmp_path / "desk.sqlite3")
    running.send(request("/a"))
    ours.send(RequestDetails({"request_id": "id", "ended_us": 1}, b"GET / HTTP/1.1\r\n\r\n", b"", b"").pack())
    ours.close()

    def fail(_: Store) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "shrink", fail)
        os.close(running.pipe)
        running.pipe = -1
        running.made.run(running.read_end, DetailReader(theirs, running.made.raw))
        running.made.flush()
    running.made.flush()
    assert [event for _, event, _ in running.reported] == ["desk.failed"]
    with closing(open_for_reading(running.path)) as connection:
        found = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("requests", "details")]
    assert found == [1, 1]
    theirs.close()
    os.close(running.read_end)
    running.lines.close()


def test_a_flood_is_stored_in_slices(running: Running, monkeypatch: pytest.MonkeyPatch):
    """However many lines come at once, all are stored, once and in order."""
    monkeypatch.setattr(table_rows, "SLICE", 7)
    running.path.parent.mkdir()
    for begin in range(0, 400, 100):
        running.send(*(request(f"/{number}") for number in range(begin, begin + 100)))
    running.finish()
    assert running.paths() == [f"/{number}" for number in range(400)]


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A recorder that gets no processor while lines come: it stores when the pipe ends."""
    monkeypatch.setattr(StoreSchedule, "should_wait", lambda *_, **__: True)
    made = Running(tmp_path / "desk.sqlite3", Limits(requests=100, lines=1000), size=256 * 1024)
    made.start()
    yield made
    made.finish()


def test_a_slow_recorder_stores_each_request_later(slow: Running):
    """Each request with what it printed waits for a recorder that is slow: none is left out, however many lines."""
    for number in range(100):
        slow.send(*[line("output", text="x")] * 9, request(f"/{number}"))
    slow.finish()
    assert slow.paths() == [f"/{number}" for number in range(100)]
    assert slow.reported == []


def test_what_would_not_be_kept_is_left_out_silently(slow: Running):
    """The last requests of a flood are stored, as many as the database keeps; the others are not reported."""
    for number in range(5000):
        slow.send(request(f"/{number}"))
    slow.finish()
    assert slow.paths() == [f"/{number}" for number in range(4900, 5000)]
    assert slow.reported == []


def test_overwritten_lines_are_counted(slow: Running):
    """If more lines came than fit, the number of the missing ones is reported, and the others are stored."""
    for number in range(60):
        slow.send(*[line("output", text="x" * 500)] * 9, request(f"/{number}"))
    slow.finish()
    assert slow.paths()[-1] == "/59"
    ((level, event, fields),) = slow.reported
    assert (level, event) == ("info", "desk.incomplete")
    with closing(open_for_reading(slow.path)) as connection:
        (stored,) = connection.execute("SELECT count(*) FROM lines").fetchone()
    assert stored + len(slow.paths()) + fields["count"] == 600


def test_a_recorder_that_was_killed_doubles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Another recorder goes on after the last transaction, also if the first could not note it any more."""
    monkeypatch.setattr(table_rows, "SLICE", 10)
    running = Running(tmp_path / "desk.sqlite3")
    running.send(*(request(f"/{number}") for number in range(35)))

    def killed(*_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(LineReader, "stored", killed)
        with pytest.raises(KeyboardInterrupt):
            running.made.flush()
    assert running.paths() == [f"/{number}" for number in range(10)]
    recorder.Recorder(running.path, "run", running.reader(), lambda *_: None).flush()
    assert running.paths() == [f"/{number}" for number in range(35)]
    assert running.lines.stored == 35
    running.finish()


def test_a_value_that_a_database_cannot_hold_costs_no_line(running: Running):
    """A worker may send any JSON: what SQLite refuses is stored as text, and with it the lines around it."""
    running.path.parent.mkdir()
    running.send(request("/before"), request("/huge", duration_s=2**63), request("/list", duration_s=[1]))
    running.finish()
    assert running.paths() == ["/before", "/huge", "/list"]
    assert running.reported == []
