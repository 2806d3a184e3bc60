"""The last saved files: the diff of each file, within limits, and never a secret's text."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.supervisor.reporting.last_saves import MAX_ALL, MAX_FILE, MAX_FILES, MAX_LINES, LastSaves, diff


class Project:
    """A folder whose saves are compared."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.told: list[dict[str, Any]] = []
        self.saves = LastSaves(str(root), (".env", "settings.env"), self._posted.put, self.told.append)

    def write(self, name: str, text: str) -> str:
        """Write a file; its whole name."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return str(file)

    def known(self, **files: str) -> None:
        """Write files that a worker then loads."""
        self.loaded(*(self.write(name.replace("_", "."), text) for name, text in files.items()))

    def loaded(self, *files: str) -> None:
        """A worker has loaded files; return once they are read."""
        read = threading.Event()
        self.saves.loaded(files)
        self.saves._do(read.set)
        assert read.wait(20)

    def save(self, *names: str) -> list[dict[str, Any]]:
        """The files of a save, as the pages receive them."""
        self.saves.saved(names)
        self._posted.get(timeout=20)()
        files: list[dict[str, Any]] = self.told[-1]["files"]
        return files


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """One project."""
    return Project(tmp_path)


def test_a_loaded_file_shows_what_the_save_changed(project: Project):
    """A file that a worker has loaded shows what the save changed, with three lines around and the line numbers."""
    text = "".join(f"line {number}\n" for number in range(1, 21))
    project.known(app_py=text)
    file = project.write("app.py", text.replace("line 12", "other"))
    (saved,) = project.save("app.py")
    assert (saved["file"], saved["what"]) == (file, "changed")
    assert saved["diff"] == [
        "@@ -9,7 +9,7 @@", " line 9", " line 10", " line 11", "-line 12", "+other", " line 13", " line 14", " line 15",
    ]  # fmt: skip


def test_each_save_is_compared_with_the_one_before(project: Project):
    """The second save of a file shows what changed since the first."""
    project.known(app_py="a\n")
    project.write("app.py", "b\n")
    project.save("app.py")
    project.write("app.py", "c\n")
    assert project.save("app.py")[0]["diff"][1:] == ["-b", "+c"]


def test_a_new_file_is_all_added_and_a_removed_one_all_removed(project: Project):
    """A new file is all added; a removed one is all removed; what was not known has no diff."""
    project.known(old_py="a\n")
    (project.root / "old.py").unlink()
    assert project.save("old.py")[0] == {
        "file": str(project.root / "old.py"), "what": "removed", "diff": ["@@ -1 +0,0 @@", "-a"],
    }  # fmt: skip
    project.write("new.py", "x\n")
    assert project.save("new.py")[0]["diff"] == []
    project.loaded(str(project.root / "later.py"))
    project.write("later.py", "x\n")
    assert project.save("later.py")[0]["what"] == "created"


@pytest.mark.parametrize(
    "name", [".env", ".env.local", "settings.env", "conf/secrets.yaml", "key.pem", "keys/id_rsa", "credentials.json"]
)
def test_files_of_secrets_are_only_named(project: Project, name: str):
    """The text of a file that holds secrets is neither kept nor shown."""
    project.loaded(project.write(name, "TOKEN=one\n"))
    project.write(name, "TOKEN=two\n")
    assert project.save(name)[0]["diff"] == []


@pytest.mark.parametrize("content", [b"\0binary", b"\xff\xfe", b"x" * (MAX_FILE + 1)])
def test_other_files_have_no_text(project: Project, content: bytes):
    """A binary file or a large one is only named."""
    file = project.root / "data.bin"
    file.write_bytes(content)
    project.loaded(str(file))
    file.write_bytes(content + b"y")
    project.write("app.py", "a")
    names = [saved["file"] for saved in project.save("data.bin", "app.py") if saved["diff"]]
    assert names == []


def test_what_is_kept_is_bounded(project: Project):
    """The texts of all files together have a limit: the oldest are forgotten."""
    files = [project.write(f"a{number}.py", "x" * 60_000) for number in range(200)]
    project.loaded(*files)
    project.write("a199.py", "y")
    assert project.save("a199.py")[0]["diff"]
    assert project.saves._size <= MAX_ALL


def test_many_files_are_counted(project: Project):
    """If many files were saved, some are shown, and the others counted."""
    names = [f"a{number}.py" for number in range(10)]
    for name in names:
        project.write(name, "a")
    assert len(project.save(*names)) == MAX_FILES
    assert project.told[-1]["more"] == 10 - MAX_FILES


def test_a_fifo_is_not_waited_for(project: Project):
    """A file that would block is not read as text."""
    os.mkfifo(project.root / "pipe.py")
    project.write("app.py", "a")
    assert len(project.save("pipe.py", "app.py")) == 2


def test_a_folder_in_the_place_of_a_file_keeps_no_descriptor(project: Project):
    """A file that a folder has replaced has no text, and nothing stays open, however often it is saved."""
    project.known(app_py="a\n")
    (project.root / "app.py").unlink()
    (project.root / "app.py").mkdir()
    project.save("app.py")
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert project.save("app.py", "app.py")[0]["diff"] == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_diffs_are_bounded():
    """A diff of any two texts takes little time and few lines."""
    one, two = [f"a{number}" for number in range(60_000)], [f"b{number}" for number in range(60_000)]
    assert len(list(diff(one, two))) == MAX_LINES + 1
    assert len(list(diff(["same"] * 30_000, ["same", "other"] * 15_000))) <= MAX_LINES + 1
    assert all(len(line) < 400 for line in diff(["x" * 60_000], ["y" * 60_000]))
    assert list(diff(["a"], ["a"])) == []
    assert list(diff([], ["a"])) == ["@@ -0,0 +1 @@", "+a"]
