"""The files that workers note: which changes are their own, whatever they write into the pipe, in any order."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.handles import Handle
from appliance.supervisor.saves import file_notes
from appliance.supervisor.saves.file_notes import MOMENT_S, FileNotes, is_open_for_writing
from appliance.worker.files.input_files import InputFiles

NOTHING: Callable[..., None] = lambda *_, **__: None  # noqa: E731  a loop that nothing happens in


class Noting:
    """The notes of one worker, which writes them as workers do."""

    def __init__(self) -> None:
        loop: Any = SimpleNamespace(watch=NOTHING, unwatch=NOTHING, call_later=NOTHING)
        self.files: dict[str, list[int]] = {}
        self.notes = FileNotes(loop, lambda _, files: self.files.update(files))
        self.child = Handle(Role.WORKER, 1, os.getpid(), {})
        self.pipe = self.notes.begin(self.child)
        self.inputs = InputFiles("/project", self.pipe)
        self.inputs.report()

    def own(self, path: str, after_s: float = 0.0) -> bool:
        """Whether a change that is seen now, or so much later, is the worker's own."""
        return self.notes.take_own_write(path, time.monotonic() + after_s)

    def pass_time(self, seconds: float = 2.0) -> None:
        """The second in which a change must come is over."""
        for writes in self.notes._writes.values():
            writes.noted = [noted - seconds for noted in writes.noted]
            writes.used -= seconds
        self.notes._forget()


@pytest.fixture
def noting() -> Iterator[Noting]:
    """One worker's."""
    made = Noting()
    yield made
    made.notes.ended(made.child)
    os.close(made.pipe)


def test_a_noted_change_is_the_workers_own_once(noting: Noting):
    """A change that was noted before is the worker's own; the next one, a moment later, is somebody else's."""
    assert not noting.own("/project/a.html")
    noting.inputs.record_write("/project/a.html")
    assert noting.own("/project/a.html")
    assert not noting.own("/project/b.html")
    assert not noting.own("/project/a.html", MOMENT_S * 2)


def test_a_note_after_a_change_is_of_the_next_change(noting: Noting):
    """A note that was made after a change was seen is of another change, which is still to come."""
    seen_at = time.monotonic()
    noting.inputs.record_write("/project/a.html")
    assert not noting.notes.take_own_write("/project/a.html", seen_at)
    assert noting.own("/project/a.html")


def test_a_row_of_writes_is_the_workers_own(noting: Noting):
    """Many writes in a row, seen in whatever pieces, are its own to the last."""
    for _ in range(50):
        noting.inputs.record_write("/project/a.html")
        noting.inputs.record_write("/project/a.html")
        assert noting.own("/project/a.html")


def test_a_note_whose_change_does_not_come_is_forgotten(noting: Noting):
    """A note whose change does not come is forgotten: the next save is one."""
    path = os.__file__  # it was not changed for long
    noting.inputs.record_write(path)
    noting.notes.take_own_write("/", 0)
    noting.pass_time()
    assert not noting.own(path)


def test_a_polled_write_is_the_workers_for_some_seconds(noting: Noting, tmp_path: Path):
    """If files are polled, a change that was not seen yet counts as the worker's own for some seconds more."""
    file = tmp_path / "a.html"
    noting.inputs.record_write(str(file))
    file.touch()
    noting.notes.take_own_write("/", 0)
    noting.pass_time(2.0)
    assert noting.own(str(file))
    noting.inputs.record_write(str(file))
    noting.notes.take_own_write("/", 0)
    noting.pass_time(20.0)
    assert not noting.own(str(file))


def test_a_write_counts_as_the_workers_until_it_closes_the_file(noting: Noting, tmp_path: Path):
    """While the process holds the file open its write is yet to come; once it has closed it, it is used up."""
    path = str(tmp_path / "slow.html")
    noting.inputs.record_write(path)
    with (tmp_path / "slow.html").open("w", encoding="utf-8"):
        assert noting.own(path)
        noting.pass_time()
        assert noting.own(path)
    assert noting.own(path)
    noting.pass_time()
    assert not noting.own(path)


def test_only_a_process_that_writes_holds_a_file(tmp_path: Path):
    """A process that reads a file does not hold it for writing, nor does one that is not there."""
    file = tmp_path / "file"
    file.touch()
    with file.open(encoding="utf-8"):
        assert not is_open_for_writing(os.getpid(), str(file))
    with file.open("a", encoding="utf-8"):
        assert is_open_for_writing(os.getpid(), str(file))
        assert not is_open_for_writing(2**40, str(file))


def test_a_file_that_is_met_is_noted_with_its_mark(noting: Noting, tmp_path: Path):
    """A file that is met after the start is noted with its mark, one that is not there without."""
    file = tmp_path / "a file\nof any name"
    file.write_text("x", encoding="utf-8")
    status = file.stat()
    noting.inputs.record(str(file))
    noting.inputs.record(str(tmp_path / "nowhere"))
    noting.own("/")
    mark = [status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns, -1]
    assert noting.files == {str(file): mark, str(tmp_path / "nowhere"): []}


def test_a_worker_goes_on_if_its_notes_are_not_read(noting: Noting):
    """A worker whose notes nobody reads loses them, and goes on."""
    for number in range(10_000):
        noting.inputs.record_write(f"/project/{number}.html")
    noting.inputs.record_write("/" + "x" * 5000)
    assert noting.own("/project/0.html")


def test_noted_writes_are_bounded(noting: Noting):
    """The number of noted writes is bounded."""
    for number in range(file_notes.MOST + 100):
        noting.inputs.record_write(f"/project/{number}.html")
        noting.notes.take_own_write("/", 0)
    assert len(noting.notes._writes) == file_notes.MOST


def test_nothing_is_written_into_a_file_in_the_pipes_place(tmp_path: Path):
    """If the project has closed the pipe, and opened a file with its number, nothing is written into the file."""
    read, write = os.pipe()
    inputs = InputFiles("/project", write)
    os.close(write)
    file = os.open(tmp_path / "theirs", os.O_RDWR | os.O_CREAT)
    assert file == write
    inputs.record_write("/project/a.html")
    assert os.read(file, 100) == b""
    os.close(file)
    inputs.record_write("/project/a.html")
    os.close(read)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.binary(max_size=300)
        | st.sampled_from([b"w\0/a\0", b"f\0/a\0" + b"9" * 5000, b"\0\0", b"w\0/b\x001\x002\0\0"])
    )
)
def test_notes_are_read_after_any_bytes(noting: Noting, parts: list[bytes]):
    """A process may write anything into the pipe: nothing fails, and the next note is read."""
    for part in parts:
        os.write(noting.pipe, part)
    os.write(noting.pipe, b"\0\0")
    assert noting.own("/project/last.html") is False
    noting.inputs.record_write("/project/last.html")
    assert noting.own("/project/last.html")
    noting.pass_time()
