"""A project of a few files, and what is found in it."""

import json
import os

import pytest

from appliance.discovery.project import find_application
from appliance.errors import ApplicationError
from tests.boot.shop import Shop, wheel


def write(root, files):
    """Lay out a project."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture
def find(tmp_path):
    """``find({"app.py": ".."}, values={..}, app="..")``: the target in a project of these files."""

    def find(files, values=None, app=None):
        write(tmp_path, files)
        return find_application(tmp_path, values or {}, app).target

    return find


@pytest.fixture
def refuse(find):
    """``refuse({"app.py": ".."})``: the error, which holds all three parts and what each rule looked at."""

    def refuse(files, values=None, app=None):
        with pytest.raises(ApplicationError) as caught:
            find(files, values, app)
        error = caught.value
        assert all((error.found, error.expected, error.action))
        assert app or error.details["findings"]
        json.dumps(error.fields())
        return error

    return refuse


@pytest.fixture
def shop(tmp_path):
    """An empty project, and wheels of two packages, of which one needs the other."""
    shop = Shop(tmp_path, os.environ)
    wheel(shop.wheels, "kettle", requires=["toaster>=1"])
    wheel(shop.wheels, "kettle", "2.0")
    wheel(shop.wheels, "toaster")
    return shop
