"""Advice for a file that the project's process may not open."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from appliance.server.pages.advice.exception_advice import advice


def refused(file: Path | str | int | None) -> PermissionError:
    """The exception that an open raises."""
    return PermissionError(
        errno.EACCES, "Permission denied", file if file is None or isinstance(file, int) else str(file)
    )


def as_owned_by(monkeypatch: pytest.MonkeyPatch, file: Path, uid: int) -> None:
    """Let ``lstat`` report another owner of this file, since only root could change it."""
    lstat = Path.lstat

    def with_owner(path: Path) -> os.stat_result:
        found = lstat(path)
        return os.stat_result((*found[:4], uid, *found[5:10])) if path == file else found

    monkeypatch.setattr(Path, "lstat", with_owner)


def test_a_file_of_another_user_names_both_users_and_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The advice names both users, and the command that gives the files to the project's owner."""
    file = tmp_path / "wsgi.py"
    file.touch(mode=0o600)
    as_owned_by(monkeypatch, file, 4242)
    me = os.geteuid()
    assert advice(refused(file), str(tmp_path)).text == (
        f"wsgi.py belongs to uid 4242, mode 0600; the project runs as uid {me}."
        f" On the host, in the project's folder: sudo chown -R {me} ."
    )


def test_a_file_that_its_owner_closed_needs_another_mode(tmp_path: Path) -> None:
    """A mode is changed, not an owner."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "notes.txt").touch(mode=0o000)
    assert advice(refused("data/notes.txt"), str(tmp_path)).text.endswith("chmod -R u+rwX data/notes.txt")


def test_the_folder_says_why_a_file_cannot_be_made(tmp_path: Path) -> None:
    """The folder of a missing file says why it can't be made."""
    (tmp_path / "media").mkdir(mode=0o500)
    assert advice(refused(tmp_path / "media" / "a" / "b.png"), str(tmp_path)).text.startswith("media belongs to uid")
    assert advice(refused(tmp_path / "b.png"), str(tmp_path)).text.startswith("the project's folder belongs to uid")


def test_the_remedy_of_a_foreign_process_is_in_the_compose_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``user:`` the remedy is in the compose file."""
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert advice(refused(tmp_path / "b.png"), str(tmp_path)).text.endswith(
        f"Remove user: from the compose file, or set it to the owner of the folder: {owner}."
    )


@pytest.mark.parametrize("file", ["/etc/shadow", 7, None])
def test_files_elsewhere_get_no_advice(tmp_path: Path, file: str | int | None) -> None:
    """A file elsewhere, a descriptor, and an unknown name get no advice."""
    assert advice(refused(file), str(tmp_path)).text == ""
