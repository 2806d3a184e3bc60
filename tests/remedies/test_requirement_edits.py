"""One requirement gets another version or another name, in each form of a file, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.remedies.project_facts import after, project_facts

PEP621 = (
    '[project]\nname = "x"\nversion = "1"\ndependencies = [\n    "flask[async]==99.0",  # why\n    "gunicorn",\n]\n'
)
POETRY = '[tool.poetry.dependencies]\npython = "^3.11"\nflask = "^99.0"\n'
POETRY_TABLE = '[tool.poetry.dependencies]\nflask = {extras = ["async"], version = "^99.0"}\n'
PSYCOPG = '[packages]\npsycopg2 = "==2.9"\n'
PIPFILE = '[packages]\nflask = "==99.0"\n'
CONDA = "dependencies:\n  - python=3.12\n  - pip:\n    - flask==99.0\n"
SETUP = "[options]\ninstall_requires =\n    flask>=99.0\n    gunicorn\n"


def edited(root: Path, file: str, text: str, **need: str) -> str | None:
    """Return the text of the file after the remedy."""
    plan: Any = SimpleNamespace(source=file, files=(root.resolve() / file,))
    return after(project_facts(root, file, {file: text}, plan=plan), file=file, **need)


@pytest.mark.parametrize(
    ("file", "text", "old", "new"),
    [
        ("requirements.txt", "# flask==1\nflask==99.0\ngunicorn\n", "flask==99.0", "flask==3.1.2"),
        ("requirements.txt", "Flask[async] == 99.0 ; python_version > '3.8'  # why\r\n", "99.0", "3.1.2"),
        ("requirements.txt", "flask-cors==1\nflask>=99\n", "flask>=99", "flask>=3.1.2"),
        ("requirements.txt", "flask~=99.0", "99.0", "3.1.2"),
        ("requirements.txt", "flask>99.0\n", ">99.0", ">=3.1.2"),
        ("pyproject.toml", PEP621, "99.0", "3.1.2"),
        ("pyproject.toml", POETRY, "99.0", "3.1.2"),
        ("pyproject.toml", POETRY_TABLE, "99.0", "3.1.2"),
        ("Pipfile", PIPFILE, "99.0", "3.1.2"),
        ("environment.yml", CONDA, "99.0", "3.1.2"),
        ("setup.cfg", SETUP, "99.0", "3.1.2"),
    ],
)
def test_a_version_is_replaced_alone(tmp_path: Path, file: str, text: str, old: str, new: str):
    """The version is replaced, and its operator, extras, marker and comment stay."""
    assert edited(tmp_path, file, text, kind="use-version", package="flask", version="3.1.2") == text.replace(old, new)


@pytest.mark.parametrize(
    "text",
    [
        "gunicorn\n",
        "flask\n",  # no version is asked for
        "flask==3.1.2\n",  # it is this one
        "flask>=99,<100\n",
        "flask==99.0; python_version < '3.12'\nflask==98.0; python_version >= '3.12'\n",
        "flask==99.0 --hash=sha256:00\n",
        "flask @ https://example.org/flask.whl\n",
        "my-flask==99.0\nflask.ext==99.0\n",
    ],
)
def test_an_unknown_form_gets_no_version(tmp_path: Path, text: str):
    """If a change is not one version of one requirement, nothing is offered."""
    assert edited(tmp_path, "requirements.txt", text, kind="use-version", package="flask", version="3.1.2") is None


@pytest.mark.parametrize("file", ["uv.lock", "poetry.lock", "Pipfile.lock", "pylock.toml"])
def test_a_lock_is_not_edited(tmp_path: Path, file: str):
    """A lock is its tool's to write."""
    need = {"kind": "use-version", "package": "flask", "version": "3.1.2"}
    assert edited(tmp_path, file, 'flask = "==99.0"\n', **need) is None


def test_another_file_is_not_edited(tmp_path: Path):
    """A file that the installation has not read is not changed, whatever the report of it says."""
    where = project_facts(
        tmp_path, "requirements.txt", {"notes.txt": "flask==99.0\n", "requirements.txt": "flask==99.0\n"}
    )
    where.plan.files = (tmp_path / "requirements.txt",)  # type: ignore[union-attr, misc]
    assert after(where, kind="use-version", file="notes.txt", package="flask", version="3.1.2") is None


@pytest.mark.parametrize(
    ("file", "text", "package", "instead", "expected"),
    [
        ("requirements.txt", "psycopg2==2.9\nflask\n", "psycopg2", "psycopg2-binary", "psycopg2-binary\nflask\n"),
        ("requirements.txt", "sklearn # why\n", "sklearn", "scikit-learn", "scikit-learn # why\n"),
        ("requirements.txt", "flaks[async]>=3\n", "flaks", "flask", "flask[async]>=3\n"),
        ("pyproject.toml", PEP621.replace("flask", "flaks"), "flaks", "flask", PEP621),
        ("Pipfile", PSYCOPG, "psycopg2", "psycopg2-binary", '[packages]\npsycopg2-binary = "*"\n'),
    ],
)
def test_a_name_is_replaced(tmp_path: Path, file: str, text: str, package: str, instead: str, expected: str):
    """A misspelt name keeps its extras and version; another package counts its own versions."""
    found = edited(tmp_path, file, text, kind="use-instead", package=package, instead=instead)
    assert found == expected
