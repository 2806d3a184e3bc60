"""The fingerprint leaves out the values that packages compute at their first use, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from appliance.worker.snapshot.fingerprints.fingerprint import Fingerprint
from tests.worker.preload.test_first_requests import SETTINGS, site

KINDS = """
import functools

class Table:
    def __init__(self):
        self.rows = [1]
    @functools.cached_property
    def total(self):
        return sum(self.rows)
    def shown(self):
        return "shown"
"""
# The hashes of a site's modules before and after its first requests are prepared, and after a request.
PROGRAM = """
import json, sys, wsgiref.util
root, repository = sys.argv[1:]
sys.path.insert(0, repository)
from appliance.worker.preload.first_requests import prepare_first_requests
from appliance.worker.preload.warming import warm
from appliance.worker.snapshot.fingerprints.fingerprint import fingerprint
sys.path[0] = root
from site_of_shop.wsgi import application
import django.template.loaders
warm(application)
names = [name for name, module in sys.modules.items() if str(getattr(module, "__file__", "")).startswith(root)]

def compared():
    found = fingerprint(names, application)  # modules of packages that are imported later connect receivers of theirs
    return {name: value for name, value in found.items() if name != "django.core.signals"}

hashes = [compared()]
prepare_first_requests(application, lambda path: path.startswith(root))
hashes.append(compared())
environ = {}
wsgiref.util.setup_testing_defaults(environ)
b"".join(application(environ, lambda *_: None))
hashes.append(compared())
print(json.dumps(hashes))
"""
MODELS = """
from django.core.validators import validate_email, validate_slug
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import models
from django.template import engines

class Shelf(models.Model):
    name = models.CharField(max_length=9)

class Item(models.Model):
    shelf = models.ForeignKey(Shelf, models.CASCADE, related_name="items")
    owners = models.ManyToManyField("auth.User")
"""


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Make a project's table, whose class is in the module of this name."""

    def made(place: str) -> Any:
        for name in ("shop", "package"):
            module = ModuleType(name)
            module.__file__ = f"/project/{name}.py"
            monkeypatch.setitem(sys.modules, name, module)
        exec(compile(KINDS, f"/project/{place}.py", "exec"), vars(sys.modules[place]))
        vars(sys.modules["shop"])["table"] = table = vars(sys.modules[place])["Table"]()
        return table

    return made


def digest() -> bytes:
    """The hash of the project's table."""
    return Fingerprint(["shop"]).digests["shop"]["table"]


@pytest.mark.parametrize(("place", "is_same"), [("package", True), ("shop", False)])
def test_only_values_that_a_package_computes_are_left_out(tables: Callable[[str], Any], place: str, is_same: bool):
    """A cached property of a package's class is left out; one of the project's own class is compared."""
    table = tables(place)
    before = digest()
    assert table.total == 1
    assert (digest() == before) is is_same


@pytest.mark.parametrize(("name", "value"), [("rows", [2]), ("shown", str), ("more", 1)])
def test_other_attributes_are_compared(tables: Callable[[str], Any], name: str, value: object):
    """Any other attribute of an instance is compared, also if it hides a method."""
    table = tables("package")
    before = digest()
    setattr(table, name, value)
    assert digest() != before


def test_prepared_requests_leave_the_fingerprint_of_a_site(tmp_path: Path):
    """A Django site has the same fingerprint before its first requests are prepared, after that, and after one."""
    static = 'STATIC_URL = "static/"\nINSTALLED_APPS += ["django.contrib.staticfiles"]\n'
    settings = f"CONTEXT = []\n{SETTINGS}{static}"
    folder = site(tmp_path, further={"shop/models.py": MODELS, "site_of_shop/settings.py": settings})
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(Path(__file__).parents[4])],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, prepared, requested = json.loads(ran.stdout)
    assert "shop.models" in first
    assert prepared == first
    assert requested == first
