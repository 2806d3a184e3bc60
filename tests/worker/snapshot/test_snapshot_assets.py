"""Saved templates and modules: a fork of a snapshot serves one that its import has not read."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.protocol.page_messages import CheckTemplates, TemplatesChecked
from tests.worker.snapshot.snapshot_player import Child, Player, played, pythons

pytestmark = pytest.mark.skipif(not pythons(), reason="no Python 3.12 or newer is installed here")

APP = """
import importlib.util
import os
import sys
from functools import cache

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")
with open(os.path.join(FOLDER, "base.html")) as file:
    BASE = file.read()
LISTED = os.listdir(os.path.join(FOLDER, "listed"))

@cache
def page(name):
    with open(os.path.join(FOLDER, name)) as file:
        return BASE + file.read()

def application(environ, start_response):
    from shop import later
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [(page("page.html") + later.WORD).encode()]

with open(os.path.join(os.path.dirname(FOLDER), "shop", "read.py")) as file:
    READ = len(file.read())

class Loader(importlib.machinery.SourceFileLoader):
    pass  # reads bytecode, and not the source

sys.pycache_prefix = None
PLACE = os.path.join(os.path.dirname(FOLDER), "shop", "own.py")
SPEC = importlib.util.spec_from_file_location("own", PLACE, loader=Loader("own", PLACE))
OWN = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(OWN)
"""

PROJECT = {
    "app.py": APP,
    "templates/base.html": "base ",
    "templates/page.html": "one",
    "templates/listed/each.html": "each",
    "shop/later.py": "WORD = ''\n",
    "shop/own.py": "WORD = ''\n",
    "shop/read.py": "WORD = ''\n",
    "shop/tests/test_later.py": "assert True\n",
}


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    """A project that keeps what it has read of its templates."""
    root = tmp_path_factory.mktemp("assets") / "project"
    with played(root, PROJECT, pythons()[-1]) as found:
        subprocess.run([pythons()[-1], "-m", "py_compile", str(root / "shop" / "own.py")], check=True)
        yield found


@pytest.fixture
def snapshot(player: Player) -> Iterator[Child]:
    """A snapshot of the project, whose files are as before once the test has ended."""
    found, ready = player.import_ahead()
    assert not ready.refused
    yield found
    for name, text in PROJECT.items():
        path = player.root / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def test_a_template_that_no_import_reads_is_served(player: Player, snapshot: Child):
    """A fork has nothing of the template in its cache, so it serves what was saved, also beside a swapped module."""
    page = player.root / "templates" / "page.html"
    for word in ("two", "three"):
        page.write_text(word, encoding="utf-8")
        worker = player.swapped(snapshot, ["templates/page.html"])
        assert player.get() == f"base {word}"
        player.drain(worker)
    (player.root / "app.py").write_text(APP.replace("return BASE +", "return BASE.upper() +"), encoding="utf-8")
    worker = player.swapped(snapshot, ["templates/page.html", "app.py"])
    assert player.get() == "BASE three"
    player.drain(worker)
    assert not player.fingerprints(snapshot, ["templates/page.html", "app.py"]).refused


def test_a_module_that_no_import_reads_is_served(player: Player, snapshot: Child):
    """A module that a function imports, and a test, are not in the snapshot: each fork reads them as they are."""
    (player.root / "shop" / "tests" / "test_later.py").write_text("assert False\n", encoding="utf-8")
    later = player.root / "shop" / "later.py"
    for word in ("first", "second"):
        later.write_text(f"WORD = ' {word}'\n", encoding="utf-8")
        worker = player.swapped(snapshot, ["shop/later.py", "shop/tests/test_later.py"])
        assert player.get().endswith(word)
        player.drain(worker)


@pytest.mark.parametrize(
    "name",
    [
        *("templates/base.html", "templates/listed/each.html", "templates/new.html"),
        *("shop/read.py", "shop/own.py", "shop/new.py"),
    ],
)
def test_a_file_that_an_import_may_use_is_declined(player: Player, snapshot: Child, name: str):
    """A file that the import has read, whose folder it has listed, or that is new, has to be imported."""
    (player.root / name).write_text("changed = 1\n", encoding="utf-8")
    assert player.declined(snapshot, [name]).path == str(player.root / name)


def test_a_removed_template_is_declined(player: Player, snapshot: Child):
    """Without its file, a template may be found in another folder."""
    page = player.root / "templates" / "page.html"
    page.unlink()
    assert player.declined(snapshot, ["templates/page.html"]).path == str(page)


def test_no_template_is_unread_if_nobody_watches(tmp_path: Path):
    """A worker that watches no opened files does not know what its import has read."""
    with played(tmp_path / "project", PROJECT, pythons()[-1]) as player:
        snapshot, ready = player.import_ahead(watched="")
        assert not ready.refused
        assert "no module" in player.declined(snapshot, ["templates/page.html"]).reason


# An engine as Django's, which the import makes: it keeps that a template is missing until it is reset.
ENGINE = {
    "app.py": """
from django.template import engine, loaders
MADE = engine.Engine()
import last
def application(environ, start_response):
    start_response("200 OK", [])
    return [MADE.template_loaders[0].read("page.html").encode()]
""",
    "last.py": "",
    "django/__init__.py": "",
    "django/template/__init__.py": "",
    "django/template/engine.py": """
from django.template import loaders
class Engine:
    debug = True
    def __init__(self):
        self.template_loaders = [loaders.Loader(self)]
""",
    "django/template/loaders/__init__.py": """
import os
class Loader:
    __module__ = "django.template.loaders.cached"
    def __init__(self, engine):
        self.engine, self.kept = engine, {}
    def get_dirs(self):
        return [os.path.abspath("pages")]
    def read(self, name):
        path = os.path.join(self.get_dirs()[0], name)
        return self.kept.setdefault(name, open(path).read() if os.path.exists(path) else "missing")
    def reset(self):
        self.kept.clear()
""",
}


@pytest.mark.parametrize("how", ["swapped", "checkpoint"])
def test_an_engine_of_the_import_is_reset(tmp_path: Path, how: str):
    """The worker finds an engine that was made before its process was forked, when a template is saved."""
    with played(tmp_path / "project", ENGINE, pythons()[-1]) as player:
        if how == "checkpoint":
            checkpoint = player.begin_import(["last.py"])
            player.checkpoint(checkpoint, "last.py")
            worker = player.resumed(checkpoint, ["last.py"])
        else:
            worker = player.swapped(player.import_ahead()[0], [])
        assert player.get() == "missing"
        page = player.root / "pages" / "page.html"
        page.parent.mkdir()
        page.write_text("found", encoding="utf-8")
        worker.channel.send(CheckTemplates(number=1, paths=[str(page)]))
        assert worker.expect(TemplatesChecked).reason == ""
        assert player.get() == "found"
