"""Commands, hosts, services and Pythons: made by us from a name, and only where the project's files fit it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.protocol.remedy_kinds import ROWS
from appliance.remedies.make_remedy import MAKERS
from tests.remedies.project_facts import after, made, project_facts

MANAGE = {"manage.py": "import django\n"}
CLICK = {"shop/db.py": "import click\n@click.command('init-db')\ndef run():\n    pass\n"}
FUNCTION = {"app.py": "@app.cli.command()\ndef seed_data():\n    pass\n"}
TARGET: Any = SimpleNamespace(module="shop", attribute="create_app", search_path=("/elsewhere",))
COMPOSE = """
services:
  app: {build: .}
  db:
    image: postgres:16
    ports: ["15432:5432"]
  cache:
    image: redis
  search:
    image: own
    expose: [9999]
"""


def test_each_row_has_its_maker():
    """The table of kinds and the table of makers are the same."""
    assert set(MAKERS) == set(ROWS)


def line(root: Path, files: dict[str, str], need: dict[str, str], **facts: Any) -> str:
    """The command line of a remedy; "" if there is none."""
    remedy = made(project_facts(root, files=files, **facts), **need)
    return remedy.command_line if remedy else ""


@pytest.mark.parametrize(
    ("files", "need", "command"),
    [
        (MANAGE, {"kind": "django-migrate", "manage": "manage.py"}, "python manage.py migrate --noinput"),
        ({}, {"kind": "django-migrate", "manage": "manage.py"}, ""),
        ({"evil.py": "django"}, {"kind": "django-migrate", "manage": "evil.py"}, ""),
        (MANAGE, {"kind": "django-migrate", "manage": "../project/manage.py"}, ""),
        (MANAGE, {"kind": "django-migrate", "manage": "/etc/manage.py"}, ""),
        ({"migrations/alembic.ini": ""}, {"kind": "flask-migrate"}, "flask db upgrade"),
        ({}, {"kind": "flask-migrate"}, ""),
        ({"alembic.ini": ""}, {"kind": "alembic-upgrade"}, "alembic upgrade head"),
        (CLICK, {"kind": "flask-command", "command": "init-db"}, "flask init-db"),
        (FUNCTION, {"kind": "flask-command", "command": "seed-data"}, "flask seed-data"),
        (CLICK, {"kind": "flask-command", "command": "shell"}, ""),
        (CLICK, {"kind": "flask-command", "command": "init-db;id"}, ""),
        (CLICK, {"kind": "flask-command", "command": "--help"}, ""),
        ({}, {"kind": "make-folder", "folder": "instance"}, "mkdir -p -- instance"),
        ({}, {"kind": "make-folder", "folder": "../x"}, ""),
        ({}, {"kind": "make-folder", "folder": "a/../../x"}, ""),
        ({"instance/x": ""}, {"kind": "make-folder", "folder": "instance"}, ""),
        ({}, {"kind": "createsuperuser"}, ""),
        ({}, {"kind": "start-service", "host": "db"}, ""),
    ],
)
def test_commands_are_made_from_files(tmp_path: Path, files: dict[str, str], need: dict[str, str], command: str):
    """Each command is made here; what the project's files do not have is refused."""
    assert line(tmp_path / "project", files, need) == command


def test_flask_is_told_the_application_that_is_served(tmp_path: Path):
    """``flask`` gets the application that is served, unless the project names one itself."""
    need = {"kind": "flask-command", "command": "init-db"}
    shown = line(tmp_path, CLICK, need, target=TARGET)
    assert shown == "FLASK_APP=shop:create_app PYTHONPATH=/elsewhere flask init-db"
    assert line(tmp_path, CLICK, need, target=TARGET, variables={"FLASK_APP": "x"}) == "flask init-db"


def test_a_command_for_the_host_is_shown_and_never_run(tmp_path: Path):
    """A command that only the host can run is shown, and never run."""
    remedy = made(project_facts(tmp_path, files={"compose.yaml": COMPOSE}), kind="start-service", host="db")
    assert remedy is not None
    page = remedy.page()
    assert (page["command"], page["runs"]) == ("docker compose up -d db", False)


