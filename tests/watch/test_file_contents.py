"""The events of a file that are not a change."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from appliance.watch.file_contents import MAX_BYTES, FileContents
from appliance.watch.tree import mark


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A file that was saved a while ago."""
    path = tmp_path / "app.py"
    path.write_text("one", encoding="utf-8")
    os.utime(path, (time.time() - 60,) * 2)
    return str(path)


def test_a_change_of_an_unread_file_counts(file: str):
    """A change of a file that was never read counts."""
    contents = FileContents()
    contents.add_unread([file])
    assert contents.note_content(file, mark(file))
    assert not contents.note_content(file, mark(file))


def test_a_touch_of_a_read_file_is_not_a_change(file: str):
    """A touch of a file that was read in a quiet moment is not a change."""
    contents = FileContents()
    contents.add_unread([file])
    seen = mark(file)
    assert seen
    contents.record(file, seen)
    os.utime(file)
    assert not contents.note_content(file, mark(file))
    Path(file).write_text("two", encoding="utf-8")
    assert contents.note_content(file, mark(file))


def test_a_file_of_this_moment_is_not_recorded(file: str):
    """A file of this moment is not recorded: a second write might have the same time stamp."""
    os.utime(file)
    contents = FileContents()
    contents.add_unread([file])
    seen = mark(file)
    assert seen
    assert not contents.record(file, seen)
    assert contents.note_content(file, mark(file))


def test_a_time_that_is_to_come_never_gets_old(file: str):
    """A file from the future is not recorded, and need not be looked at again."""
    os.utime(file, (time.time() + 3600,) * 2)
    contents = FileContents()
    contents.add_unread([file])
    seen = mark(file)
    assert seen
    assert contents.record(file, seen)
    assert contents.note_content(file, mark(file))


def test_not_learnt_once_changed(file: str):
    """A file that has changed since it was seen is not learnt: the change is still to be reported."""
    contents = FileContents()
    contents.add_unread([file])
    seen = mark(file)
    assert seen
    Path(file).write_text("two", encoding="utf-8")
    contents.record(file, seen)
    assert contents.note_content(file, mark(file))


def test_a_file_that_goes_or_comes_is_reported_once(file: str):
    """A file that goes is reported once, and so is one that comes; one that never existed is not."""
    contents = FileContents()
    contents.add_unread([file])
    assert contents.note_content(file, None)
    assert not contents.note_content(file, None)
    assert contents.note_content(file, mark(file))
    assert not contents.note_content(file + "x", None)


def test_an_emptied_file_is_noticed(file: str):
    """An empty file is distinguished from a full one, if it exists."""
    contents = FileContents()
    assert not contents.had_content(file)
    contents.add_unread([file])
    assert contents.had_content(file)
    Path(file).write_text("", encoding="utf-8")
    contents.note_content(file, mark(file))
    assert not contents.had_content(file)


def test_an_unreadable_file_changes_with_its_failure_or_time(file: str, tmp_path: Path):
    """A file that can't be read, or is too large, changes with its kind of failure or its time stamp."""
    contents = FileContents()
    assert contents.note_content(str(tmp_path), mark(str(tmp_path)))
    assert not contents.note_content(str(tmp_path), mark(str(tmp_path)))
    os.truncate(file, MAX_BYTES + 1)
    assert contents.note_content(file, mark(file))
    assert not contents.note_content(file, mark(file))
    os.utime(file)
    assert contents.note_content(file, mark(file))
