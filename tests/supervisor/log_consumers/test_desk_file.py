"""Which database an appliance records in."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from appliance.supervisor.log_consumers.desk_file import DeskFile
from appliance.watch import mounts


def test_each_appliance_has_its_own_database(tmp_path: Path):
    """Two appliances of one project at a time have two files; the next one after them has the first again."""
    first, second = (DeskFile.claim(tmp_path, "/workspace") for _ in range(2))
    other = DeskFile.claim(tmp_path, "/another")
    assert len({first.path, second.path, other.path}) == 3
    os.close(first.lock)
    third = DeskFile.claim(tmp_path, "/workspace")
    assert third.path == first.path
    for each in (second, other, third):
        os.close(each.lock)


def test_each_folder_of_the_host_has_its_own_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Projects that are mounted at the same place, one after the other, have a file each, and find their own again."""
    table = tmp_path / "mountinfo"
    monkeypatch.setattr(mounts, "MOUNTINFO", table)
    paths = []
    pods = [f"/kubelet/pods/{uuid.uuid4()}/volumes/kubernetes.io~empty-dir/workspace" for _ in range(2)]
    for root in ("/", "/home/ada/shop", "/home/ada/blog", "/home/ada/shop", *pods):
        table.write_text(f"1 0 8:1 / / rw - overlay x rw\n2 1 8:2 {root} /workspace rw - ext4 x rw\n", encoding="utf-8")
        claimed = DeskFile.claim(tmp_path, "/workspace")
        paths.append(claimed.path)
        os.close(claimed.lock)
    assert len(set(paths[:3])) == 3
    assert paths[3] == paths[1]
    assert paths[4] == paths[5]
