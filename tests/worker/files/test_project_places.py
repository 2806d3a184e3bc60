"""Whose a file is: the project's, an environment's, or the standard library's."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from appliance.worker.files.project_places import ProjectPlaces, is_installed

STANDARD = str(Path(os.__file__).parent)


@pytest.mark.parametrize(
    ("path", "is_project_path"),
    [
        ("/srv", True),
        ("/srv/src/shop.py", True),
        ("/srv/.venv/lib/python3.13/site-packages/flask/app.py", False),
        ("/srv/__pypackages__/3.13/lib/flask/app.py", False),
        ("/usr/lib/python3/dist-packages/yaml.py", False),
        ("/srvshop/app.py", True),
        ("/libraries/prices/prices.py", True),
        (f"{STANDARD}/json/decoder.py", False),
        (f"{STANDARD}/site-packages/flask/app.py", False),
        ("built-in", False),
        ("frozen", False),
        ("", False),
    ],
)
def test_a_path_that_is_not_installed_is_the_projects(path: str, is_project_path: bool):
    """A path outside of the environments and the standard library is the project's, wherever it is."""
    assert ProjectPlaces("/srv", sys.path).is_project_path(path) is is_project_path


def test_the_names_above_the_root_say_nothing_of_its_files():
    """The names of the folders above the project do not classify the files in it."""
    places = ProjectPlaces("/data/site-packages/mine", sys.path)
    assert places.is_project_path("/data/site-packages/mine/app.py")
    assert not places.is_project_path("/data/site-packages/theirs/app.py")


def test_a_link_to_a_library_is_followed(tmp_path: Path):
    """A link among packages to a library that is worked on is followed; one to a part of Python says nothing."""
    site, library = tmp_path / "env" / "site-packages", tmp_path / "library"
    (library / "shop").mkdir(parents=True)
    (site / "real").mkdir(parents=True)
    (site / "shop").symlink_to(library / "shop")
    (site / "standard").symlink_to(STANDARD)
    places = ProjectPlaces("/srv", sys.path)
    assert places.is_project_path(str(site / "shop" / "__init__.py"))
    assert not places.is_project_path(str(site / "real" / "__init__.py"))
    assert not places.is_project_path(str(site / "standard" / "abc.py"))


def test_the_projects_entries_of_a_search_path_are_known():
    """In a search path the project's entries are known, and those that hide a package."""
    places = ProjectPlaces("/srv", sys.path)
    path = ["/srv/src", STANDARD, "/lib/prices", "/env/site-packages", "/lib/taxes"]
    assert places.project_entries(path) == ["/srv/src", "/lib/prices", "/lib/taxes"]
    assert places.first_entries(path) == ["/srv/src", "/lib/prices"]


def test_a_folder_of_packages_is_known_by_its_name():
    """A folder of packages is known by its name."""
    assert is_installed("/env/lib/python3.13/site-packages/flask/__init__.py")
    assert not is_installed(tempfile.gettempdir())
