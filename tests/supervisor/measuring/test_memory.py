"""The kernel's counts of the processes that it killed because memory was short."""

import pytest

from appliance.supervisor.measuring.memory import Memory


@pytest.mark.parametrize(
    ("own", "counts", "limits"),
    [
        ("0::/\n", "memory.events", "memory.max"),
        ("0::/user.slice/a.scope\n", "user.slice/a.scope/memory.events", "user.slice/a.scope/memory.max"),
        ("0::/not/ours/here\n", "memory.events", "memory.max"),
        ("4:cpu:/\n3:memory:/docker/1\n0::/\n", "memory/memory.oom_control", "memory/memory.limit_in_bytes"),
    ],
)
def test_a_kill_is_reported_once_with_its_limit(tmp_path, own, counts, limits):
    """A count that has grown is reported with the limit, once, wherever the control group's files are."""
    (tmp_path / "own").write_text(own)
    for name, text in ((counts, "oom 1\noom_kill 4\n"), (limits, "104857600\n")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    memory = Memory(tmp_path, tmp_path / "own")
    assert memory.describe_kill() == ""
    (tmp_path / counts).write_text("oom 2\noom_kill 5\n")
    assert memory.describe_kill() == "out of memory; the limit is 100 MiB"
    assert memory.describe_kill() == ""


def test_two_kills_explain_two_deaths_and_no_third(tmp_path):
    """Two kills that are counted before the first death is asked for explain both deaths, and no third."""
    (tmp_path / "memory.events").write_text("oom_kill 0\n")
    (tmp_path / "memory.max").write_text("max\n")
    memory = Memory(tmp_path, tmp_path / "none")
    (tmp_path / "memory.events").write_text("oom_kill 2\n")
    assert [memory.describe_kill() for _ in range(3)] == ["out of memory", "out of memory", ""]


@pytest.mark.parametrize("limit", ["max\n", "9223372036854771712\n", ""])
def test_a_kill_without_a_limit_names_none(tmp_path, limit):
    """If the machine was out of memory, no limit is named."""
    (tmp_path / "memory.events").write_text("oom_kill 0\n")
    (tmp_path / "memory.max").write_text(limit)
    memory = Memory(tmp_path, tmp_path / "none")
    (tmp_path / "memory.events").write_text("oom_kill 1\n")
    assert memory.describe_kill() == "out of memory"


def test_without_counts_nothing_is_reported(tmp_path):
    """A kernel without control groups causes no error."""
    assert Memory(tmp_path, tmp_path / "none").describe_kill() == ""


MIB = 2**20
PLENTY = f"MemTotal: {4096 * 1024} kB\nMemFree: 1 kB\nMemAvailable: {2048 * 1024} kB\n"


def _memory(folder, files: dict[str, str], machine: str = PLENTY, own: str = "0::/\n") -> Memory:
    """The memory of a group with these files."""
    for name, text in {"memory.events": "oom_kill 0\n", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "meminfo").write_text(machine)
    (folder / "own").write_text(own)
    return Memory(folder, folder / "own", folder / "meminfo")


@pytest.mark.parametrize(
    ("limits", "used", "cached", "left"),
    [
        ({"memory.max": 512}, 480, 0, "32 MiB of memory is left"),
        ({"memory.max": 512}, 480, 300, ""),  # files that nobody uses are given up first
        ({"memory.max": 512}, 300, 0, ""),
        ({"memory.max": 4096}, 4000, 0, "96 MiB of memory is left"),
        ({"memory.max": 4096, "memory.high": 512}, 500, 0, "12 MiB of memory is left"),
        ({"memory.max": 512}, 600, 0, "0 MiB of memory is left"),
    ],
)
def test_little_is_left_of_the_groups_memory(tmp_path, limits, used, cached, left):
    """The smallest limit counts, without what the kernel can give up at once."""
    files = {name: f"{limit * MIB}\n" for name, limit in limits.items()}
    files |= {"memory.current": f"{used * MIB}\n", "memory.stat": f"anon 1\ninactive_file {cached * MIB}\n"}
    assert _memory(tmp_path, files).shortage() == left


@pytest.mark.parametrize(
    ("total", "available", "left"),
    [(4096, 100, "100 MiB of memory is left"), (4096, 200, ""), (600, 59, "59 MiB of memory is left"), (600, 61, "")],
)
def test_little_is_left_of_the_machines_memory(tmp_path, total, available, left):
    """Without a limit the machine's memory counts: a tenth of it must be left, but not more than 128 MiB."""
    machine = f"MemTotal: {total * 1024} kB\nMemAvailable: {available * 1024} kB\n"
    assert _memory(tmp_path, {"memory.max": "max\n", "memory.current": "7\n"}, machine).shortage() == left


def test_little_is_left_in_version_one(tmp_path):
    """The first version of control groups has other names."""
    files = {
        "memory/memory.oom_control": "oom_kill 0\n",
        "memory/memory.limit_in_bytes": f"{512 * MIB}\n",
        "memory/memory.soft_limit_in_bytes": "9223372036854771712\n",
        "memory/memory.usage_in_bytes": f"{500 * MIB}\n",
        "memory/memory.stat": f"cache 1\ntotal_inactive_file {2 * MIB}\n",
    }
    _memory(tmp_path, files, own="3:memory:/\n")
    (tmp_path / "memory.events").unlink()
    assert Memory(tmp_path, tmp_path / "own", tmp_path / "meminfo").shortage() == "14 MiB of memory is left"


def test_unreadable_amounts_cause_no_shortage(tmp_path):
    """If no file says how much memory is left, there is no shortage."""
    assert _memory(tmp_path, {"memory.max": "512\n", "memory.current": "no number"}, "rubbish").shortage() == ""
    assert Memory(tmp_path / "no", tmp_path / "no", tmp_path / "no").shortage() == ""
