"""The variables without which a project does not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.discovery.source.modules import Modules
from appliance.environment.required_variables import required_variables
from tests.layout import write


@pytest.mark.parametrize(
    ("text", "required"),
    [
        ("import os\nkey = os.environ['KEY']", ["KEY"]),
        ("from os import environ\nkey = environ['KEY']", ["KEY"]),
        ("def app(environ, start):\n    return environ['PATH_INFO']", []),
        ("import os\npath = request.environ['PATH_INFO']\nkey = self.environ['beaker.session']", []),
        ("import os\nhome = os.environ['HOME'] + os.environ['PATH']", []),
        ("import os\nif 'KEY' in os.environ:\n    key = os.environ['KEY']", []),
        ("import os\nif os.getenv('KEY'):\n    key = os.environ['KEY']", []),
        ("import os\nos.environ.setdefault('KEY', '1')\nkey = os.environ['KEY']", []),
        ("import os\ntry:\n    key = os.environ['KEY']\nexcept KeyError:\n    key = ''", []),
        ("import os\ntry:\n    key = os.environ['KEY']\nexcept KeyError:\n    raise ValueError", ["KEY"]),
        ("from decouple import config\nif config('DSN', None):\n    start(config('DSN'))", []),
        ("from decouple import config\nlimit = config('LIMIT', DEFAULT_LIMIT), config('DSN', cast=str)", ["DSN"]),
        ("import environ\nenv = environ.Env(DEBUG=(bool, False))\nkey = env('KEY', str), env('DEBUG')", ["KEY"]),
    ],
)
def test_variables_without_a_default_are_required(tmp_path: Path, text: str, required: list[str]) -> None:
    """A variable is required if the process's environment is read for it, and the file does without it nowhere."""
    write(tmp_path, {"app.py": text})
    assert required_variables(Modules(tmp_path)) == required


def test_what_a_branch_reads_is_not_always_required(tmp_path: Path) -> None:
    """A branch may not run: its variables are required for production, and not for every start."""
    text = (
        "import os\nif os.environ['MODE'] == 'a':\n    key = os.environ['KEY']\nelse:\n    key = os.environ['OTHER']\n"
    )
    write(tmp_path, {"app.py": f"{text}def make():\n    return os.environ['DSN'], os.environ['P'] if key else ''\n"})
    assert required_variables(Modules(tmp_path), always=True) == ["DSN", "MODE"]
    assert required_variables(Modules(tmp_path)) == ["DSN", "KEY", "MODE", "OTHER", "P"]


def test_the_configuration_of_another_server_asks_for_nothing(tmp_path: Path) -> None:
    """Files of gunicorn are not run here, so what they read is not required."""
    write(tmp_path, {"conf/gunicorn-dev.conf.py": "import os\nworkers = os.environ['WORKERS']"})
    assert required_variables(Modules(tmp_path)) == []


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbfimport os\nkey = os.environ['KEY']", b"# coding: latin-1\nimport os\n\xe9 = os.environ['KEY']"],
)
def test_files_of_every_encoding_are_read(tmp_path: Path, data: bytes) -> None:
    """A file with a byte order mark is read, and so is one in another encoding than UTF-8."""
    (tmp_path / "app.py").write_bytes(data)
    assert required_variables(Modules(tmp_path)) == ["KEY"]
