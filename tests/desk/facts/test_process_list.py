"""Which processes are listed, and what is known of their memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.desk.facts.process_list import memory, process_list, total

_ON_LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
SMAPS = "Rss: 900 kB\nPss:  300 kB\nPrivate_Clean:  10 kB\nPrivate_Dirty:  20 kB\n"


def process(proc: Path, pid: int, parent: int, name: str, smaps: str = SMAPS) -> None:
    """A process as the kernel shows it."""
    folder = proc / str(pid)
    (folder / "task" / str(pid)).mkdir(parents=True)
    (folder / "stat").write_text(f"{pid} ({name}) S {parent} {'0 ' * 17}100 0\n")
    (folder / "status").write_text(f"Name:\t{name}\nVmRSS:\t  900 kB\n")
    if smaps:
        (folder / "smaps_rollup").write_text(smaps)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A supervisor with a worker, its child and grandchild, a process of somebody else, and one that ends."""
    (tmp_path / "uptime").write_text("1000.0 1\n")
    process(tmp_path, 1, 0, "supervisor", smaps="")
    process(tmp_path, 7, 1, "worker")
    process(tmp_path, 8, 7, "node (a) b) S")
    process(tmp_path, 9, 8, "esbuild")
    process(tmp_path, 20, 0, "other")
    (tmp_path / "30").mkdir()
    return tmp_path


def test_descendants_follow_their_process(proc: Path):
    """A process that the worker has started is listed below it, whatever its name; one of somebody else is not."""
    worker = {"role": "worker", "pid": 7, "generation": 2, "state": "ready", "age_s": 1.0}
    found = process_list([worker, {**worker, "role": "standin", "pid": 40}], 1, 9.0, proc)
    assert [(each["role"], each["pid"], each["of"]) for each in found] == [
        ("supervisor", 1, None), ("worker", 7, None), ("node (a) b) S", 8, 7), ("esbuild", 9, 7), ("standin", 40, None),
    ]  # fmt: skip
    supervisor, first, *_, ended = found
    assert (first["pss"], first["uss"], first["rss"], first["threads"]) == (307_200, 30_720, 921_600, 1)
    assert (supervisor["pss"], supervisor["rss"]) == (None, 921_600)
    assert (ended["pss"], ended["rss"], ended["threads"]) == (None, None, None)
    assert total(found) == 3 * 307_200 + 921_600


def test_nothing_is_known_without_proc(tmp_path: Path):
    """If the kernel has no such files, the processes are listed without sizes."""
    found = process_list([], 1, 9.0, tmp_path / "none")
    assert [each["role"] for each in found] == ["supervisor"]
    assert total(found) is None


@_ON_LINUX
def test_the_kernel_tells_our_own_memory():
    """Each value of a real process is known, and a child of it is found."""
    own = memory(os.getpid())
    assert 0 < (own["uss"] or 0) <= (own["pss"] or 0) <= (own["rss"] or 0)
    with subprocess.Popen(["sleep", "60"]) as child:
        found = process_list([], os.getpid(), 1.0)
        child.kill()
    assert ("sleep", child.pid) in [(each["role"], each["pid"]) for each in found]
