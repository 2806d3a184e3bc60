"""The files of bytes that wait: where they are made, without names, for their user alone."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from pathlib import Path

import pytest

from appliance.server.io.background import unnamed_file


def test_a_name_is_removed_at_once_where_files_need_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """If the file system has no files without names, the name is removed at once."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    opened = os.open

    def faulty(path: str, flags: int, *more: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "not supported")
        return opened(path, flags, *more)

    monkeypatch.setattr(os, "open", faulty)
    descriptor = unnamed_file.open_unnamed()
    assert os.pwrite(descriptor, b"abc", 0) == 3
    assert list(tmp_path.iterdir()) == []
    os.close(descriptor)


def test_the_next_folder_is_taken_if_one_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """If one folder can't be written, the next one is taken."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    descriptor = unnamed_file.open_unnamed()
    assert os.pwrite(descriptor, b"abc", 0) == 3
    os.close(descriptor)


def test_the_folder_is_the_project_s(monkeypatch: pytest.MonkeyPatch):
    """The folder is the one that the project set for tempfile, or in its environment; the first failure is raised."""
    tried: list[str] = []

    def fail(folder: str) -> int:
        tried.append(folder)
        raise OSError(errno.EACCES, folder)

    monkeypatch.setattr(unnamed_file, "open_unnamed_in", fail)
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, f"/{name}")
    monkeypatch.setattr(tempfile, "tempdir", "/chosen")
    with pytest.raises(OSError, match="/chosen"):
        unnamed_file.open_unnamed()
    assert tried == ["/chosen", "/TMPDIR", "/TEMP", "/TMP", "/tmp", "/var/tmp"]
    monkeypatch.setattr(unnamed_file, "open_unnamed_in", lambda folder: {"/var/tmp": 7}.get(folder) or fail(folder))
    monkeypatch.delitem(sys.modules, "tempfile")
    monkeypatch.setenv("TMPDIR", "")
    assert unnamed_file.open_unnamed() == 7


def test_a_file_is_the_user_s_alone(monkeypatch: pytest.MonkeyPatch):
    """A file has no name and belongs to its user; one that needs a name for a moment follows no link, and is new."""
    calls: list[object] = []
    refusals = [errno.EOPNOTSUPP, 0, errno.EACCES]

    def opened(path: str, flags: int, mode: int) -> int:
        calls.append((path.partition("-")[0], flags, mode))
        if refusal := refusals.pop(0):
            raise OSError(refusal, "refused")
        return 7

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "unlink", lambda path: calls.append(("unlinked", path.partition("-")[0])))
    assert unnamed_file.open_unnamed_in("/folder") == 7
    with pytest.raises(PermissionError):
        unnamed_file.open_unnamed_in("/folder")
    flags = os.O_RDWR | os.O_CLOEXEC
    unnamed = ("/folder", flags | os.O_TMPFILE, 0o600)
    named = ("/folder/appliance", flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    assert calls == [unnamed, named, ("unlinked", "/folder/appliance"), unnamed]
    calls.clear()
    refusals.append(0)
    monkeypatch.delattr(os, "O_TMPFILE")
    assert unnamed_file.open_unnamed_in("/folder") == 7
    assert calls == [named, ("unlinked", "/folder/appliance")]
