"""A project's file that has a standard module's name: the one that the project means is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.worker.entry import standard_library

PROGRAM = """
import sys
root = sys.argv[1]
import appliance.worker.stdlib_shadowing as shadows
from appliance.worker.entry import standard_library
import queue
shadows.choose_modules([root], standard_library(sys.path))
sys.path.insert(0, root)
import queue
print(queue.__file__)
"""


def found(root: Path) -> str:
    """The file that `import queue` finds in a process that settled the shadows of ``root``."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(root)], capture_output=True, text=True, check=True, timeout=30
    )
    return result.stdout.strip()


@pytest.mark.parametrize(
    ("source", "own"),
    [
        ("import queue\nprint(queue.waiting)\n", True),
        ("from queue import waiting\n", True),
        ("import queue as q\nq.waiting.append(1)\n", True),
        ("from queue import Queue\n", False),
        ("import queue\nqueue.Queue(queue.waiting)\n", False),
        ("import json\n", False),
    ],
)
def test_a_file_that_defines_what_is_needed_is_used(tmp_path: Path, source: str, own: bool):
    """A project's file with a standard name is used if it defines all that the project needs; else the standard one."""
    (tmp_path / "queue.py").write_text("waiting = []\n", encoding="utf-8")
    (tmp_path / "app.py").write_text(source, encoding="utf-8")
    assert (found(tmp_path) == str(tmp_path / "queue.py")) is own


def test_a_package_of_the_name_is_searched(tmp_path: Path):
    """A package that has the name is searched too."""
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue" / "__init__.py").write_text("waiting = []\n", encoding="utf-8")
    (tmp_path / "app.py").write_text("from queue import waiting\n", encoding="utf-8")
    assert found(tmp_path) == str(tmp_path / "queue" / "__init__.py")


def test_only_entries_of_the_standard_library_are_kept():
    """Only the standard library's entries of a path are kept."""
    kept = standard_library(["/project", *sys.path, "/elsewhere/lib/python3.11/site-packages"])
    assert kept
    assert all("site-packages" not in entry and entry != "/project" for entry in kept)
