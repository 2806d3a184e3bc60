"""`appliance init`: what it writes, what it leaves alone, what it shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

Init = Callable[..., "subprocess.CompletedProcess[str]"]

APP = (
    "import os\nfrom flask import Flask\nKEY = os.environ['SHOP_KEY']\nos.environ['SET'] = '1'\napp = Flask(__name__)\n"
)


@pytest.fixture
def init(tmp_path: Path) -> Init:
    """``init("--force")``: the command, in a project of one file."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "app.py").write_text(APP, encoding="utf-8")

    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-m", "appliance", "init", f"--project={root}", f"--cache={tmp_path}", *flags],
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_what_it_writes(init: Init, tmp_path: Path) -> None:
    """A compose file, a dev container, the editor's launch file and the missing variables, each shown as a diff."""
    done = init()
    assert done.returncode == 0, done.stderr
    root = tmp_path / "shop"
    service = yaml.safe_load((root / "docker-compose.yml").read_text("utf-8"))["services"]["app"]
    assert service["image"] == "wsgi-appliance"
    assert service["volumes"][0] == {"type": "bind", "source": ".", "target": "/workspace"}
    container = re.sub(
        r"^\s*//.*$", "", (root / ".devcontainer" / "devcontainer.json").read_text("utf-8"), flags=re.MULTILINE
    )
    assert json.loads(container)["name"] == "shop"
    assert (root / ".vscode" / "launch.json").is_file()
    assert "SHOP_KEY=\n" in (root / ".env.example").read_text("utf-8")
    assert "SET=" not in (root / ".env.example").read_text("utf-8")
    for name in ("docker-compose.yml", ".devcontainer/Dockerfile", ".env.example"):
        assert f"--- /dev/null\n+++ {name}\n" in done.stdout


def test_again(init: Init) -> None:
    """Where every file is there already nothing is written or shown."""
    init()
    assert init().stdout == "nothing to do: every file exists\n"


def test_what_it_leaves_alone(init: Init, tmp_path: Path) -> None:
    """A file that is there is left as it is, with the difference shown; --force changes it."""
    file = tmp_path / "shop" / "docker-compose.yml"
    file.write_text("services: {}\n", encoding="utf-8")
    example = tmp_path / "shop" / ".env.example"
    example.write_text("OTHER=1\n", encoding="utf-8")
    done = init()
    assert file.read_text("utf-8") == "services: {}\n"
    assert "-services: {}\n" in done.stdout
    assert "left as it is: docker-compose.yml" in done.stdout
    init("--force")
    assert "wsgi-appliance" in file.read_text("utf-8")
    assert example.read_text("utf-8").startswith("OTHER=1\n\n")
    assert example.read_text("utf-8").endswith("SHOP_KEY=\n")


def test_what_it_looks_at(init: Init, tmp_path: Path) -> None:
    """The compose file names the application that was found, and the services that the dependencies speak of."""
    (tmp_path / "shop" / "requirements.txt").write_text("flask\npsycopg[binary]\nredis\n", encoding="utf-8")
    init()
    text = (tmp_path / "shop" / "docker-compose.yml").read_text("utf-8")
    assert "# Serves app:app." in text
    assert "its address for the project is db:5432" in text
    assert "its address for the project is redis:6379" in text
    assert "mariadb" not in text
    assert yaml.safe_load(text)["services"].keys() == {"app"}


def test_variables_of_other_readers(init: Init, tmp_path: Path) -> None:
    """Decouple's and django-environ's variables without a default are asked for, those with one are not."""
    (tmp_path / "shop" / "settings.py").write_text(
        "from decouple import config\nA = config('NEEDED')\nB = config('OPTIONAL', default='1')\n", encoding="utf-8"
    )
    init()
    text = (tmp_path / "shop" / ".env.example").read_text("utf-8")
    assert "NEEDED=\n" in text
    assert "OPTIONAL" not in text


def test_no_project(init: Init, tmp_path: Path) -> None:
    """A folder that is not there is an error in three parts."""
    done = init(f"--project={tmp_path / 'none'}")
    assert done.returncode == 3
    assert "expected:" in done.stderr


def test_it_follows_no_link(init: Init, tmp_path: Path) -> None:
    """What a link leads to, under the name that a file is written by at first, is not written."""
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    (tmp_path / "shop" / ".docker-compose.yml.new").symlink_to(victim)
    assert init().returncode == 0
    assert (tmp_path / "shop" / "docker-compose.yml").is_file()
    assert victim.read_text(encoding="utf-8") == "precious"
