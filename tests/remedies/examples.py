"""One project for each kind of remedy, which the remedy fits: a new row of the table needs one too."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from appliance.dependencies.appliance_python import appliance_python_version
from appliance.remedies.remedy import ProjectFacts
from tests.remedies.project_facts import project_facts


class Example(NamedTuple):
    """A project's files, what a worker or an error names, and the file that declares the dependencies."""

    files: dict[str, str]
    need: dict[str, str]
    source: str = "none"


EXAMPLES = {
    "django-migrate": Example({"manage.py": "import django\n"}, {"manage": "manage.py"}),
    "flask-migrate": Example({"migrations/alembic.ini": ""}, {}),
    "alembic-upgrade": Example({"alembic.ini": ""}, {}),
    "flask-command": Example({"app.py": "import click\n@click.command('init-db')\n"}, {"command": "init-db"}),
    "add-dependency": Example({"requirements.txt": "flask\n"}, {"packages": "Pillow"}, "requirements.txt"),
    "reinstall": Example({"requirements.txt": "flask\n"}, {"package": "flask"}, "requirements.txt"),
    "set-variable": Example({".env": "A=1\n", ".env.example": "B=2\n"}, {"name": "B"}),
    "make-secret": Example({"app.py": "import os\nos.environ['SECRET_KEY']\n"}, {"name": "SECRET_KEY"}),
    "copy-example": Example({".env.example": "B=2\n"}, {"file": ".env", "example": ".env.example"}),
    "add-host": Example({"site_settings.py": "ALLOWED_HOSTS = ['a.test']\n"}, {"host": "shop.test"}),
    "make-folder": Example({}, {"folder": "instance"}),
    "use-service": Example(
        {".env": "DB=postgres://localhost:5432/a\n", "compose.yaml": "services:\n  db: {image: postgres}\n"},
        {"port": "5432"},
    ),
    "start-service": Example({"compose.yaml": "services:\n  db: {image: postgres}\n"}, {"host": "db"}),
    "use-version": Example(
        {"requirements.txt": "flask==99.0\n"},
        {"file": "requirements.txt", "package": "flask", "version": "3.1.2"},
        "requirements.txt",
    ),
    "use-instead": Example(
        {"requirements.txt": "psycopg2==2.9\n"},
        {"file": "requirements.txt", "package": "psycopg2", "instead": "psycopg2-binary"},
        "requirements.txt",
    ),
    "serve-application": Example(
        {"one.py": "from flask import Flask\napp = Flask(__name__)\n"}, {"application": "one:app"}
    ),
    "run-again": Example({}, {"step": "installation"}),
    "use-python": Example({".python-version": "3.9\n"}, {"version": appliance_python_version()}),
}


def example_facts(root: Path, kind: str) -> ProjectFacts:
    """Return the facts about the example's project."""
    example = EXAMPLES[kind]
    root.mkdir(exist_ok=True)
    (root.parent / "cache").mkdir(exist_ok=True)
    files = tuple((root / name).resolve() for name in example.files)
    plan: Any = SimpleNamespace(
        source=example.source, environment=root.parent / "cache" / "a", extra_file="a.more", extra=(), files=files,
        python=Path("/bin/python"),
    )  # fmt: skip
    variables = {"PATH": "/bin", "DJANGO_SETTINGS_MODULE": "site_settings"}
    known: dict[str, Any] = {"plan": plan, "variables": variables, "cache": root.parent / "cache"}
    return project_facts(root, example.source, example.files, **known)
