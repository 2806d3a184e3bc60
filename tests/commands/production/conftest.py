"""A project, an index of its own with the servers' names, and the facts of a project for the texts."""

import os

import pytest

from appliance.commands.production.eject_entry import Entry
from appliance.commands.production.eject_facts import Facts
from appliance.commands.production.eject_locks import Lock
from tests.live.launcher import command
from tests.package_index import Shop, wheel


@pytest.fixture
def shop(tmp_path):
    """An empty project, and an index that has two packages and waitress."""
    shop = Shop(tmp_path, os.environ)
    wheel(shop.wheels, "kettle", requires=["toaster>=1"])
    wheel(shop.wheels, "toaster")
    wheel(shop.wheels, "probe")
    wheel(shop.wheels, "waitress", "3.0", modules={"waitress/__init__.py": ""})
    return shop


@pytest.fixture
def eject(shop):
    """``eject("--server", "waitress")``: the command, in the project."""

    def run(*flags):
        return command(("eject", f"--project={shop.root}", f"--cache={shop.cache}", *flags), shop.values)

    return run


def facts(**more):
    """The facts of a small project; the keywords replace some."""
    given = {
        "name": "shop",
        "root": "/srv/shop",
        "framework": "Flask",
        "entry": Entry("shop.web", "app", factory=False, folders=(".",), text="", environ={}),
        "version": "3.13.5",
        "implementation": "CPython",
        "server": "gunicorn",
        "lock": Lock("flask==3.1 \\\n    --hash=sha256:00\n", hashed=True, names=frozenset({"flask"})),
        "folders": (".",),
    }
    return Facts(**{**given, **more})
