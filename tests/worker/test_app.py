"""A target to its WSGI callable: what is called, what is loaded by its path, what is refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from appliance.discovery.target import FACTORY_NAMES, OBJECT_NAMES
from appliance.worker import production_facts
from appliance.worker.app import TargetError, is_factory, load
from appliance.worker.files.input_files import InputFiles
from appliance.worker.files.source_loader import CodeCache, ProjectLoader
from appliance.worker.hooks import Hooks

LOADER = partial(ProjectLoader, CodeCache(""), InputFiles("/", -1))
WSGI = "def {name}(environ, start_response):\n    return [b'{name}']\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def target(folder: Path, file: str, attribute: str, *, call: str = "auto", **more: Any) -> Any:
    path = folder / file
    return {
        "kind": "object",
        "module": path.stem,
        "file": str(path),
        "attribute": attribute,
        "call": call,
        "names": [*OBJECT_NAMES, *FACTORY_NAMES],
        "arguments": [],
        "keywords": {},
        **more,
    }


def test_a_callable_is_taken_as_it_is(folder: Path):
    """A callable is taken as it is."""
    (folder / "one.py").write_text(WSGI.format(name="app"), encoding="utf-8")
    assert load(target(folder, "one.py", "app"), LOADER, Hooks())({}, None) == [b"app"]


def test_an_attribute_of_an_attribute_is_found(folder: Path):
    """An attribute of an attribute is found."""
    (folder / "dash_like.py").write_text(WSGI.format(name="run") + "class app:\n    server = run\n", encoding="utf-8")
    assert load(target(folder, "dash_like.py", "app.server"), LOADER, Hooks())({}, None) == [b"run"]


def test_a_factory_has_any_name(folder: Path):
    """A callable without arguments, and not with two, is a factory, whatever its name."""
    (folder / "two.py").write_text(WSGI.format(name="real") + "def app():\n    return real\n", encoding="utf-8")
    assert load(target(folder, "two.py", "app"), LOADER, Hooks())({}, None) == [b"real"]


def test_a_factory_is_called_with_the_targets_arguments(folder: Path):
    """A factory is called with what the target says."""
    source = (
        WSGI.format(name="real") + "def make(kind, *, more):\n    assert (kind, more) == ('dev', 1)\n    return real\n"
    )
    (folder / "three.py").write_text(source, encoding="utf-8")
    found = load(
        target(folder, "three.py", "make", call="yes", arguments=["dev"], keywords={"more": 1}), LOADER, Hooks()
    )
    assert found({}, None) == [b"real"]


def test_the_first_usual_name_is_served(folder: Path):
    """If the target names no attribute, the first of the usual ones is taken."""
    (folder / "four.py").write_text(WSGI.format(name="application"), encoding="utf-8")
    assert load(target(folder, "four.py", ""), LOADER, Hooks())({}, None) == [b"application"]


@pytest.mark.parametrize("file", ["site.wsgi", "my-app.py", "queue.py"])
def test_a_file_that_no_import_names_is_loaded(folder: Path, file: str):
    """A file that no import by name would run is loaded by its path: another suffix, a hyphen, a standard name."""
    (folder / file).write_text(WSGI.format(name="application"), encoding="utf-8")
    standard = sys.modules.get("queue")
    try:
        assert load(target(folder, file, "application"), LOADER, Hooks())({}, None) == [b"application"]
    finally:
        if standard is not None:
            sys.modules["queue"] = standard


@pytest.mark.parametrize(
    ("source", "attribute", "words"),
    [
        ("async def app(scope, receive, send): ...\n", "app", "ASGI"),
        ("class A:\n    async def __call__(self, scope, receive, send): ...\napp = A()\n", "app", "ASGI"),
        ("app = 3\n", "app", "is a int"),
        ("def other(): ...\n", "app", "has no 'app'; it has other"),
        ("x = 1\n", "", "has none of app"),
    ],
)
def test_a_value_that_is_not_an_application_is_refused(folder: Path, source: str, attribute: str, words: str):
    """A value that is not a WSGI application is refused in words that name its kind."""
    (folder / "bad.py").write_text(source, encoding="utf-8")
    with pytest.raises(TargetError, match=words):
        load(target(folder, "bad.py", attribute), LOADER, Hooks())


def test_a_factory_that_needs_more_is_refused(folder: Path):
    """A factory that needs arguments which nobody gives is refused before it is called."""
    (folder / "needy.py").write_text("def create_app(config):\n    raise AssertionError\n", encoding="utf-8")
    with pytest.raises(TargetError, match="can't be called like that"):
        load(target(folder, "needy.py", "create_app", call="yes"), LOADER, Hooks())


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (lambda: None, True),
        (lambda config=None: None, True),
        (lambda environ, start_response: None, False),
        (lambda *arguments: None, False),
        (lambda config, *, debug: None, False),
        (3, False),  # not callable
        (type, False),  # without a signature
    ],
)
def test_an_application_is_not_a_factory(found, expected):
    """An application, however its arguments are spelt, is not a factory, nor is a callable without a signature."""
    assert is_factory(found) is expected
    assert production_facts._is_factory(found) is expected