@pytest.mark.parametrize(
    ("env", "port", "expected"),
    [
        (
            "DATABASE_URL=postgres://u:pw12345678@localhost:15432/x\n",
            "15432",
            "DATABASE_URL=postgres://u:pw12345678@db:5432/x\n",
        ),
        ("A=1\nREDIS=redis://127.0.0.1:6379/0\n", "6379", "A=1\nREDIS=redis://cache:6379/0\n"),
        (
            "DB_HOST=localhost\nDB_PORT=15432\nMAIL_HOST=localhost\n",
            "15432",
            "DB_HOST=db\nDB_PORT=5432\nMAIL_HOST=localhost\n",
        ),
        ('PGHOST="localhost"\n', "5432", 'PGHOST="db"\n'),
        ("S=http://localhost:9999/a\n", "9999", "S=http://search:9999/a\n"),
    ],
)
def test_the_compose_files_service_replaces_localhost(tmp_path: Path, env: str, port: str, expected: str):
    """The name and port of the compose file's service take the place of localhost; a password is not shown."""
    where = project_facts(tmp_path, files={"compose.yaml": COMPOSE, ".env": env})
    assert after(where, kind="use-service", port=port) == expected
    remedy = made(where, kind="use-service", port=port)
    assert remedy is not None
    assert "pw12345678" not in str(remedy.page())


def test_the_variable_that_defaults_to_localhost_is_set(tmp_path: Path):
    """Without a line in .env, the variable that the sources read with localhost as its default is set."""
    files = {"compose.yaml": COMPOSE, "app.py": "import os\nHOST = os.environ.get('DB_HOST', 'localhost')\n"}
    where = project_facts(tmp_path, files=files)
    assert after(where, kind="use-service", port="5432") == "DB_HOST=db\n"
    assert made(project_facts(tmp_path, contained=False), kind="use-service", port="5432") is None
    assert made(where, kind="use-service", port="1") is None


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("ALLOWED_HOSTS = []\n", "ALLOWED_HOSTS = ['shop.test']\n"),
        ("ALLOWED_HOSTS = ['a.b', 'c']  # x\n", "ALLOWED_HOSTS = ['a.b', 'c', 'shop.test']  # x\n"),
        ('ALLOWED_HOSTS = ["é"]\n', 'ALLOWED_HOSTS = ["é", "shop.test"]\n'),
        ('ALLOWED_HOSTS = [\n    "a",\n    "b",\n]\n', 'ALLOWED_HOSTS = [\n    "a",\n    "b",\n    "shop.test",\n]\n'),
        ('ALLOWED_HOSTS = [\n  "a",  # é, ours\n]\n', 'ALLOWED_HOSTS = [\n  "a",  # é, ours\n  "shop.test",\n]\n'),
        ('ALLOWED_HOSTS = [\n  "a"  # ours\n]\n', 'ALLOWED_HOSTS = [\n  "a",  # ours\n  "shop.test"\n]\n'),
        ('ALLOWED_HOSTS = [\r\n  "a",\r\n]\r\n', 'ALLOWED_HOSTS = [\r\n  "a",\r\n  "shop.test",\r\n]\r\n'),
        ('ALLOWED_HOSTS = [\n  "a",\n  "b"]\n', 'ALLOWED_HOSTS = [\n  "a",\n  "b",\n  "shop.test"]\n'),
        ('ALLOWED_HOSTS: list[str] = ("a",)\n', 'ALLOWED_HOSTS: list[str] = ("a", "shop.test",)\n'),
    ],
)
def test_a_list_of_hosts_gets_one_more(tmp_path: Path, settings: str, expected: str):
    """A plain list in Django's settings gets one more host, in its own form."""
    facts: dict[str, Any] = {"variables": {"DJANGO_SETTINGS_MODULE": "site_.settings"}}
    where = project_facts(tmp_path, files={"site_/settings.py": settings}, **facts)
    assert after(where, kind="add-host", host="shop.test") == expected


