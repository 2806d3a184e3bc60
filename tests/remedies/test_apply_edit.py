"""The process that changes a file: exactly what was shown, whole at any moment, or nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.remedies.apply_edit import VARIABLE, RefusedError, apply
from appliance.remedies.remedy import Edit


def edit(root: Path, file: str, after: str, base: str | None = None) -> Edit:
    """An edit of what the file, or its base, holds now."""
    base = (file if (root / file).exists() else "") if base is None else base
    before = (root / base).read_bytes() if base else b""
    return Edit(file, base, before, after.encode())


@pytest.mark.parametrize(
    ("before", "after"),
    [("a\nb\n", "a\nx\nb\n"), ("aaaa", "aaa"), ("aaa", "aaaa"), ("", "a"), ("é\r\n", "é\r\nü\r\n"), ("ab", "")],
)
def test_a_change_writes_what_was_shown(tmp_path: Path, before: str, after: str):
    """The file holds what was shown, byte for byte, keeps its mode, and nothing is left beside it."""
    file = tmp_path / "file.txt"
    file.write_bytes(before.encode())
    file.chmod(0o640)
    apply(json.loads(edit(tmp_path, "file.txt", after).job(tmp_path)))
    assert file.read_bytes() == after.encode()
    assert file.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["file.txt"]


def test_a_new_file(tmp_path: Path):
    """A file that is not there is made; one with secrets is closed to others."""
    apply(json.loads(edit(tmp_path, "new.txt", "a\n").job(tmp_path)))
    assert (tmp_path / "new.txt").read_text() == "a\n"
    (tmp_path / "example").write_text("A=1\n")
    private = Edit(".env", "example", b"A=1\n", b"A=1\nB=2\n", variables=True)
    apply(json.loads(private.job(tmp_path)))
    assert (tmp_path / ".env").read_text() == "A=1\nB=2\n"
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == [".env", "example", "new.txt"]


def test_a_change_that_came_since(tmp_path: Path):
    """A file that was saved since the diff was shown is left as it is."""
    file = tmp_path / "file.txt"
    file.write_text("a\n")
    job = json.loads(edit(tmp_path, "file.txt", "a\nb\n").job(tmp_path))
    file.write_text("saved\n")
    with pytest.raises(RefusedError, match="changed since"):
        apply(job)
    assert file.read_text() == "saved\n"


@pytest.mark.parametrize("appears", [True, False])
def test_a_file_that_came_or_went(tmp_path: Path, appears: bool):
    """A new file is never written over one that has appeared; a changed one is never made again."""
    file = tmp_path / "file.txt"
    if not appears:
        file.write_text("")
    job = json.loads(edit(tmp_path, "file.txt", "a\n").job(tmp_path))
    if appears:
        file.write_text("saved\n")
    else:
        file.unlink()
    with pytest.raises(RefusedError):
        apply(job)
    assert (file.read_text() if appears else file.exists()) == ("saved\n" if appears else False)


def test_out_of_the_project(tmp_path: Path):
    """A link that leads out of the project since then is not followed; one within it is."""
    root = tmp_path / "project"
    root.mkdir()
    outside = tmp_path / "outside"
    outside.write_text("a\n")
    (root / "file.txt").symlink_to(outside)
    job = json.loads(edit(root, "file.txt", "b\n").job(root))
    with pytest.raises(RefusedError, match="leads out"):
        apply(job)
    assert outside.read_text() == "a\n"
    (root / "real.txt").write_text("a\n")
    (root / "file.txt").unlink()
    (root / "file.txt").symlink_to("real.txt")
    apply(job)
    assert (root / "real.txt").read_text() == "b\n"
    assert (root / "file.txt").is_symlink()


def test_a_missing_folder(tmp_path: Path):
    """What can't be written is said in one line, and the exit code is 1."""
    job = json.loads(edit(tmp_path, "no/file.txt", "a\n").job(tmp_path))
    run = subprocess.run(
        [sys.executable, "-I", "-m", "appliance.remedies.apply_edit"],
        env={VARIABLE: json.dumps(job)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert run.stderr == "no/file.txt can't be written: No such file or directory\n"


def test_as_a_process(tmp_path: Path):
    """The change comes by a variable, and what was done is said."""
    run = subprocess.run(
        [sys.executable, "-I", "-m", "appliance.remedies.apply_edit"],
        env={VARIABLE: edit(tmp_path, "file.txt", "a\n").job(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout == "file.txt is changed\n"
    assert (tmp_path / "file.txt").read_text() == "a\n"
