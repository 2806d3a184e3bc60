"""Advice for an exception: each case in the words of its library, in a project of a few files."""

from __future__ import annotations

import os
import runpy
import sqlite3
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.server.pages.advice import database_advice, missing_dependencies
from appliance.server.pages.advice.exception_advice import advice
from appliance.server.pages.error_page import render, report

Advised = Callable[..., str]


@pytest.fixture
def advised(tmp_path: Path) -> Advised:
    """``advised(raises, {"file": "text"})``: the advice on what the function raises, in a project of these files."""

    def advised(raises: Callable[[], Any], files: dict[str, str] | None = None) -> str:
        for name, text in (files or {}).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        try:
            raises()
        except BaseException as error:  # noqa: BLE001  SystemExit is one of the cases
            return advice(error, str(tmp_path)).text
        raise AssertionError("it raised nothing")

    return advised


@pytest.fixture
def in_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice is that of the image."""
    monkeypatch.setattr(missing_dependencies, "_IN_IMAGE", __file__)


def raiser(name: str, words: str, *, base: type[Exception] = Exception) -> Callable[[], None]:
    """Return a function that raises an exception of a class with this full name, which is not installed here."""
    module, _, short = name.rpartition(".")
    made = type(short, (base,), {"__module__": module})

    def raises() -> None:
        raise made(words)

    return raises


def importing(name: str) -> Callable[[], object]:
    """Return a function that imports a missing module."""
    return lambda: __import__(name)


def missing(name: str) -> Callable[[], object]:
    """Return a function that raises the exception of a missing module in a package that was imported before."""

    def raises() -> object:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    return raises


@pytest.mark.parametrize(
    ("name", "files", "words"),
    [
        ("cv2", {"requirements.txt": ""}, "Add opencv-python-headless to requirements.txt"),
        ("rest_framework.views", {"requirements/dev.txt": "", "manage.py": ""}, "to requirements/dev.txt"),
        ("skimage", {"pyproject.toml": ""}, "Add scikit-image to pyproject.toml"),
        (
            "skimage",
            {"pyproject.toml": "[build-system]\nrequires = []\n", "setup.cfg": ""},
            "scikit-image to setup.cfg",
        ),
        ("skimage", {"pyproject.toml": "[project]\nname = 'x'\n", "setup.cfg": ""}, "scikit-image to pyproject.toml"),
        ("skimage", {"setup.py": "", "setup.cfg": "[flake8]\n"}, "scikit-image to setup.py"),
        ("not_here_at_all", {"pyproject.toml": ""}, "Add not-here-at-all to pyproject.toml"),
        (
            "pyramid_debugtoolbar",
            {"setup.py": "from setuptools import setup\nsetup(extras_require={'dev': ['pyramid-debugtoolbar>=4']})\n"},
            "of setup.py: install that too, with APPLIANCE_DEPENDENCIES=extra:dev.",
        ),
        (
            "sqlglot",
            {
                "pyproject.toml": "[project]\nname = 'x'\n",
                "setup.cfg": "[options.extras_require]\nmongo =\n  pymongo\npostgres =\n  sqlglot\nall =\n  x\n",
            },
            "of setup.cfg: install that too, with APPLIANCE_DEPENDENCIES=extra:postgres.",
        ),
        (
            "sqlglot",
            {"pyproject.toml": "[project]\n[dependency-groups]\nsql = [\n  'sqlglot',\n]\n"},
            "APPLIANCE_DEPENDENCIES=group:sql.",
        ),
        (
            "sqlglot",
            {"pyproject.toml": "[tool.poetry.group.sql.dependencies]\nsqlglot = '*'\n"},
            "APPLIANCE_DEPENDENCIES=group:sql.",
        ),
        (
            "cv2",
            {"app.py": "import cv2, os\nfrom not_here import x\ntry:\n    import optional\nexcept ImportError: 1\n"},
            r"printf 'opencv-python-headless\nnot-here\n' > requirements.txt",
        ),
    ],
)
def test_a_missing_module_names_its_package(advised: Advised, name: str, files: dict[str, str], words: str) -> None:
    """A missing module names its package, and the file to add it to; without one, all that is missing."""
    assert words in advised(importing(name), files)


def test_a_module_of_the_project_is_not_a_missing_package(advised: Advised) -> None:
    """A module that the project itself has is not a package to be added."""
    assert not advised(importing("own_part_of_it"), {"requirements.txt": "", "own_part_of_it/x.py": ""})


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[tool.setuptools_scm]\nwrite_to = "src/own_part_of_it/_version.py"\n'),
        ("pyproject.toml", "[tool.hatch.build.hooks.vcs]\nversion-file = 'src/own_part_of_it/_version.py'\n"),
        ("pyproject.toml", '[tool.pdm.version]\nsource = "scm"\nwrite_to = "own_part_of_it/_version.py"\n'),
        ("setup.py", 'setup(use_scm_version={"write_to": "src/own_part_of_it/_version.py"})\n'),
    ],
)
def test_a_version_that_a_build_writes_names_the_file(advised: Advised, tmp_path: Path, file: str, text: str) -> None:
    """A clone lacks the module with the version, which building tools write: it is in no package, and in no commit."""
    files = {file: text, "src/own_part_of_it/__init__.py": ""}
    words = advised(missing("own_part_of_it._version"), files)
    assert words.startswith(f"A build of the project writes src/own_part_of_it/_version.py, as {file} says.")
    command = words.rpartition("write the file: ")[2]
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert runpy.run_path(str(tmp_path / "src/own_part_of_it/_version.py"))["version"] == "0"
    assert "A build" not in advised(missing("own_part_of_it.other"), files)


SUBMODULES = """[submodule "first"]
\tpath = vendor/parts
\turl = https://github.com/shop/own_part_of_it.git
[submodule "second"]
\turl = ../other-part
\tpath = other_part_of_it
"""


@pytest.mark.parametrize("name", ["own_part_of_it.models", "other_part_of_it.models"])
def test_a_module_in_an_empty_submodule_names_the_command(advised: Advised, tmp_path: Path, name: str) -> None:
    """A module in a git submodule that a clone has left empty must come from git, and not from an index."""
    (tmp_path / "other_part_of_it").mkdir()
    words = advised(importing(name), {".gitmodules": SUBMODULES, "requirements.txt": ""})
    assert "which is empty: run git submodule update --init" in words
    assert "submodule" not in advised(importing("not_here_at_all"), {})
    assert "submodule" not in advised(importing(name), {"vendor/parts/x.py": "", "other_part_of_it/x.py": ""})


@pytest.mark.parametrize(
    "example", ["local.py.example", "local_sample.py", "local.dist.py", "local.tpl", "local.py-dist"]
)
def test_a_module_that_must_be_copied_names_the_file_and_the_command(advised: Advised, example: str) -> None:
    """Settings that each makes for itself: the file beside them is named, with the command."""
    words = advised(importing("local"), {example: "", "requirements.txt": ""})
    assert f"cp {example} local.py" in words
    files = {"settings_of/__init__.py": "", f"settings_of/{example}": ""}
    error = ModuleNotFoundError("No module named 'settings_of.local'", name="settings_of.local")

    def raises() -> None:
        raise error

    assert f"cp settings_of/{example} settings_of/local.py" in advised(raises, files)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="what Python no longer brings")
def test_a_module_that_python_lost_needs_an_older_python(advised: Advised) -> None:
    """A module that left the standard library asks for an older Python."""
    assert "3.13" in advised(importing("cgi"))


VARIABLES = {
    "os.environ": lambda: os.environ["SHOP_KEY"],
    "decouple": raiser(
        "decouple.UndefinedValueError", "SHOP_KEY not found. Declare it as envvar or define a default value."
    ),
    "django-environ": raiser("django.core.exceptions.ImproperlyConfigured", "Set the SHOP_KEY environment variable"),
    "environs": raiser("environs.EnvError", 'Environment variable "SHOP_KEY" not set'),
    "pydantic": raiser(
        "pydantic_core._pydantic_core.ValidationError",
        "1 validation error for Settings\nshop_key\n  Field required [type=missing, input_value={}, input_type=dict]",
    ),
    "by hand": raiser("builtins.RuntimeError", "SHOP_KEY is not set", base=RuntimeError),
}


@pytest.mark.parametrize("raises", VARIABLES.values(), ids=VARIABLES.keys())
def test_a_missing_variable_names_its_example(advised: Advised, raises: Callable[[], object]) -> None:
    """A missing variable is named, and the example that has it."""
    assert "Set SHOP_KEY in the project's .env" in advised(raises)
    assert "cp .env.example .env" in advised(raises, {".env.example": "A=1\n#SHOP_KEY=\n"})
    assert "(.env.example has an example)" in advised(raises, {".env": ""})


@pytest.mark.parametrize("text", ["      SHOP_KEY: one\n", "      - SHOP_KEY=one\n", "      - 'SHOP_KEY=one'\n"])
def test_a_variable_of_a_compose_file_is_an_example(advised: Advised, text: str) -> None:
    """A missing variable that a compose file sets for its service names that file."""
    words = advised(VARIABLES["by hand"], {"docker-compose.yml": f"services:\n  app:\n    environment:\n{text}"})
    assert "Set SHOP_KEY in the project's .env (docker-compose.yml has an example)" in words
    assert "compose" not in advised(VARIABLES["by hand"], {"docker-compose.yml": "services:\n  app:\n    image: x\n"})


@pytest.mark.parametrize("name", [".env_example", ".env-sample", "sample.env", "env.template"])
def test_an_example_of_variables_may_have_another_name(advised: Advised, name: str) -> None:
    """An example is found by each name that many projects give it."""
    assert f"cp {name} .env" in advised(VARIABLES["by hand"], {name: "SHOP_KEY=\n"})


def test_the_missing_folder_of_a_database_is_named(advised: Advised, tmp_path: Path) -> None:
    """SQLite's message names no file: the folder is found in the frames, and named with the command that makes it."""
    path = str(tmp_path / "data" / "shop.db")
    assert "mkdir -p data" in advised(lambda: sqlite3.connect(path))


