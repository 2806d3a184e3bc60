"""A lock that is older than what it was made from: what it lacks is reported, because nothing installs it."""

import json

import pytest

from appliance.dependencies.manifest_search import read_manifest
from tests.dependencies.projects import PROJECT
from tests.layout import write

POETRY_LOCK = '[[package]]\nname = "flask"\nversion = "3.0.0"\nfiles = []\n[metadata]\nlock-version = "2.0"\n'
UV_LOCK = '[[package]]\nname = "flask"\nversion = "3.0.0"\nsource = { registry = "https://index.example/simple" }\n'
PIPFILE_LOCK = json.dumps({"default": {"flask": {"version": "==3.0.0"}}, "develop": {}})
TABLE = '[tool.poetry]\nname = "shop"\n[tool.poetry.dependencies]\npython = "^3.8"\nflask = "*"\n'
STANDARD = PROJECT + "dependencies = ['Flask>=3', 'tomli ; python_version < \"3.11\"', '{}']\n"
GROUP = "[dependency-groups]\ndev = ['shop[x]', 'pytest']\ndocs = ['sphinx']\n"


@pytest.mark.parametrize(
    ("files", "note"),
    [
        (
            {
                "poetry.lock": POETRY_LOCK,
                "pyproject.toml": f'{TABLE}tomli = {{version = "*", python = "<3.11"}}\ntea = "1"\n',
            },
            "poetry.lock does not have tea, as pyproject.toml requires: run poetry lock",
        ),
        ({"poetry.lock": POETRY_LOCK, "pyproject.toml": TABLE}, ""),
        (
            {"uv.lock": UV_LOCK, "pyproject.toml": STANDARD.format("tea") + GROUP},
            "uv.lock does not have tea, pytest, as pyproject.toml requires: run uv lock",
        ),
        ({"uv.lock": UV_LOCK, "pyproject.toml": STANDARD.format("flask")}, ""),
        (
            {
                "Pipfile.lock": PIPFILE_LOCK,
                "Pipfile": "[packages]\nFlask = '*'\ntea = '*'\n[dev-packages]\npytest = '*'\n",
            },
            "Pipfile.lock does not have tea, pytest, as Pipfile requires: run pipenv lock",
        ),
        ({"Pipfile.lock": PIPFILE_LOCK, "Pipfile": "[packages\n"}, ""),
        ({"Pipfile.lock": PIPFILE_LOCK}, ""),
    ],
)
def test_a_lock_that_is_older_is_reported(tmp_path, files, note):
    """A package that is required here and not in the lock is named, with the command that locks again."""
    write(tmp_path, files)
    assert read_manifest(tmp_path).contents("3.13").notes == ((note,) if note else ())