@pytest.mark.parametrize(
    ("settings", "known", "expected"),
    [
        ("import os\nALLOWED_HOSTS = os.environ.get('HOSTS', '').split(',')\n", "a,b", "HOSTS=a,b,shop.test\n"),
        ("import os\nALLOWED_HOSTS = os.environ['HOSTS'].split()\n", "a", "HOSTS=a shop.test\n"),
        ("ALLOWED_HOSTS = env.list('HOSTS')\n", "", "HOSTS=shop.test\n"),
        ("ALLOWED_HOSTS = config('HOSTS', cast=Csv())\n", "", "HOSTS=shop.test\n"),
        ("ALLOWED_HOSTS = hosts()\n", "", None),
        ("ALLOWED_HOSTS = [host]\n", "", None),
        ("ALLOWED_HOSTS = [\n", "", None),
    ],
)
def test_the_variable_that_holds_the_hosts_is_set(tmp_path: Path, settings: str, known: str, expected: str | None):
    """If the settings read the hosts from a variable, it is set; else nothing is offered."""
    facts: dict[str, Any] = {"variables": {"DJANGO_SETTINGS_MODULE": "conf"}, "values": {"HOSTS": known}}
    where = project_facts(tmp_path, files={"conf.py": settings}, **facts)
    assert after(where, kind="add-host", host="shop.test") == expected


def test_settings_that_import_everything_are_followed(tmp_path: Path):
    """Settings that import everything from others are followed."""
    facts: dict[str, Any] = {"variables": {"DJANGO_SETTINGS_MODULE": "conf.dev"}}
    files = {"conf/dev.py": "from .base import *\n", "conf/base.py": "ALLOWED_HOSTS = []\n", "conf/__init__.py": ""}
    remedy = made(project_facts(tmp_path, files=files, **facts), kind="add-host", host="shop.test")
    assert remedy is not None
    assert remedy.proposal.edit is not None
    assert remedy.proposal.edit.file == "conf/base.py"


@pytest.mark.parametrize("host", ["a b", "a'b", 'x"]', "a\nb", "", "<b>"])
def test_a_text_that_is_not_a_hosts_name_fits_no_row(tmp_path: Path, host: str):
    """A text that is not a host's name fits no row."""
    facts: dict[str, Any] = {"variables": {"DJANGO_SETTINGS_MODULE": "conf"}}
    assert (
        made(project_facts(tmp_path, files={"conf.py": "ALLOWED_HOSTS = []\n"}, **facts), kind="add-host", host=host)
        is None
    )


def test_an_allowed_python_is_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A Python of this machine that the project's ranges allow is pinned; no other."""
    monkeypatch.setattr("appliance.remedies.command_remedies.find_python", lambda *_: Path("/python"))
    where = project_facts(tmp_path, files={"pyproject.toml": '[project]\nname = "a"\nrequires-python = ">=3.11"\n'})
    assert after(where, kind="use-python", version="3.11") == "3.11\n"
    assert made(where, kind="use-python", version="3.10") is None
    assert made(where, kind="use-python", version="2.7") is None
    assert made(project_facts(tmp_path, values={"APPLIANCE_PYTHON": "3.13"}), kind="use-python", version="3.11") is None
    monkeypatch.setattr("appliance.remedies.command_remedies.find_python", lambda *_: None)
    assert made(where, kind="use-python", version="3.12") is None


def test_a_reinstall_makes_another_environment(tmp_path: Path):
    """Another environment is made, of the same dependencies; twice in a row, another one each time."""
    (tmp_path / "env").mkdir(mode=0o700)
    where = project_facts(tmp_path, "requirements.txt")
    remedy = made(where, kind="reinstall", package="flask")
    assert remedy is not None
    assert remedy.proposal.action is not None
    assert remedy.page()["runs"]
    tmp_path.chmod(0o700)
    assert remedy.proposal.action()
    assert (tmp_path / "env" / "a.more").read_text() == "flask>=0\n"
    assert made(project_facts(tmp_path, "off"), kind="reinstall", package="flask") is None
