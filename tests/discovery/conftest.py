"""A project of a few files, and what is found in it."""

import json

import pytest

from appliance.discovery.project import find_application
from appliance.errors import ApplicationError
from tests.layout import write


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
