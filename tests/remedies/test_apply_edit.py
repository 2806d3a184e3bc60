"""The process that changes a file: exactly what was shown, whole at any moment, or nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.remedies.apply_edit import VARIABLE, EditRefusedError, apply
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


def test_a_new_file_is_made_and_closed_if_it_holds_secrets(tmp_path: Path):
    """A file that is not there is made; one with secrets is closed to others."""
    apply(json.loads(edit(tmp_path, "new.txt", "a\n").job(tmp_path)))
    assert (tmp_path / "new.txt").read_text() == "a\n"
    (tmp_path / "example").write_text("A=1\n")
    private = Edit(".env", "example", b"A=1\n", b"A=1\nB=2\n", variables=True)
    apply(json.loads(private.job(tmp_path)))
    assert (tmp_path / ".env").read_text() == "A=1\nB=2\n"
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == [".env", "example", "new.txt"]


def test_a_file_that_a_kill_has_left_is_in_nobodys_way(tmp_path: Path):
    """A change that was killed may leave its new file behind: a process with the same number makes the next change."""
    (tmp_path / "file.txt").write_text("a\n")
    (tmp_path / f".file.txt.{os.getpid()}.new").write_text("half")
    apply(json.loads(edit(tmp_path, "file.txt", "b\n").job(tmp_path)))
    assert (tmp_path / "file.txt").read_text() == "b\n"


def test_a_file_that_was_saved_since_the_diff_is_left(tmp_path: Path):
    """A file that was saved since the diff was shown is left as it is."""
    file = tmp_path / "file.txt"
    file.write_text("a\n")
    job = json.loads(edit(tmp_path, "file.txt", "a\nb\n").job(tmp_path))
    file.write_text("saved\n")
    with pytest.raises(EditRefusedError, match="changed since"):
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
    with pytest.raises(EditRefusedError):
        apply(job)
    assert (file.read_text() if appears else file.exists()) == ("saved\n" if appears else False)


def test_a_link_out_of_the_project_is_not_followed(tmp_path: Path):
    """A link that leads out of the project since then is not followed; one within it is."""
    root = tmp_path / "project"
    root.mkdir()
    outside = tmp_path / "outside"
    outside.write_text("a\n")
    (root / "file.txt").symlink_to(outside)
    job = json.loads(edit(root, "file.txt", "b\n").job(root))
    with pytest.raises(EditRefusedError, match="leads out"):
        apply(job)
    assert outside.read_text() == "a\n"
    (root / "real.txt").write_text("a\n")
    (root / "file.txt").unlink()
    (root / "file.txt").symlink_to("real.txt")
    apply(job)
    assert (root / "real.txt").read_text() == "b\n"
    assert (root / "file.txt").is_symlink()


def test_a_read_only_file_is_refused(tmp_path: Path):
    """A file that nobody may write is left as it is, although its folder would let a rename replace it."""
    file = tmp_path / "file.txt"
    file.write_text("a\n")
    job = json.loads(edit(tmp_path, "file.txt", "b\n").job(tmp_path))
    file.chmod(0o444)
    with pytest.raises(EditRefusedError, match="read-only"):
        apply(job)
    assert file.read_text() == "a\n"
    assert [each.name for each in tmp_path.iterdir()] == ["file.txt"]


def test_a_file_with_two_names_stays_one_file(tmp_path: Path):
    """A file with another name, or another owner, stays the same file."""
    file, other = tmp_path / "file.txt", tmp_path / "other.txt"
    file.write_text("a\nlonger\n")
    other.hardlink_to(file)
    apply(json.loads(edit(tmp_path, "file.txt", "b\n").job(tmp_path)))
    assert other.read_text() == "b\n"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file.txt", "other.txt"]


@pytest.mark.parametrize("names", [1, 2])
@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk_changes_nothing(tmp_path: Path, there: bool, names: int):
    """On a full disk the file is as it was, nothing is left beside it, and the reason is shown."""
    file = tmp_path / "file.txt"
    if there:
        file.write_text("a\n")
    if there and names == 2:
        (tmp_path / "other.txt").hardlink_to(file)
    before = sorted(each.name for each in tmp_path.iterdir())
    job = edit(tmp_path, "file.txt", "b" * 20_000).job(tmp_path)
    # The limit of a file's size, as a full disk: the kernel writes a part, then refuses (setrlimit(2)).
    limited = (
        "import resource, signal; from appliance.remedies.apply_edit import main; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)); raise SystemExit(main())"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-c", limited], env={VARIABLE: job}, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (1, "file.txt can't be written: File too large\n")
    assert sorted(each.name for each in tmp_path.iterdir()) == before
    assert not there or file.read_text() == "a\n"


def test_a_file_written_in_place_gets_its_old_content_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """If the disk fills up while a file is written in place, it gets its old content back."""
    file = tmp_path / "file.txt"
    file.write_text("what it held\n")
    (tmp_path / "other.txt").hardlink_to(file)
    job = json.loads(edit(tmp_path, "file.txt", "something else that is longer\n").job(tmp_path))
    calls = iter([OSError(28, "No space left on device"), None])
    synced = os.fsync

    def fsync(descriptor: int) -> None:
        synced(descriptor)
        failure = next(calls, None) if os.fstat(descriptor).st_nlink > 1 else None
        if failure:
            raise failure

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space"):
        apply(job)
    assert file.read_text() == "what it held\n"


def test_a_folder_of_somebody_else_is_not_written(tmp_path: Path):
    """A folder that may not be written is reported in one line, and its file is left as it is."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    folder = tmp_path / "folder"
    folder.mkdir()
    file = folder / "file.txt"
    file.write_text("a\n")
    job = edit(folder, "file.txt", "b\n").job(folder)
    for each in (tmp_path, *tmp_path.parents):
        if not each.stat().st_mode & 0o001:
            each.chmod(each.stat().st_mode | 0o011)
    nobody = "import os; os.setgroups([]); os.setgid(65534); os.setuid(65534)"
    words = f"from appliance.remedies.apply_edit import main; {nobody}; raise SystemExit(main())"
    run = subprocess.run(
        [sys.executable, "-I", "-c", words],
        env={VARIABLE: job}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert "read-only" in run.stderr or "Permission denied" in run.stderr
    assert file.read_text() == "a\n"


def test_a_failed_write_is_one_line_with_code_1(tmp_path: Path):
    """A failed write is reported in one line, and the exit code is 1."""
    job = json.loads(edit(tmp_path, "no/file.txt", "a\n").job(tmp_path))
    run = subprocess.run(
        [sys.executable, "-I", "-m", "appliance.remedies.apply_edit"],
        env={VARIABLE: json.dumps(job)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert run.stderr == "no/file.txt can't be written: No such file or directory\n"


def test_the_process_makes_the_change_of_its_variable(tmp_path: Path):
    """The change comes by a variable, and the process prints what it did."""
    run = subprocess.run(
        [sys.executable, "-I", "-m", "appliance.remedies.apply_edit"],
        env={VARIABLE: edit(tmp_path, "file.txt", "a\n").job(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert run.stdout == "file.txt is changed\n"
    assert (tmp_path / "file.txt").read_text() == "a\n"
