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


def test_one_bad_pin_hides_no_other(tmp_path: Path):
    """An entry that can't be read as a pin is left out, and those after it are read."""
    file = PinFile(tmp_path / "desk.sqlite3")
    file.write([Pin(3, 17, SHOWN)])
    path = tmp_path / "desk.pins.json"
    path.write_text(path.read_text(encoding="utf-8").replace("[", "[7, ", 1), encoding="utf-8")
    assert [each.number for each in file.read()] == [3]


def test_a_huge_file_has_no_pins(tmp_path: Path):
    """More than 8 MiB were not written by the recorder, and are not read."""
    file = PinFile(tmp_path / "desk.sqlite3")
    file.write([Pin(3, 17, SHOWN)])
    path = tmp_path / "desk.pins.json"
    path.write_text(" " * 8 * 1024 * 1024 + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert file.read() == []


def test_a_link_is_not_written_through(tmp_path: Path):
    """A symbolic link in the place of the new file is refused: what it leads to stays as it is."""
    other = tmp_path / "other"
    other.write_text("kept", encoding="utf-8")
    (tmp_path / "desk.pins.part").symlink_to(other)
    with pytest.raises(OSError, match="symbolic links"):
        PinFile(tmp_path / "desk.sqlite3").write([Pin(3, 17, SHOWN)])
    assert other.read_text(encoding="utf-8") == "kept"


def test_a_shorter_list_replaces_a_part(tmp_path: Path):
    """The rest of an interrupted write is overwritten from its beginning to its end."""
    (tmp_path / "desk.pins.part").write_text("x" * 100_000, encoding="utf-8")
    file = PinFile(tmp_path / "desk.sqlite3")
    file.write([Pin(3, 17, SHOWN)])
    assert [each.number for each in file.read()] == [3]
