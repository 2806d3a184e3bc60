"""The progress of an installation: from uv's own lines, and from its archive."""

from __future__ import annotations

import os
import queue
from pathlib import Path
from typing import Any

import pytest

from appliance.environment.install_progress import InstallProgress, keep_duration, last_duration_s

LINES = (
    "Using Python 3.13.0 environment at: v",
    "Resolved 11 packages in 277ms",
    "Downloading numpy (16.0MiB)",
    "   Building old==1.0",
    " Downloaded numpy",
    "      Built old==1.0",
    "Prepared 11 packages in 1.74s",
    "Installed 11 packages in 117ms",
    " + flask==3.1.3",
)


def first_with(progress: InstallProgress, told: queue.SimpleQueue[dict[str, Any]], count: str) -> dict[str, Any]:
    """The first reported state in which something is counted."""
    progress.follow()
    try:
        while (state := told.get(timeout=10))[count] == 0:
            pass
    finally:
        progress.end()
    return state


def test_each_step_of_uv_is_reported_once(tmp_path: Path):
    """Each line of uv with a step, a count or a size is reported once; other lines are not."""
    told: list[dict[str, Any]] = []
    progress = InstallProgress(tmp_path, told.append)
    for line in LINES:
        progress.line(line)
    assert [each["step"] for each in told] == ["fetching"] * 5 + ["installing", "finishing"]
    assert told[0]["total"] == 11
    assert (told[1]["bytes"], told[1]["bytes_fetched"], told[1]["busy"]) == (16 * 1024**2, 0, ["numpy"])
    assert told[2]["busy"] == ["numpy", "old==1.0"]
    assert told[3]["bytes_fetched"] == 16 * 1024**2
    assert (told[-1]["fetched"], told[-1]["installed"], told[-1]["busy"]) == (11, 11, [])


def test_counts_what_is_unpacked(tmp_path: Path):
    """While packages are fetched, new folders of uv's archive are counted, never more than there are packages."""
    archive = tmp_path / "archive-v0"
    (archive / "known").mkdir(parents=True)
    told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    progress = InstallProgress(tmp_path, told.put)
    progress.line("Resolved 2 packages in 1ms")
    for name in ("one", "two", "three", ".unfinished"):
        (archive / name).mkdir()
    state = first_with(progress, told, "fetched")
    assert state["fetched"] == 2


def test_the_unpacked_bytes_of_a_download_are_counted(tmp_path: Path):
    """The bytes that uv has unpacked of a large download are counted, so that a page shows progress."""
    told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    progress = InstallProgress(tmp_path, told.put)
    part = tmp_path / ".tmpAbc" / "numpy" / "core"
    part.mkdir(parents=True)
    (part / "module.so").write_bytes(b"x" * 5_000)
    (part.parent / "link").symlink_to("/")
    progress.line("Resolved 1 package in 1ms")
    progress.line("Downloading numpy (16.0MiB)")
    state = first_with(progress, told, "bytes_unpacked")
    assert 5_000 <= state["bytes_unpacked"] < 6_000
    progress.line(" Downloaded numpy")
    assert progress.state()["bytes_unpacked"] == 0


def test_leaves_out_what_a_killed_installation_has_left(tmp_path: Path):
    """A folder that was there at the start belongs to no download of this installation: its bytes do not count."""
    (tmp_path / ".tmpOld").mkdir()
    (tmp_path / ".tmpOld" / "module.so").write_bytes(b"x" * 5_000)
    told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    progress = InstallProgress(tmp_path, told.put)
    progress.line("Resolved 1 package in 1ms")
    progress.line("Downloading numpy (16.0MiB)")
    (tmp_path / ".tmpNew").mkdir()
    (tmp_path / ".tmpNew" / "module.so").write_bytes(b"x" * 300)
    state = first_with(progress, told, "bytes_unpacked")
    assert state["bytes_unpacked"] == 300


def test_a_missing_cache_causes_no_error(tmp_path: Path):
    """A cache that does not exist yet causes no error."""
    assert InstallProgress(tmp_path / "none", lambda _: None).state()["fetched"] == 0


def test_the_last_duration_is_kept_for_the_project(tmp_path: Path):
    """The time of the last installation is kept for this project; a value that is not a time counts as unknown."""
    os.chmod(tmp_path, 0o700)  # noqa: PTH101  as the cache
    environments = tmp_path / "own" / "environments"
    environments.mkdir(parents=True, mode=0o700)
    assert last_duration_s(environments, Path("/project")) == 0
    keep_duration(environments, Path("/project"), 12.34)
    assert last_duration_s(environments, Path("/project")) == 12.3
    assert last_duration_s(environments, Path("/other")) == 0
    next(environments.iterdir()).write_text("nan")
    assert last_duration_s(environments, Path("/project")) == 0


@pytest.mark.parametrize("line", ["Resolved many packages in 1ms", "Downloading x (..MiB)", "Downloading x"])
def test_malformed_lines_raise_nothing(tmp_path: Path, line: str):
    """A line that only looks like one of uv's raises nothing."""
    told: list[dict[str, Any]] = []
    InstallProgress(tmp_path, told.append).line(line)
    assert told == []
