"""Memory that forks share with the snapshot, and that a fork takes over before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.worker.snapshot import shared_pages
from appliance.worker.snapshot.shared_pages import SharedPages

ROOT = Path(__file__).parents[3]
PAGES = 300

# A fork writes to pages, and notes them. Another one takes them over; then its own writes cost no page fault.
FORKS = f"""
import os, resource, sys
from appliance.worker.snapshot.shared_pages import SharedPages

memory = bytearray({PAGES} * 4096)
memory[:] = bytes(range(256)) * (len(memory) // 256)
before = bytes(memory)

def write():
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for at in range(0, len(memory), 4096):
        memory[at] = memory[at]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults

def in_a_fork(call):
    read, wrote = os.pipe()
    if not os.fork():
        os.write(wrote, " ".join(map(str, call())).encode())
        os._exit(0)
    os.wait()
    return os.read(read, 1000).decode()

def first():
    assert pages.take_over() == 0
    faults = write()
    pages.note()
    return [faults]

def second():
    taken = pages.take_over()
    return taken, int(memory == before), write()

pages = SharedPages()
pages.begin()
print(in_a_fork(first), in_a_fork(second))
"""


def test_a_later_fork_takes_the_pages_over():
    """A later fork copies the pages that an earlier one has written to before it writes; its memory stays the same."""
    done = subprocess.run(
        [sys.executable, "-c", FORKS], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    if "older than Linux 5.14" in done.stderr:
        pytest.skip("not run: the kernel is older than Linux 5.14")
    assert done.returncode == 0, done.stderr
    faults, taken, same, left = map(int, done.stdout.split())
    assert faults >= PAGES - 1
    assert taken >= PAGES - 1
    assert same
    assert left <= PAGES // 10


def test_pages_that_are_not_mapped_are_left_alone():
    """A page that this process has not mapped is left alone."""
    pages = SharedPages()
    pages.begin()
    pages.keep([0, 1, 2**40])
    assert pages.take_over() == 0


def test_too_many_pages_are_not_all_noted():
    """A fork takes over no more pages than it should hold in advance."""
    pages = SharedPages()
    pages.begin()
    pages.keep(range(1, 3 * shared_pages.MOST))
    assert pages.take_over() <= shared_pages.MOST


def test_a_kernel_without_a_list_of_pages_is_an_error_of_the_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Without the kernel's list of pages there is an OSError for the guard of hooks, and nothing is noted."""
    pages = SharedPages()
    monkeypatch.setattr(shared_pages, "PAGEMAP", str(tmp_path / "missing"))
    with pytest.raises(OSError, match="missing"):
        pages.note()
    assert pages.take_over() == 0
