"""The token of assistants: one file that only this user can read, for as long as the cache lives."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from appliance.supervisor.answering.assistant_access import kept_token


def folder_of(tmp_path: Path) -> Path:
    """A folder of a cache that is not there yet."""
    return tmp_path / "cache" / "uid" / "desk"


def test_the_token_is_kept(tmp_path: Path):
    """The same file has the same token; another project has another one; nobody else may read it."""
    folder = folder_of(tmp_path)
    token = kept_token(folder, "one.token")
    assert len(token) == 43
    assert kept_token(folder, "one.token") == token
    assert kept_token(folder, "two.token") != token
    assert stat.S_IMODE((folder / "one.token").stat().st_mode) == 0o600
    assert sorted(each.name for each in folder.iterdir()) == ["one.token", "two.token"]


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 44, b"\xff" * 43, b"a" * 10_000])
def test_a_damaged_file_is_replaced(tmp_path: Path, content: bytes):
    """A file without a token is made again, and the new token is kept."""
    folder = folder_of(tmp_path)
    old = kept_token(folder, "one.token")
    (folder / "one.token").write_bytes(content)
    new = kept_token(folder, "one.token")
    assert new != old
    assert kept_token(folder, "one.token") == new


def test_a_file_that_others_can_read_is_replaced(tmp_path: Path):
    """A token that others may have read is not used any more."""
    folder = folder_of(tmp_path)
    old = kept_token(folder, "one.token")
    (folder / "one.token").chmod(0o644)
    assert kept_token(folder, "one.token") != old
    assert stat.S_IMODE((folder / "one.token").stat().st_mode) == 0o600


def test_a_link_is_not_followed(tmp_path: Path):
    """A link in the place of the file is replaced, and its target stays."""
    folder = folder_of(tmp_path)
    kept_token(folder, "other.token")
    target = tmp_path / "target"
    target.write_bytes(b"t" * 43)
    target.chmod(0o600)
    (folder / "one.token").symlink_to(target)
    assert kept_token(folder, "one.token") != "t" * 43
    assert target.read_bytes() == b"t" * 43


def test_a_token_lasts_for_this_run_if_it_can_be_written_nowhere(tmp_path: Path):
    """If no file can be written, there is a token for this run."""
    (tmp_path / "cache").write_bytes(b"")
    assert len(kept_token(folder_of(tmp_path), "one.token")) == 43
    folder = folder_of(tmp_path / "other")
    kept_token(folder, "first.token")
    (folder / "one.token").mkdir()
    assert len(kept_token(folder, "one.token")) == 43
    assert list(folder.glob("one.token.*")) == []
