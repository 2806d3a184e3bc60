"""A FIFO in the place of a file that discovery reads."""

import os

import pytest

from tests.layout import write


@pytest.mark.parametrize("name", ["pyproject.toml", "development.ini", "manage.py", "Procfile", "setup.cfg", "util.py"])
def test_discovery_does_not_wait_for_a_fifo(find, tmp_path, name):
    """A project with a FIFO under such a name is analysed as if it were not there."""
    os.mkfifo(tmp_path / name)
    assert find({"shop.py": "from flask import Flask\nshop = Flask(__name__)\n"}).name == "shop:shop"


def test_a_fifo_in_place_of_the_application_is_not_waited_for(refuse, tmp_path):
    """If nothing else is found, the search for what the folder holds does not wait either."""
    os.mkfifo(tmp_path / "wsgi.py")
    write(tmp_path, {"util.py": "import flask\n"})
    assert "No WSGI application found" in refuse({}).found
