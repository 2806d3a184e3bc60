"""A FIFO, or a huge file, in the place of a file that declares dependencies."""

import os

import pytest

from appliance.dependencies.manifest_search import read_manifest
from appliance.environment.python.python_requirement import read_python_requirements
from appliance.errors import InstallError
from tests.dependencies.projects import PROJECT


@pytest.mark.parametrize(
    "name",
    ["requirements.txt", "pyproject.toml", "Pipfile", "Pipfile.lock", "pylock.toml", "poetry.lock", "environment.yml"],
)
def test_a_fifo_is_an_error_and_is_not_waited_for(tmp_path, name):
    """A FIFO under the name of such a file is an error that names it; nobody waits for a program to fill it."""
    os.mkfifo(tmp_path / name)
    with pytest.raises(InstallError) as caught:
        read_manifest(tmp_path)
    assert f"{name} can't be read" in caught.value.found
    assert read_python_requirements(tmp_path) == []


def test_a_fifo_in_place_of_a_uv_lock_is_an_error(tmp_path):
    """A lock beside a pyproject.toml that can't be read is an error, too: the project is not installed without it."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    os.mkfifo(tmp_path / "uv.lock")
    with pytest.raises(InstallError, match=r"uv\.lock can't be read: it is a FIFO") as caught:
        read_manifest(tmp_path)
    assert caught.value.action == "Replace uv.lock by a text file, or remove it."


def test_a_huge_requirements_file_is_an_error(tmp_path):
    """A file of 80 MB, such as a download under the wrong name, is refused instead of being searched for a minute."""
    with (tmp_path / "requirements.txt").open("wb") as file:
        file.truncate(80_000_000)
    with pytest.raises(InstallError, match=r"requirements\.txt can't be read: it has more than 16 MB"):
        read_manifest(tmp_path)


def test_the_null_device_hides_a_file(tmp_path):
    """The null device in the place of a file, as people mount it in a container, declares nothing."""
    (tmp_path / "pyproject.toml").symlink_to(os.devnull)
    assert read_manifest(tmp_path).source == "none"
