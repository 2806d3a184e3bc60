"""The replayer's knowledge of a request that has just ended."""

from __future__ import annotations

import threading
import time
import zlib
from pathlib import Path

import pytest

from appliance.desk.redaction import Redaction
from appliance.desk.replay import replayer as replayer_module
from appliance.desk.replay.raw_requests import RawRequests
from appliance.desk.replay.replayer import Replayer
from appliance.desk.replay.sending import Place
from appliance.desk.replay.sent_request import ReplayError
from appliance.desk.store import Store
from appliance.desk.table_rows import Rows, detail_row
from appliance.protocol.request_details import RequestDetails
from tests.desk.conftest import Recorded
from tests.desk.log_lines import request


def test_the_head_of_a_request_that_has_just_ended_is_waited_for(
    tmp_path: Path, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
):
    """The line of the log and the head come on two ways: a quick client is not told that nothing was recorded."""
    for wait in ("RECORDED_S", "FRESH_S"):
        monkeypatch.setattr(replayer_module, wait, 60.0)  # a machine may be busy
    ended_us = time.time_ns() // 1000
    recorded(request("/a", ended_us / 1_000_000))
    head = b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"
    message = RequestDetails({"request_id": "id-/a", "ended_us": ended_us}, head, b"", b"").pack()
    row = detail_row(message, "run", Redaction())
    assert row is not None

    def store() -> None:
        late = Store(tmp_path / "desk.sqlite3")
        late.add(Rows([], [], [row]))
        late.close()

    storing = threading.Timer(0.1, store)
    storing.start()
    known = Replayer(tmp_path / "desk.sqlite3", RawRequests(), Place("127.0.0.1", 1), Redaction).find(1)
    assert known.shown.fields == [("Host", "localhost")]
    storing.join()


def test_a_command_sends_a_text_in_its_charset(tmp_path: Path, recorded: Recorded):
    """The command to copy has the bytes that the request's Content-Type names, decoded, also with masked values."""
    (row,) = recorded(request("/a", time.time() - 60)).execute("SELECT at FROM requests")
    ended_us = round(row["at"] * 1_000_000)
    head = (
        b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain; charset=latin-1\r\n"
        b"Content-Encoding: deflate\r\n\r\n"
    )
    message = RequestDetails({"request_id": "id-/a", "ended_us": ended_us}, head, zlib.compress(b"caf\xe9"), b"").pack()
    details = detail_row(message, "run", Redaction())
    assert details is not None
    store = Store(tmp_path / "desk.sqlite3")
    store.add(Rows([], [], [details]))
    store.close()
    replayer = Replayer(tmp_path / "desk.sqlite3", RawRequests(), Place("127.0.0.1", 1), Redaction)
    command = replayer.answer({"ask": "form", "number": 1})["copies"]["curl"]
    assert r"printf '\143\141\146\351'" in command
    assert "deflate" not in command


def test_a_head_that_never_comes_is_not_waited_for_long(
    tmp_path: Path, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
):
    """A request that ended a while ago has what it has: its details were left out, or its worker has died."""
    monkeypatch.setattr(replayer_module, "RECORDED_S", 60.0)
    recorded(request("/a", time.time() - 60))
    replayer = Replayer(tmp_path / "desk.sqlite3", RawRequests(), Place("127.0.0.1", 1), Redaction)
    began = time.monotonic()
    with pytest.raises(ReplayError, match="were not recorded"):
        replayer.find(1)
    assert time.monotonic() - began < 30.0
