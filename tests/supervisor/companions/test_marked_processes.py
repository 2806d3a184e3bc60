"""Processes that have left their group and their parent, found by the variable that they have inherited."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from appliance.supervisor.companions import companion_guard, marked_processes
from appliance.supervisor.companions.marked_processes import MARK_VARIABLE, end_marked, find_marked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux shows a process's environment")
# A shell that has left its session, and that another one has left: its parent has ended.
LEAVES = "setsid sh -c 'echo $$; exec sleep 3600' & "


@pytest.fixture
def mark() -> str:
    """A mark of this test alone."""
    return f"{uuid.uuid4().hex}/name/"


@pytest.fixture
def left(mark: str) -> Iterator[int]:
    """A process with the mark that has left everything."""
    started = subprocess.Popen(
        ["/bin/sh", "-c", LEAVES], env={**os.environ, MARK_VARIABLE: mark}, stdout=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    pid = int(started.stdout.readline())
    started.stdout.close()
    started.wait()
    yield pid
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def test_a_process_that_has_left_is_found(mark: str, left: int):
    """A process in a session of its own, without its parent, is found by its mark and by the mark's beginning alone."""
    assert find_marked(mark) == find_marked(mark.partition("/")[0]) == [left]
    assert find_marked(f"{mark}x") == find_marked(uuid.uuid4().hex) == []


def test_a_signal_reaches_what_is_found(mark: str, left: int):
    """A marked process gets the signal; 0 tells whether there is one."""
    descriptor = os.pidfd_open(left)
    assert end_marked(mark, 0)
    assert end_marked(mark, signal.SIGKILL)
    assert select.select([descriptor], [], [], 10)[0]
    os.close(descriptor)
    assert not end_marked(mark, 0)


def test_descendants_are_looked_at_alone(mark: str):
    """With a process to look below, its children and theirs are looked at, and no others; never the process itself."""
    script = ["/bin/sh", "-c", "sh -c 'sleep 3600 & echo $!; wait' & wait"]
    child = subprocess.Popen(script, env={**os.environ, MARK_VARIABLE: mark}, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    grandchild = int(child.stdout.readline())
    assert {child.pid, grandchild} < set(find_marked(mark, below=os.getpid()))
    assert grandchild in find_marked(mark, below=child.pid)
    assert child.pid not in find_marked(mark, below=child.pid)
    end_marked(mark, signal.SIGKILL)
    child.wait()
    child.stdout.close()


def test_every_process_is_looked_at_if_the_kernel_lists_no_children(
    mark: str, left: int, monkeypatch: pytest.MonkeyPatch
):
    """If the kernel does not list children, every process is looked at."""

    def refuse(_pid: int) -> Iterator[int]:
        raise FileNotFoundError

    monkeypatch.setattr(marked_processes, "_children", refuse)
    assert find_marked(mark, below=os.getpid()) == [left]


def test_nothing_is_found_if_no_processes_are_shown(monkeypatch: pytest.MonkeyPatch):
    """If no process is shown, none is found."""
    monkeypatch.setattr(marked_processes, "_PROC", "/nonexistent")
    assert find_marked("any", below=1) == find_marked("any") == []


def test_the_guard_waits_for_the_end_of_its_input(mark: str, left: int):
    """The guard kills what is marked when its input ends, not before, and then ends itself."""
    guard = subprocess.Popen([sys.executable, "-I", "-m", companion_guard.__name__, mark], stdin=subprocess.PIPE)
    assert guard.stdin is not None
    guard.stdin.write(b"x" * 10_000)
    guard.stdin.flush()
    assert find_marked(mark) == [left]
    guard.stdin.close()
    assert guard.wait(timeout=30) == 0
    assert find_marked(mark) == []
