"""The file of pins: what was written is read, and whatever else is there is no error."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from appliance.desk.pins.pin import Pin
from appliance.desk.pins.pin_file import PinFile
from appliance.desk.replay.restored_request import Shown
from appliance.desk.replay.sent_request import SentRequest

SHOWN = Shown("POST", "/a?token=********", [("Cookie", "sid=********")], "a=\u00e4", has_body=True, cut=3)


def test_pins_are_read_as_they_were_written(tmp_path: Path):
    """The masked request comes back; the received one was never written; only the owner reads the file."""
    file = PinFile(tmp_path / "desk.sqlite3")
    assert file.read() == []
    raw = SentRequest("POST", "/a?token=secret", (("Cookie", "sid=secret"),))
    file.write([Pin(3, 17, SHOWN, raw)])
    (found,) = file.read()
    assert (found.number, found.request, found.shown, found.raw) == (3, 17, SHOWN, None)
    (path,) = tmp_path.iterdir()
    assert b"secret" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "7", '{"pins": 7}', '{"pins": [7, {}, {"pin": "x"}, null]}', "[" * 100_000, "\x00\xff"]
)
def test_another_file_has_no_pins(tmp_path: Path, content: str):
    """A file that was cut or changed is read as far as it can be."""
    (tmp_path / "desk.pins.json").write_text(content, encoding="latin-1")
    assert PinFile(tmp_path / "desk.sqlite3").read() == []
