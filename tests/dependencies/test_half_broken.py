"""Descriptions that are wrong in part, beside files that are not."""

from pathlib import Path

import pytest

from appliance.environment.python.python_requirement import read_python_requirements
from appliance.errors import InstallError
from tests.dependencies.projects import PROJECT, asked

# Each is refused by the standard's rules, and none keeps pip or uv from a requirements file beside it.
HALF_BROKEN = (
    "[project\n", 'project = "x"\n', '[[project]]\nname = "x"\n', "[project]\nname = 1\n", "[project]\nversion = 1\n",
    '[project]\nname = "../x"\nversion = "1\\n2"\n', PROJECT + 'dependencies = "click"\n',
    PROJECT + '[project.dependencies]\nclick = "^8"\n', PROJECT + "dependencies = [1]\n",
    PROJECT + 'dependencies = ["click = ^8"]\n', PROJECT + 'optional-dependencies = ["x"]\n',
    PROJECT + 'requires-python = "^3.8"\n', PROJECT + "requires-python = 3\n", PROJECT + "[project.scripts]\nx = 1\n",
    PROJECT + '[project.entry-points]\nx = "y"\n', PROJECT + 'dynamic = "dependencies"\n', PROJECT + "dynamic = 1\n",
    PROJECT + '[dependency-groups]\ndev = "x"\n', 'dependency-groups = "x"\n', 'tool = "x"\n', 'build-system = "x"\n',
    '[tool.poetry]\nname = "s"\n[dependency-groups]\ndev = [{include-group = "no"}]\n', '[tool]\npoetry = "x"\n',
    PROJECT + "[tool.setuptools.packages.find]\nwhere = 1\n",
    PROJECT + "[tool.hatch.build.targets.wheel]\npackages = 1\n",
)  # fmt: skip


@pytest.mark.parametrize("text", HALF_BROKEN, ids=range(len(HALF_BROKEN)))
def test_a_half_broken_description_does_not_hide_the_requirements(read, text):
    """An error in pyproject.toml fails no project whose needs another file has; the file is watched."""
    manifest = read({"requirements.txt": "flask\n", "pyproject.toml": text})
    assert manifest.source == "requirements.txt"
    assert asked(manifest) == ["flask"]
    read_python_requirements(manifest.folder)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "a = " + "[" * 3000),
        ("pyproject.toml", "a = " + "1" * 5000),
        ("Pipfile", "a = " + "[" * 3000),
        ("Pipfile.lock", "[" * 100_000),
        ("Pipfile.lock", "1" * 5000),
    ],
)
def test_a_file_beyond_the_parsers_limits_is_invalid(read, name, text):
    """A file that is nested too deeply, or has too long a number, is reported like any other that is not valid."""
    with pytest.raises(InstallError, match=rf"{name} is not valid") as caught:
        read({name: text}).contents("3.13")
    assert caught.value.action == f"Correct {name}."
    assert read_python_requirements(Path(caught.value.details["file"]).parent) == []


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("requirements.txt", "Choose the lines to keep, and remove those of <<<<<<<, ======= and >>>>>>>."),
        ("pyproject.toml", "Choose the lines to keep, and remove those of <<<<<<<, ======= and >>>>>>>."),
        ("uv.lock", "Take one side of it, and lock again: git checkout --ours uv.lock && uv lock"),
        ("Pipfile.lock", "Take one side of it, and lock again: git checkout --ours Pipfile.lock && pipenv lock"),
    ],
)
def test_a_dependency_file_in_a_merge_is_named(read, name, action):
    """A file with the marks of a merge is not called invalid; a lock is not corrected by hand."""
    text = "\n<<<<<<< HEAD\nflask==3.0\n=======\nflask==3.1\n>>>>>>> main\n"
    with pytest.raises(InstallError, match=rf"{name} has a merge conflict .* \(line 2\)") as caught:
        read({"pyproject.toml": PROJECT, name: text}).contents("3.13")
    assert caught.value.action == action
    assert caught.value.details["line"] == 2


def test_what_could_not_be_read_is_reported(read, tmp_path):
    """A pyproject.toml that is passed over is reported with the reason, and looked at again when it is saved."""
    manifest = read({"requirements.txt": "flask\n", "pyproject.toml": "[project\n"})
    (note,) = manifest.contents("3.13").notes
    assert "pyproject.toml is not valid TOML" in note
    assert tmp_path / "pyproject.toml" in manifest.files


def test_a_line_of_poetrys_project_is_not_dropped(read):
    """A requirement that no standard knows stays among the lines: the installer says what is wrong with it."""
    text = "[tool.poetry]\npackage-mode = true\n" + PROJECT + 'dependencies = ["flask = ^3"]\n'
    assert "flask = ^3" in read({"pyproject.toml": text}).contents("3.13").lines
