"""Files that have not changed are read a few at a time, without a watcher."""

from __future__ import annotations

import math
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.watch import baseline as module
from appliance.watch.baseline import BATCH, Baseline
from appliance.watch.file_contents import FileContents
from appliance.watch.kinds import Kind
from appliance.watch.tree import mark

LONG_AGO = 1_000_000_000  # seconds since 1970


@pytest.fixture
def contents() -> FileContents:
    return FileContents()


@pytest.fixture
def baseline(contents: FileContents) -> Baseline:
    """All files but images are code."""
    kind = {".png": Kind.STATIC}
    watch_set: Any = SimpleNamespace(kind=lambda path: kind.get(Path(path).suffix, Kind.CODE), last_mark=mark)
    return Baseline(contents, watch_set)


def written(folder: Path, name: str, *, modified: float | None = LONG_AGO) -> str:
    """A file that was modified then; None: now."""
    path = folder / name
    path.write_text("text", encoding="utf-8")
    if modified is not None:
        os.utime(path, (modified, modified))
    return str(path)


def is_known(contents: FileContents, path: str) -> bool:
    """Whether a touch of the file counts as no change: its content was read."""
    return not contents.note_content(path, mark(path))


def test_images_that_were_there_are_not_read(baseline: Baseline, contents: FileContents, tmp_path: Path):
    """Of the files at the beginning, code is read, and images are not: their first save counts."""
    code, image = written(tmp_path, "app.py"), written(tmp_path, "large.png")
    baseline.begin([image, code])
    baseline.read_some(0.0)
    assert (is_known(contents, code), is_known(contents, image)) == (True, False)


def test_files_are_read_a_few_at_a_time(baseline: Baseline, tmp_path: Path):
    """There is something to read until every batch was read."""
    paths = [written(tmp_path, f"{number}.py") for number in range(BATCH + 1)]
    baseline.begin(paths[:1])
    baseline.add(paths[1:])
    left = []
    for _ in range(2):
        baseline.read_some(0.0)
        left.append(baseline.due(7.0))
    assert left == [7.0, math.inf]


def test_a_young_file_comes_again_when_it_is_older(
    baseline: Baseline, contents: FileContents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A file that was written just now is read later: another write could have the same time stamp."""
    monkeypatch.setattr(module, "YOUNG_NS", 3_000_000_000)
    path = written(tmp_path, "app.py", modified=None)
    baseline.begin([path])
    baseline.read_some(10.0)
    assert baseline.due(10.0) == 13.0
    os.utime(path, (LONG_AGO, LONG_AGO))
    baseline.read_some(13.0)
    assert (baseline.due(13.0), is_known(contents, path)) == (math.inf, True)
