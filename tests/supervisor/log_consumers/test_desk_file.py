"""Which database an appliance records in."""

from __future__ import annotations

import os
from pathlib import Path

from appliance.supervisor.log_consumers.desk_file import DeskFile


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
