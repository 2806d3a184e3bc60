"""The files that a worker was made from: each as it was before it was read, by the name that the supervisor has."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import pytest

from appliance.worker.files import input_files as module
from appliance.worker.files.input_files import InputFiles


def test_a_file_of_a_linked_project_has_the_supervisors_name(tmp_path: Path):
    """Below a folder that is a link, a file has the name that the supervisor knows, by any path."""
    (tmp_path / "real").mkdir()
    (tmp_path / "project").symlink_to(tmp_path / "real")
    inputs = InputFiles(str(tmp_path / "project"), -1)
    for name in ("project/a.py", "real/a.py", "real/../project/./a.py"):
        assert inputs.absolute(str(tmp_path / name)) == str(tmp_path / "project" / "a.py")
    assert inputs.absolute(str(tmp_path / "b.py")) == str(tmp_path / "b.py")


def test_a_modules_mark_precedes_its_read(tmp_path: Path):
    """A module's mark is taken before it is read, and contains a checksum of what was read."""
    file = tmp_path / "a.py"
    file.write_text("one", encoding="utf-8")
    inputs = InputFiles(str(tmp_path), -1)
    status = inputs.before_compile(str(file))
    file.write_text("three", encoding="utf-8")
    inputs.after_compile(str(file), status, crc32(b"three"))
    inputs.record(str(file))  # again, by whatever opens it
    assert inputs.files[str(file)][1] == len("one")
    assert inputs.files[str(file)][-1] == crc32(b"three")


def test_a_file_that_is_also_written_is_not_an_input(tmp_path: Path):
    """A file that was read and is written too is not an input; a module still is."""
    inputs = InputFiles(str(tmp_path), -1)
    for name in ("state.json", "module.py"):
        (tmp_path / name).touch()
        inputs.record(str(tmp_path / name))
    inputs.after_compile(str(tmp_path / "module.py"), tmp_path.stat(), 1)
    inputs.remove(str(tmp_path / "state.json"))
    inputs.remove(str(tmp_path / "module.py"))
    inputs.remove(str(tmp_path / "never met"))
    assert list(inputs.files) == [str(tmp_path / "module.py")]


def test_the_list_of_input_files_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The list has a bound."""
    monkeypatch.setattr(module, "MAX_FILES", 3)
    inputs = InputFiles(str(tmp_path), -1)
    for number in range(10):
        inputs.record(str(tmp_path / str(number)))
    assert len(inputs.report()) == 3


def test_a_name_that_no_file_can_have_is_as_a_missing_one(tmp_path: Path):
    """A name that no file can have is as one that is not there."""
    inputs = InputFiles(str(tmp_path), -1)
    inputs.record(f"{tmp_path}/a\0b")
    assert list(inputs.files.values()) == [[]]


def test_a_fork_reports_what_it_adds(tmp_path: Path):
    """A fork of a process that has reported its files reports the others, and those that it has read again."""
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_text("one", encoding="utf-8")
    inputs = InputFiles(str(tmp_path), -1)
    inputs.record(str(tmp_path / "a.py"))
    inputs.record(str(tmp_path / "b.py"))
    assert len(inputs.report()) == 2
    inputs.keep_added()
    (tmp_path / "b.py").write_text("three", encoding="utf-8")
    status = inputs.before_compile(str(tmp_path / "b.py"))
    inputs.after_compile(str(tmp_path / "b.py"), status, 7)
    inputs.record(str(tmp_path / "a.py"))
    inputs.bind(-1)
    inputs.record(str(tmp_path / "c.py"))
    added = inputs.report()
    assert list(added) == [str(tmp_path / "b.py"), str(tmp_path / "c.py")]
    assert added[str(tmp_path / "b.py")][1] == len("three")
