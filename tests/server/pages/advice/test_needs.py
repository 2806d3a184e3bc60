"""The needs that a page may offer for an exception: each recogniser, as data, in a project of a few files."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.protocol.remedy_kinds import ROWS, checked
from appliance.server.pages.advice import missing_dependencies
from appliance.server.pages.advice.exception_advice import advice
from appliance.server.pages.error_page import report


def raiser(name: str, words: str, base: type[Exception] = Exception) -> Callable[[], None]:
    """Return a function that raises an exception of a class with this full name, which is not installed here."""
    module, _, short = name.rpartition(".")
    made = type(short, (base,), {"__module__": module})

    def raises() -> None:
        raise made(words)

    return raises


def environ() -> object:
    """Read a variable that is not set."""
    return os.environ["GREETING"]


def sqlite() -> object:
    """Open a database in a folder that is missing."""
    path = Path.cwd() / "data" / "app.db"
    return sqlite3.connect(path)


NO_TABLE = raiser("sqlite3.OperationalError", "no such table: note")
NO_COLUMN = raiser("django.db.utils.ProgrammingError", "column shop_item.price does not exist\nLINE 1: ...")
SECRET = raiser("django.core.exceptions.ImproperlyConfigured", "The SECRET_KEY setting must not be empty.")
HOST = raiser(
    "django.core.exceptions.DisallowedHost",
    "Invalid HTTP_HOST header: 'shop.test'. You may need to add 'shop.test' to ALLOWED_HOSTS.",
)
LOCAL = raiser(
    "psycopg.OperationalError", 'connection to server at "localhost" (127.0.0.1), port 5432 failed: Connection refused'
)
REMOTE = raiser("redis.exceptions.ConnectionError", "Error 111 connecting to cache:6379. Connection refused.")
DJANGO = {"manage.py": "import django\n"}
CLICK = {"shop.py": "import click\n@click.command('init-db')\ndef init_db(): ...\n"}

HEADLESS = {"kind": "add-dependency", "packages": "opencv-python-headless"}
GREETING = {"kind": "set-variable", "name": "GREETING"}

AGAIN = {"kind": "run-again", "step": "import"}
CASES: dict[str, tuple[Callable[[], object], dict[str, str], list[dict[str, str]]]] = {
    "a table, Django": (NO_TABLE, DJANGO, [{"kind": "django-migrate", "manage": "manage.py"}]),
    "a table, Flask-Migrate": (NO_TABLE, {"migrations/alembic.ini": ""}, [{"kind": "flask-migrate"}]),
    "a table, Alembic": (NO_TABLE, {"alembic.ini": ""}, [{"kind": "alembic-upgrade"}]),
    "a table, the project's command": (NO_TABLE, CLICK, [{"kind": "flask-command", "command": "init-db"}]),
    "a table, nothing known": (NO_TABLE, {}, []),
    "a column, Django": (NO_COLUMN, DJANGO, [{"kind": "django-migrate", "manage": "manage.py"}]),
    "a column, no migrations": (NO_COLUMN, CLICK, []),
    "a module": (lambda: __import__("cv2"), {"requirements.txt": ""}, [HEADLESS]),
    "a module, no file": (lambda: __import__("skimage"), {}, [{"kind": "add-dependency", "packages": "scikit-image"}]),
    "a variable": (environ, {".env": "", ".env.example": "GREETING=hello"}, [GREETING]),
    "a variable without an example": (environ, {".env": ""}, []),
    "a file of variables": (
        environ,
        {".env.example": "GREETING=hello"},
        [{"kind": "copy-example", "file": ".env", "example": ".env.example"}, GREETING],
    ),
    "a secret key": (SECRET, {}, [{"kind": "make-secret", "name": "SECRET_KEY"}]),
    "a secret key of Flask": (
        raiser("builtins.RuntimeError", "The session is unavailable because no secret key was set.", RuntimeError),
        {},
        [{"kind": "make-secret", "name": "SECRET_KEY"}],
    ),
    "a host": (HOST, {}, [{"kind": "add-host", "host": "shop.test"}]),
    "a folder": (sqlite, {}, [{"kind": "make-folder", "folder": "data"}]),
    "localhost": (LOCAL, {}, [{"kind": "use-service", "port": "5432"}, AGAIN]),
    "a service": (REMOTE, {}, [{"kind": "start-service", "host": "cache"}, AGAIN]),
    "a settings file": (
        lambda: __import__("local_settings"),
        {"local_settings.py.example": ""},
        [{"kind": "copy-example", "file": "local_settings.py", "example": "local_settings.py.example"}],
    ),
    "an error of the project": (lambda: 1 // 0, DJANGO, []),
}  # fmt: skip


def needs(root: Path, raises: Callable[[], object], files: dict[str, str]) -> list[dict[str, str]]:
    """Return the needs that a page may offer for the exception of a function, in a project of these files."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    try:
        raises()
    except Exception as error:  # noqa: BLE001  whatever the case raises
        return list(advice(error, str(root)).needs)
    raise AssertionError("it raised nothing")


