"""The recorder, with a real pipe and a real database."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from appliance.desk import questions, recorder
from appliance.desk.database import open_for_reading
from appliance.desk.detail_reader import DetailReader
from appliance.desk.filters import Filters
from appliance.protocol.request_details import RequestDetails
from tests.desk.log_lines import request


class Running:
    """A recorder in a thread, the pipe's end, and what it has reported."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reported: list[tuple[str, str, dict[str, Any]]] = []
        self._told = threading.Semaphore(0)
        read, self.pipe = os.pipe()
        self._read = read
        made = recorder.Recorder(path, "run", self._report)
        self._thread = threading.Thread(target=made.run, args=(read,))
        self._thread.start()

    def _report(self, *event: Any) -> None:
        self.reported.append(event)
        self._told.release()

    def wait_for_report(self) -> None:
        """Return when it has reported something more."""
        assert self._told.acquire(timeout=20)

    def send(self, *lines: bytes) -> None:
        """Send whole lines."""
        os.write(self.pipe, b"".join(line + b"\n" for line in lines))

    def finish(self) -> None:
        """Close the pipe, and wait for its end."""
        if self.pipe >= 0:
            os.close(self.pipe)
            self.pipe = -1
            self._thread.join(20)
            assert not self._thread.is_alive()
            os.close(self._read)

    def paths(self) -> list[str]:
        """The paths of the requests that are stored."""
        connection = open_for_reading(self.path)
        found = [each["path"] for each in questions.requests(connection, Filters())]
        connection.close()
        return found[::-1]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A recorder that runs."""
    made = Running(tmp_path / "folder" / "desk.sqlite3")
    yield made
    made.finish()


def test_what_comes_before_the_end_is_stored(running: Running):
    """Everything that was written before the pipe's end is stored, once and in order; half a line is not."""
    running.path.parent.mkdir()
    for number in range(50):
        running.send(request(f"/{number}"))
    os.write(running.pipe, b'{"half')
    running.finish()
    assert running.paths() == [f"/{number}" for number in range(50)]
    assert running.reported == []


def test_a_database_that_fails_is_reported_once(running: Running, monkeypatch: pytest.MonkeyPatch):
    """While nothing can be written there is one event; the recorder reads on, and stores again when it can."""
    monkeypatch.setattr(recorder, "RETRY_S", 0.0)
    running.send(request("/lost"))
    running.wait_for_report()
    ((level, event, fields),) = running.reported
    assert (level, event) == ("warning", "desk.failed")
    assert "unable to open" in str(fields["reason"])
    running.path.parent.mkdir()
    running.send(request("/kept"))
    running.finish()
    assert running.paths()[-1] == "/kept"
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
    running.finish()
    assert running.paths()[-1] == "/last"


def test_details_that_wait_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of the details that come while nothing is stored, the last are kept, as many as fit."""
    monkeypatch.setattr(recorder, "_DETAILS_BYTES", 5_000)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    read, pipe = os.pipe()
    head = b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 800 + b"\r\n\r\n"
    for number in range(20):
        ours.send(RequestDetails({"request_id": f"id-{number}", "ended_us": 1}, head, b"", b"").pack())
    os.close(pipe)
    made = recorder.Recorder(tmp_path / "desk.sqlite3", "run", lambda *_: None)
    made.run(read, DetailReader(theirs, made.raw))
    with closing(open_for_reading(tmp_path / "desk.sqlite3")) as connection:
        found = [row["request_id"] for row in connection.execute("SELECT request_id FROM details ORDER BY id")]
    assert found == [f"id-{number}" for number in range(15, 20)]
    for each in (ours, theirs):
        each.close()
    os.close(read)


def test_a_flood_is_stored_in_slices(running: Running, monkeypatch: pytest.MonkeyPatch):
    """However many lines come at once, all are stored, once and in order."""
    monkeypatch.setattr(recorder, "_SLICE", 7)
    running.path.parent.mkdir()
    for begin in range(0, 400, 100):
        running.send(*(request(f"/{number}") for number in range(begin, begin + 100)))
    running.finish()
    with closing(open_for_reading(running.path)) as connection:
        found = questions.requests(connection, Filters(limit=500))
    assert [each["path"] for each in found[::-1]] == [f"/{number}" for number in range(400)]


def test_a_persons_request_is_stored_at_the_first_pause():
    """Few requests are stored as soon as nothing comes; what comes without a pause is stored after a while."""
    pace = recorder.Pace()
    for second in range(10):
        assert pace.waits(second, second, comes=True)
        assert not pace.waits(second + 0.02, second, comes=False)
        pace.stored(second + 0.02, 0.002)
    assert pace.waits(20.2, 20.0, comes=True)
    assert not pace.waits(20.26, 20.0, comes=True)


def test_a_flood_takes_a_small_share_of_a_processor():
    """The supervisor writes every 30 ms, with pauses in between: storing takes 1 % of the time, the rest at the end."""
    pace, spent, now = recorder.Pace(), 0.0, 100.0
    oldest = now
    while now < 160.0:
        for comes in (True, False):
            if not pace.waits(now, oldest, comes=comes):
                took = (now - oldest) * 0.1 + 0.003  # storing is a tenth of what comes
                pace.stored(now, took)
                spent, oldest = spent + took, now
            now += 0.01 if comes else 0.02
    assert 0.3 < spent < 0.9
    assert pace.waits(now, oldest, comes=False)
    assert not pace.waits(now + 0.1, oldest, comes=False)
