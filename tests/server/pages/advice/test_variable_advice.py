"""Advice about variables that are not set, where the message names none of them."""

from __future__ import annotations

import os
import runpy
import sys
import types
from pathlib import Path

import pytest

from tests.server.pages.advice.test_exception_advice import VARIABLES, Advised, advised, raiser

__all__ = ["advised"]


@pytest.mark.parametrize("message", ["int(url)", "connect(f'could not translate host name \"{url}\" to address')"])
def test_unset_variables_in_an_address_are_named(advised: Advised, tmp_path: Path, message: str) -> None:
    """An address that was made of unset variables has the text None: the variables that its file reads are named."""
    text = (
        "import os\ndef connect(words): raise RuntimeError(words)\nname = os.getenv('NEVER_SET_NAME')\n"
        f"set = os.environ.get('PATH')\nurl = f\"{{os.environ.get('NEVER_SET_HOST')}}\"\n{message}\n"
    )
    words = advised(lambda: runpy.run_path(str(tmp_path / "db.py")), {"db.py": text})
    assert "Set NEVER_SET_NAME, NEVER_SET_HOST in the project's .env: NEVER_SET_NAME=... NEVER_SET_HOST=... " in words


SETTINGS = """import os
DEBUG = os.getenv("NEVER_SET_DEBUG")
DATABASES = {"default": {"NAME": os.getenv("NEVER_SET_DB", ""), "HOST": os.environ.get("NEVER_SET_DB_HOST")}}
"""


def test_a_database_without_a_host_names_the_variables_of_the_settings(
    advised: Advised, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library without a host looks for a socket: the unset variables that Django's settings read are named."""
    (tmp_path / "shop_settings.py").write_text(SETTINGS, encoding="utf-8")
    module = types.ModuleType("shop_settings")
    module.__file__ = str(tmp_path / "shop_settings.py")
    monkeypatch.setitem(sys.modules, "shop_settings", module)
    words = 'connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: No such file or directory'
    raises = raiser("psycopg2.OperationalError", words)
    assert "Nothing answers" in advised(raises)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "shop_settings")
    assert "Set NEVER_SET_DB, NEVER_SET_DB_HOST in the project's .env" in advised(raises)


def test_a_variable_of_other_settings_names_those_for_development(
    advised: Advised, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the settings that manage.py names lack a variable, and others are for development, these are named, too."""
    package = types.ModuleType("conf")
    package.__path__ = [str(tmp_path / "conf")]
    monkeypatch.setitem(sys.modules, "conf", package)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "conf.main")
    files = {"conf/main.py": "", "conf/base.py": ""}
    assert "DJANGO_SETTINGS_MODULE" not in advised(VARIABLES["by hand"], files)
    words = advised(VARIABLES["by hand"], {"conf/local_dev.py": ""})
    assert "Or use the settings for development: DJANGO_SETTINGS_MODULE=conf.local_dev in .env." in words
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "conf.dev")
    assert "Or use" not in advised(VARIABLES["by hand"])


def test_a_fifo_among_the_examples_is_not_waited_for(advised: Advised, tmp_path: Path) -> None:
    """A FIFO, which a manager of secrets may put in the place of such a file, is left out; the next file counts."""
    for name in (".env.example", "compose.yaml"):
        os.mkfifo(tmp_path / name)
    assert "cp .env.sample .env" in advised(VARIABLES["by hand"], {".env.sample": "SHOP_KEY=\n"})