@pytest.mark.parametrize("case", CASES)
def test_an_exception_names_its_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str):
    """Each exception is recognised by its class's name and its message, and each need fits its row."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GREETING", raising=False)
    raises, files, expected = CASES[case]
    found = needs(tmp_path, raises, files)
    assert found == expected
    assert [checked(each) for each in found] == expected


def test_each_row_is_named():
    """Every row is named by a case here, or below, or by an error of an analysis or an installation."""
    named = {need["kind"] for _, _, expected in CASES.values() for need in expected}
    of_errors = {"serve-application", "use-instead", "use-version"}
    assert set(ROWS) - named - of_errors == {"reinstall", "use-python"}


def test_a_module_without_a_replacement_needs_an_older_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A module that left Python without a replacement asks for the last Python that has it."""
    from appliance.server.pages.advice import exception_advice  # noqa: PLC0415  the case below replaces a name in it

    monkeypatch.setattr(exception_advice, "removed_in", lambda _: "3.13")
    error = ModuleNotFoundError("No module named 'lib2to3'", name="lib2to3")
    assert advice(error, str(tmp_path)).needs == ({"kind": "use-python", "version": "3.12"},)


def test_a_removed_package_must_be_installed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A module that an installed package lists, and that is not there, has to be installed again."""
    folder = tmp_path / "site-packages"
    (folder / "My_Kettle-1.0.dist-info").mkdir(parents=True)
    (folder / "My_Kettle-1.0.dist-info" / "RECORD").write_text("kettle/__init__.py,,\n")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    assert missing_dependencies.should_be_installed(str(tmp_path), "my-kettle", "kettle")
    assert not missing_dependencies.should_be_installed(str(tmp_path), "my-kettle", "pot")
    assert not missing_dependencies.should_be_installed(str(tmp_path), "kettle", "kettle")


def test_an_edited_package_must_be_installed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An exception from a package's file asks for a reinstall if that file was edited after the installation."""
    file = tmp_path / "lib" / "site-packages" / "kettle" / "pot.py"
    file.parent.mkdir(parents=True)
    file.write_text("def boil():\n    raise ValueError('edited')\n")
    mark = tmp_path / ".whole.json"
    mark.write_text("{}")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    names: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), names)
    os.utime(mark, (1_700_000_000, 1_700_000_000))
    found = needs(tmp_path, names["boil"], {})
    assert found == [{"kind": "reinstall", "package": "kettle"}]
    os.utime(mark, None)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    assert needs(tmp_path, names["boil"], {}) == []


def test_the_report_of_an_exception_has_its_needs(tmp_path: Path):
    """The report of an exception has the needs beside the text; without any, it has no such field."""
    (tmp_path / "manage.py").write_text("import django\n")
    try:
        NO_TABLE()
    except Exception as error:  # noqa: BLE001  see above
        found = report(error, root=str(tmp_path), kind="request")
    assert found["remedies"] == [{"kind": "django-migrate", "manage": "manage.py"}]
    assert "remedies" not in report(ValueError("x"), root=str(tmp_path), kind="request")