def reads_the_unset() -> object:
    """Use a variable of the environment that is not set."""
    return os.environ.get("NEVER_SET_HOSTS").split(",")  # type: ignore[union-attr]


def counts_the_unset() -> object:
    """Another such."""
    return int(os.getenv("NEVER_SET_COUNT"))  # type: ignore[arg-type]


def splits_nothing() -> object:
    """Fail without any variable of the environment."""
    nothing: Any = None
    return nothing.split(",")


@pytest.mark.parametrize(
    ("raises", "name"),
    [(reads_the_unset, "NEVER_SET_HOSTS"), (counts_the_unset, "NEVER_SET_COUNT"), (splits_nothing, "")],
)
def test_a_variable_that_is_not_set_is_named_if_its_none_is_used(
    advised: Advised, raises: Callable[[], object], name: str
):
    """None of os.environ.get, where the line went on with it, is the variable that is not set."""
    words = advised(raises)
    assert (f"Set {name} in the project's .env: {name}=..." in words) if name else not words


def test_a_missing_secret_key_names_its_variable(
    advised: Advised, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django's empty SECRET_KEY, and a Flask session without one, are the variable that the settings read it from."""
    empty = raiser("django.core.exceptions.ImproperlyConfigured", "The SECRET_KEY setting must not be empty.")
    assert "SECRET_KEY" in advised(empty)
    settings = tmp_path / "named_settings.py"
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "named_settings")
    monkeypatch.syspath_prepend(str(tmp_path))
    for text in ('os.environ.get("DJANGO_KEY")', 'os.getenv(\n"OTHER")', 'env("DJANGO_KEY")', 'config("DJANGO_KEY")'):
        settings.write_text(f"import os\nenv = config = os.getenv\nSECRET_KEY = {text}\n")
        monkeypatch.setitem(sys.modules, "named_settings", types.SimpleNamespace(__file__=str(settings)))
        name = "DJANGO_KEY" if "DJANGO_KEY" in text else "SECRET_KEY"
        assert f"Set {name} in the project's .env" in advised(empty)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")
    words = "The session is unavailable because no secret key was set.  Set the secret_key on the application"
    assert "SECRET_KEY" in advised(raiser("builtins.RuntimeError", words, base=RuntimeError))


