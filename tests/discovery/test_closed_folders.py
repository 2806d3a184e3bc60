"""Folders of a project that this user may not enter: a database's own, for example, which its container has made."""

import pytest

from appliance.dependencies.manifest_search import read_manifest
from appliance.discovery.project import find_application
from appliance.errors import ApplicationError
from tests.layout import write
from tests.users import OTHER, OWNER, as_root, place, user

__all__ = ["place"]


@pytest.fixture
def root(place):
    """A project with closed folders, some with names that are looked for."""
    write(place, {"shop/pages.py": "from flask import Flask\nshop = Flask(__name__)\n"})
    for name in ("pgdata", "config", "web", "requirements"):
        (place / name).mkdir(mode=0o700)
    return place


@as_root
def test_a_closed_folder_is_passed_over(root):
    """A project with folders of other users is analysed as if these were empty."""
    with user(OWNER):
        assert find_application(root, {}, None).target.name == "pages:shop"
        assert read_manifest(root, (), root / "shop").source == "none"


@as_root
@pytest.mark.parametrize("name", ["gone:app", "pgdata:app", "pgdata.app", "pgdata/app.py", "web"])
def test_a_closed_folder_has_no_application(root, name):
    """A setting that names something in such a folder is answered as a wrong name is."""
    with user(OTHER), pytest.raises(ApplicationError, match="does not exist"):
        find_application(root, {}, name)


@as_root
def test_a_link_into_a_closed_folder_is_passed_over(root):
    """A project with a link to a file in such a folder, such as root's own, is served without that file."""
    (root / "pgdata" / "local.py").touch()
    (root / "local.py").symlink_to(root / "pgdata" / "local.py")
    with user(OWNER):
        assert find_application(root, {}, None).target.name == "pages:shop"
