"""The dev container Feature: its documentation, what is packed, and what its script refuses."""

import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from tools import feature

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / feature.FEATURE


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """The packed Feature."""
    folder = tmp_path_factory.mktemp("feature") / "appliance"
    feature.pack(folder)
    return folder


def test_the_page_lists_the_options():
    """README.md has the options of the Feature's own file, with their defaults and texts."""
    options = json.loads((FOLDER / "devcontainer-feature.json").read_text(encoding="utf-8"))["options"]
    rows = re.findall(
        r"^\| `(\w+)` \| (?:`(\w+)` )?\| (.+) \|$", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert rows == [(name, str(it["default"]).lower(), it["description"]) for name, it in options.items()]


def test_a_packed_feature_contains_what_it_installs(packed):
    """The release in the packed Feature is the package, its locks and the scripts, and no bytecode."""
    files = {str(path.relative_to(packed)) for path in packed.rglob("*") if path.is_file()}
    code = {f"release/{path.relative_to(ROOT)}" for path in (ROOT / "appliance").rglob("*.py")}
    assert code <= files
    assert {"install.sh", "start.sh", "release/locks/appliance.txt", "release/image/add_package.sh"} <= files
    assert not [name for name in files if name.endswith(".pyc")]
    feature.pack(packed)  # an earlier copy is replaced


def test_a_folder_of_something_else_is_kept(tmp_path):
    """A folder that is not a copy of the Feature is kept."""
    (tmp_path / "mine.py").write_text("")
    with pytest.raises(FileExistsError, match="something else"):
        feature.pack(tmp_path)
    assert feature.main([str(tmp_path)]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


def test_the_archive_is_the_same_each_time(tmp_path):
    """Two archives of one tree are equal byte for byte, and their scripts can be run."""
    first, second = tmp_path / "a" / feature.ARCHIVE, tmp_path / "b" / feature.ARCHIVE
    for path in (first, second):
        path.parent.mkdir()
        feature.archive(path)
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(first) as archive:
        modes = {entry.name: entry.mode for entry in archive}
    assert modes["./install.sh"] == 0o755
    assert modes["./devcontainer-feature.json"] == 0o644


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"VERSION": "v0.1.0"}, "the option version is v0.1.0, without a source"),
        ({"SOURCE": "/nowhere"}, "the option source is /nowhere, which is no checkout"),
        ({"PYTHON": "2.7"}, "the option python is '2.7'"),
        ({"PYTHON": "/bin/false"}, "the option python is /bin/false"),
        ({"SOURCE": "file:///nowhere.git"}, "file:///nowhere.git has no tag v"),
    ],
    ids=str,
)
def test_a_wrong_option_is_reported_in_three_parts(packed, tmp_path, options, found):
    """The script refuses an option with what it found, what it expected and what to do, and installs nothing."""
    # Root's uid alone is needed: `id` says so here, and nothing is written before the options are read.
    (tmp_path / "id").write_text("#!/bin/sh\necho 0\n")
    (tmp_path / "id").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", packed / "install.sh"], env={"PATH": path, **options}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("The Feature appliance: ") or "fatal" in done.stderr
    assert found in done.stderr
    assert "  expected: " in done.stderr
    assert "  do this:  " in done.stderr


def test_a_feature_without_a_release_says_how_to_pack_it(tmp_path):
    """The repository's own folder is not packed, and says so."""
    (tmp_path / "id").write_text("#!/bin/sh\necho 0\n")
    (tmp_path / "id").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", FOLDER / "install.sh"], env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "python -m tools.feature FOLDER" in done.stderr