def test_a_key_error_of_the_project_is_not_a_missing_variable(advised: Advised) -> None:
    """A KeyError of the project's own mapping is not a missing variable."""
    assert not advised(lambda: dict[str, str]()["SHOP_KEY"])


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"manage.py": "import django"}, "python manage.py migrate"),
        ({"site/manage.py": "DJANGO_SETTINGS_MODULE"}, "python site/manage.py migrate"),
        ({"migrations/alembic.ini": ""}, "flask db upgrade"),
        ({"alembic.ini": ""}, "alembic upgrade head"),
        ({"shop/db.py": "import click\n@click.command('init-db')\ndef init_db_command(): ...\n"}, "flask init-db"),
        ({"shop.py": "import click\n@app.cli.command()\ndef init_db():\n    ...\n"}, "flask init-db"),
    ],
)
def test_a_missing_table_names_the_command(advised: Advised, files: dict[str, str], command: str) -> None:
    """A missing table says which command of this project makes it."""

    def ask() -> None:
        connection = sqlite3.connect(":memory:")
        try:
            connection.execute("SELECT * FROM posts")
        finally:
            connection.close()

    assert f"no table posts. Create it: appliance run {command} (or set " in advised(ask, files)


@pytest.mark.usefixtures("in_image")
def test_in_the_image_compose_runs_the_command_for_a_missing_table(advised: Advised) -> None:
    """In the image, and only there, the command for a missing table begins with compose's."""
    postgres = raiser("psycopg2.errors.UndefinedTable", 'relation "posts" does not exist')
    words = advised(postgres, {"alembic.ini": ""})
    assert "Create it: docker compose exec app appliance run alembic upgrade head (or set " in words


