"""How long a worker's note about a write counts; the clock, and the time of each note, are the test's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.saves import file_notes
from appliance.supervisor.saves.file_notes import EXPIRY_S, MOMENT_S, UNSEEN_S, FileNotes, is_open_for_writing
from tests.supervisor.fakes import FakeLoop, handle

OLD = os.__file__  # a file that was not changed for long


class Noted(FakeLoop):
    """The notes of one worker, written as bytes, in a loop whose time is the clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.now = 100.0
        self.wall = 2e9  # when the clock is at 100
        self.watched: dict[int, Callable[[], object]] = {}
        self.loaded: list[tuple[Handle, dict[str, list[int]]]] = []
        clocks = SimpleNamespace(monotonic=lambda: self.now, time=lambda: self.wall + self.now - 100.0)
        monkeypatch.setattr(file_notes, "time", clocks)
        loop: Any = self
        self.notes = FileNotes(loop, lambda child, files: self.loaded.append((child, files)))
        self.child = handle()
        self.pipe = self.notes.begin(self.child)

    def watch(self, descriptor: int, call: Callable[[], object]) -> None:
        """As the loop's."""
        self.watched[descriptor] = call

    def unwatch(self, descriptor: int) -> None:
        """As the loop's."""
        del self.watched[descriptor]

    def write(self, data: bytes) -> None:
        """The worker writes these bytes, and the loop reads them."""
        os.write(self.pipe, data)
        for call in list(self.watched.values()):
            call()

    def note(self, path: str, at: float, pid: int = 0) -> None:
        """The worker notes that it is about to write this file."""
        self.write(b"w\0%s\0%d\0%d\0\0" % (os.fsencode(path), round(at * 1e9), pid or os.getpid()))

    def own(self, path: str, at: float) -> bool:
        """Whether a change that is seen at this time is the worker's own."""
        return self.notes.take_own_write(path, at)


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Noted]:
    """One worker's."""
    made = Noted(monkeypatch)
    yield made
    made.notes.ended(made.child)
    os.close(made.pipe)


def test_a_moment_after_a_change_is_its_end(noted: Noted):
    """A change that comes a moment after one that was the worker's own is its own, too; a later one is not."""
    noted.note("/a.html", 0.0)
    assert noted.own("/a.html", 2 * MOMENT_S)
    assert noted.own("/a.html", MOMENT_S)
    assert not noted.own("/a.html", 2 * MOMENT_S)


def test_a_note_of_a_time_to_come_counts_from_now(noted: Noted):
    """A note whose time is still to come, as no clock of this machine has it, counts from now."""
    noted.note("/a.html", 1e6)
    assert not noted.own("/a.html", 99.0)
    assert noted.own("/a.html", 100.0)


def test_a_change_is_expected_for_a_second(noted: Noted):
    """A note whose change has not come after a second is forgotten, and each note has its own second."""
    noted.note(OLD, 100.0)
    noted.advance(EXPIRY_S / 2)
    noted.note("/usr/bin/env", 100.0 + EXPIRY_S / 2)
    noted.advance(EXPIRY_S / 2)
    assert not noted.own(OLD, noted.now)
    noted.advance(EXPIRY_S)
    assert not noted.own("/usr/bin/env", noted.now)


def test_a_change_that_was_not_seen_is_expected_for_longer(noted: Noted, tmp_path: Path):
    """If the file has changed since, by the coarse clock of files, or is missing, its change is still to be seen."""
    file = tmp_path / "a.html"
    file.touch()
    noted.wall = file.stat().st_ctime + 0.01  # the clock of files stands still between two ticks of the kernel
    for path in (str(file), "/missing"):
        noted.note(path, 100.0)
    noted.advance(2 * EXPIRY_S)
    assert noted.own(str(file), noted.now)
    noted.advance(UNSEEN_S - 3 * EXPIRY_S)
    assert noted.own("/missing", noted.now)
    noted.note("/missing", noted.now)
    noted.advance(UNSEEN_S)
    assert not noted.own("/missing", noted.now)


def test_the_end_of_a_change_counts_while_notes_expire(noted: Noted):
    """A change that was used up a moment before the notes are looked at has its end after that."""
    noted.note(OLD, 100.0)
    noted.advance(EXPIRY_S - 0.03)
    noted.note(OLD, noted.now)
    assert noted.own(OLD, noted.now)
    noted.advance(0.03)
    assert noted.own(OLD, noted.now)


def test_an_open_file_keeps_the_order_of_its_notes(noted: Noted, tmp_path: Path):
    """While the worker has a file open, the note of a change stands, before the notes that were made after it."""
    file = tmp_path / "a.html"
    noted.note(str(file), 90.0)
    noted.note(str(file), 95.0)
    with file.open("w", encoding="utf-8"):
        assert noted.own(str(file), 91.0)
        assert noted.own(str(file), 91.0)
    assert noted.own(str(file), 96.0)
    assert noted.own(str(file), 95.0 + MOMENT_S / 2)


def test_an_open_file_keeps_its_young_notes_as_they_are(noted: Noted, tmp_path: Path):
    """A note that is younger than a second is left as it is, also if the worker has the file open."""
    file = tmp_path / "a.html"
    noted.note(OLD, 100.0)
    noted.advance(EXPIRY_S / 2)
    noted.note(str(file), noted.now)
    with file.open("w", encoding="utf-8"):
        noted.advance(EXPIRY_S / 2)
        assert noted.own(str(file), noted.now - 0.1)


def test_a_note_in_two_pieces_is_read(noted: Noted):
    """A note whose end comes later is read once it is there; bytes without an end do not hold up the next note."""
    noted.write(b"w\0/a.ht")
    noted.write(b"ml\x00100\x001\0\0")
    assert noted.own("/a.html", 100.0)
    noted.write(b"x" * 9000)
    noted.note("/b.html", 100.0)
    assert noted.own("/b.html", 100.0)


def test_the_loop_reads_for_the_worker_that_wrote(noted: Noted):
    """Loaded files come with the worker that noted them; after its end, a late call of the loop reads nothing."""
    noted.write(b"f\0/a.py\0001\0002\0\0")
    assert noted.loaded == [(noted.child, {"/a.py": [1, 2]})]
    (late,) = noted.watched.values()
    noted.notes.ended(noted.child)
    late()
    assert noted.watched == {}


def test_a_descriptor_that_goes_meanwhile_hides_no_other(tmp_path: Path):
    """A process may close a file while its files are looked at: the others are still found."""
    lower = (tmp_path / "lower").open("w", encoding="utf-8")
    with (tmp_path / "file").open("w", encoding="utf-8") as file:
        lower.close()  # the list of this process's files now has this number, and is closed before it is read
        assert is_open_for_writing(os.getpid(), file.name)
