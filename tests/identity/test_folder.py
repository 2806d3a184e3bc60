"""The project's folder, before anything in it is looked at."""

import os
import subprocess
import sys

import pytest

from appliance.errors import ProjectMissingError
from appliance.identity.folder import check_folder
from tests.users import as_root, place

__all__ = ["place"]

# os.access asks for the real user, which only a process of its own can change for good.
CHECK = """
import os, sys
from pathlib import Path
from appliance.errors import ProjectMissingError
from appliance.identity.folder import check_folder
os.setgroups([int(sys.argv[2])])
os.setresgid(4101, 4101, 4101)
os.setresuid(4101, 4101, 4101)
try:
    check_folder(Path(sys.argv[1]))
except ProjectMissingError as error:
    print(error.action)
"""


def test_a_missing_folder_is_reported_and_a_readable_one_passes(tmp_path):
    """A missing folder, and a file in its place, are reported; a folder that can be listed and entered passes."""
    with pytest.raises(ProjectMissingError, match="No such file"):
        check_folder(tmp_path / "gone")
    (tmp_path / "file").touch()
    with pytest.raises(ProjectMissingError, match="not a folder"):
        check_folder(tmp_path / "file")
    check_folder(tmp_path)


@as_root
@pytest.mark.parametrize(
    ("mode", "group", "words"),
    [(0o2770, 2000, ""), (0o2770, 3000, "group_add: ['2000']; fsGroup"), (0o700, 2000, "user: '0:2000'")],
)
def test_a_closed_folder_names_the_group_that_may_enter(place, mode, group, words):
    """The error for another user names the way in: by the group, if a cluster has given the folder to one."""
    os.chown(place, 0, 2000)
    place.chmod(mode)
    argv = [sys.executable, "-c", CHECK, str(place), str(group)]
    said = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout
    assert words in said
    assert bool(words) == bool(said)
