"""A new file in the project: below its folder, over nothing, through no link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.desk.request_tests.new_file import NotWrittenError, write_new


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a folder of tests, links that lead out of it, and a file."""
    made = tmp_path / "project"
    (made / "tests").mkdir(parents=True)
    (made / "there.py").write_text("kept")
    (tmp_path / "outside").mkdir()
    (made / "link").symlink_to(tmp_path / "outside")
    (made / "dangling.py").symlink_to(tmp_path / "outside" / "new.py")
    return made


@pytest.mark.parametrize("place", ["test_a.py", "tests/test_a.py", " tests/test b.py "])
def test_a_file_is_written_where_it_was_said(root: Path, place: str):
    """The text is there, its owner is that of the folder, and others may read it."""
    write_new(str(root), place, "x = '\ud800'\n")
    file = root / place.strip()
    assert file.read_text() == "x = '\\ud800'\n"
    assert (file.stat().st_uid, file.stat().st_gid) == (file.parent.stat().st_uid, file.parent.stat().st_gid)


REFUSED = {
    "../test_a.py": "below the project", "/tmp/test_a.py": "below the project",
    "tests/../../test_a.py": "below the project",
    "tests//test_a.py": "below the project", "./test_a.py": "below the project", "": "below the project",
    "test_a.txt": "a Python file", "tests/": "below the project", "test\n.py": "a Python file",
    "a\\b.py": "a Python file",
    ".hidden.py": "hidden", ".git/hooks.py": "hidden", "there.py": "exists already", "dangling.py": "exists already",
    "link/test_a.py": "through a link", "there.py/test_a.py": "through a link", "gone/test_a.py": "is missing",
    "x" * 300 + ".py": "can't be written", "x" * 500 + ".py": "below the project",
}  # fmt: skip


@pytest.mark.parametrize(("place", "why"), REFUSED.items(), ids=range(len(REFUSED)))
def test_no_other_place_is_written(root: Path, place: str, why: str):
    """No name from a person or a page makes a file outside, or changes a file that exists."""
    before = sorted(os.walk(root.parent))
    with pytest.raises(NotWrittenError, match=why):
        write_new(str(root), place, "x")
    assert sorted(os.walk(root.parent)) == before
    assert (root / "there.py").read_text() == "kept"