def test_missing_tables_of_other_databases_are_recognised(advised: Advised) -> None:
    """PostgreSQL's and MySQL's words are known, with SQLAlchemy's error around them."""
    postgres = raiser("psycopg2.errors.UndefinedTable", 'relation "posts" does not exist\nLINE 1: SELECT')
    mysql = raiser("pymysql.err.ProgrammingError", "(1146, \"Table 'shop.posts' doesn't exist\")")
    assert "no table posts" in advised(postgres)
    assert "no table shop.posts" in advised(mysql)


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        (
            "psycopg2.OperationalError",
            'connection to server at "localhost" (::1), port 5432 failed: Connection refused',
            "Nothing answers at localhost:5432. In a container",
        ),
        ("psycopg2.OperationalError", 'could not translate host name "db" to address', "Nothing answers at db: start"),
        (
            "redis.exceptions.ConnectionError",
            "Error 111 connecting to redis:6379. Connection refused.",
            "at redis:6379",
        ),
        ("pymysql.err.OperationalError", "(2003, \"Can't connect to MySQL server on '127.0.0.1'\")", "In a container"),
        ("pymongo.errors.ServerSelectionTimeoutError", "localhost:27017: [Errno 111] Connection refused", ":27017"),
        ("builtins.ConnectionRefusedError", "[Errno 111] Connection refused", "In a container"),
    ],
)
def test_a_refused_connection_names_the_database(
    advised: Advised, monkeypatch: pytest.MonkeyPatch, name: str, words: str, expected: str
) -> None:
    """A database that does not answer is named, and what localhost is in a container."""
    monkeypatch.setattr(database_advice, "CONTAINER_MARKS", (__file__,))
    base = ConnectionRefusedError if name.startswith("builtins") else Exception
    assert expected in advised(raiser(name, words, base=base))


def test_outside_of_a_container_localhost_is_this_machine(advised: Advised, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a container the advice says nothing about containers: the person starts what listens there."""
    monkeypatch.setattr(database_advice, "CONTAINER_MARKS", ())
    words = 'connection to server at "localhost" (::1), port 5432 failed: Connection refused'
    told = advised(raiser("psycopg2.OperationalError", words))
    assert told == "Nothing answers at localhost:5432: start what listens there, or correct the address."


def test_the_cause_is_looked_at(advised: Advised) -> None:
    """An exception that was wrapped in another one is found."""

    def raises() -> None:
        try:
            os.environ["SHOP_KEY"]
        except KeyError as error:
            raise ValueError("bad configuration") from error

    assert "SHOP_KEY" in advised(raises)


def test_an_error_of_the_projects_own_gets_no_advice(advised: Advised) -> None:
    """An error of the project's own gets no advice, and one that can't be written as text breaks nothing."""

    class UnwritableError(Exception):
        def __str__(self) -> str:
            raise ValueError("no words")

    def raises() -> None:
        raise UnwritableError

    assert not advised(lambda: 1 / 0)
    assert not advised(raises)


def test_html_json_and_text_pages_show_the_advice(tmp_path: Path) -> None:
    """Each form of the page has the advice."""
    try:
        os.environ["SHOP_KEY"]
    except KeyError as error:
        page = {"status": 500, **report(error, root=str(tmp_path), kind="import")}
    for accept in ("text/html", "application/json", "text/plain"):
        assert b"Set SHOP_KEY" in render(page, accept)[1]
