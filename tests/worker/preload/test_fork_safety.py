"""The traces of an import that a fork would share: descriptors of files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance.worker.preload.fork_safety import read, unsafe


def loaded_library() -> str:
    """Return the path of a C library that this process has loaded."""
    with Path("/proc/self/maps").open() as maps:
        return next(line.split()[5] for line in maps if ".so" in line and "x" in line.split()[1])


def test_a_loaded_library_that_stays_open_is_safe():
    """A package is forked from, although a C library of the process keeps its own file open, as libffi 3.5 does."""
    before = read()
    with Path(loaded_library()).open("rb"):
        assert unsafe(before, read(), standard=False, pools=False) == ""


def test_a_library_that_is_not_loaded_is_an_open_file(tmp_path: Path):
    """A package is not forked from if it only has a name like a C library in common with what is open."""
    copy = tmp_path / "libcopy.so"
    shutil.copyfile(loaded_library(), copy)
    before = read()
    with copy.open("rb"):
        assert unsafe(before, read(), standard=False, pools=False) == f"leaves open {copy}"


@pytest.mark.parametrize("mode", ["r+b", "ab"])
def test_a_file_that_may_be_written_is_an_open_file(tmp_path: Path, mode: str):
    """A package is not forked from if it may write to a file that stays open."""
    file = tmp_path / "written.so"
    file.write_bytes(b"")
    before = read()
    with file.open(mode):
        assert unsafe(before, read(), standard=False, pools=False) == f"leaves open {file}"
