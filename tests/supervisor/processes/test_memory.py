"""The kernel's counts of the processes that it killed because memory was short."""

import pytest

from appliance.supervisor.processes.memory import Memory


@pytest.mark.parametrize(
    ("own", "counts", "limits"),
    [
        ("0::/\n", "memory.events", "memory.max"),
        ("0::/user.slice/a.scope\n", "user.slice/a.scope/memory.events", "user.slice/a.scope/memory.max"),
        ("0::/not/ours/here\n", "memory.events", "memory.max"),
        ("4:cpu:/\n3:memory:/docker/1\n0::/\n", "memory/memory.oom_control", "memory/memory.limit_in_bytes"),
    ],
)
def test_a_kill_is_told_once_with_its_limit(tmp_path, own, counts, limits):
    """A count that has grown is told with the limit, once, wherever the control group's files are."""
    (tmp_path / "own").write_text(own)
    for name, text in ((counts, "oom 1\noom_kill 4\n"), (limits, "104857600\n")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    memory = Memory(tmp_path, tmp_path / "own")
    assert memory.killed() == ""
    (tmp_path / counts).write_text("oom 2\noom_kill 5\n")
    assert memory.killed() == "out of memory; the limit is 100 MiB"
    assert memory.killed() == ""


def test_two_that_were_killed_together(tmp_path):
    """Two kills that are counted before the first death is asked for explain both deaths, and no third."""
    (tmp_path / "memory.events").write_text("oom_kill 0\n")
    (tmp_path / "memory.max").write_text("max\n")
    memory = Memory(tmp_path, tmp_path / "none")
    (tmp_path / "memory.events").write_text("oom_kill 2\n")
    assert [memory.killed() for _ in range(3)] == ["out of memory", "out of memory", ""]


@pytest.mark.parametrize("limit", ["max\n", "9223372036854771712\n", ""])
def test_no_limit_is_none(tmp_path, limit):
    """Where the machine itself was out of memory no limit is named."""
    (tmp_path / "memory.events").write_text("oom_kill 0\n")
    (tmp_path / "memory.max").write_text(limit)
    memory = Memory(tmp_path, tmp_path / "none")
    (tmp_path / "memory.events").write_text("oom_kill 1\n")
    assert memory.killed() == "out of memory"


def test_without_counts_nothing_is_reported(tmp_path):
    """A kernel without control groups is no error."""
    assert Memory(tmp_path, tmp_path / "none").killed() == ""
