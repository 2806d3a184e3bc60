"""`appliance init`: what it writes, what it leaves alone, what it shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.live.launcher import command

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
        return command(("init", f"--project={root}", f"--cache={tmp_path}", *flags), {"PATH": os.defpath})

    return run


def test_init_writes_missing_files(init: Init, tmp_path: Path) -> None:
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


def test_init_twice_writes_nothing(init: Init, tmp_path: Path) -> None:
    """If every file exists already, nothing is written, and one line says so; whatever the variables are called."""
    (tmp_path / "shop" / "windows.py").write_text("import os\nX = os.environ['ProgramFiles(x86)']\n", encoding="utf-8")
    init()
    assert init().stdout == "Nothing to do: every file exists, as `appliance init` writes it.\n"


def test_init_leaves_existing_files(init: Init, tmp_path: Path) -> None:
    """A file that is there is left as it is, with the difference shown; --force changes it."""
    file = tmp_path / "shop" / "docker-compose.yml"
    file.write_text("services: {}\n", encoding="utf-8")
    example = tmp_path / "shop" / ".env.example"
    example.write_text("OTHER=1\n", encoding="utf-8")
    done = init()
    assert file.read_text("utf-8") == "services: {}\n"
    assert "-services: {}\n" in done.stdout
    assert "Not changed: docker-compose.yml exists. --force replaces it, as the diff shows.\n" in done.stdout
    assert "add the service `app` of the diff" in done.stdout
    assert "Next:" not in done.stdout
    init("--force")
    assert "wsgi-appliance" in file.read_text("utf-8")
    assert example.read_text("utf-8").startswith("OTHER=1\n\n")
    assert example.read_text("utf-8").endswith("SHOP_KEY=\n")


def test_a_dev_container_of_the_project_gets_no_files_of_another(init: Init, tmp_path: Path) -> None:
    """The project's own devcontainer.json reads neither our Dockerfile nor our compose file; --force writes all."""
    folder = tmp_path / "shop" / ".devcontainer"
    folder.mkdir()
    (folder / "devcontainer.json").write_text('{"image": "python"}\n', encoding="utf-8")
    assert "Not changed: .devcontainer/devcontainer.json exists." in init().stdout
    assert [file.name for file in folder.iterdir()] == ["devcontainer.json"]
    init("--force")
    assert {file.name for file in folder.iterdir()} == {"Dockerfile", "devcontainer.json", "docker-compose.yml"}
    (folder / "Dockerfile").unlink()
    assert "Wrote 1 file: .devcontainer/Dockerfile" in init().stdout


def test_a_file_that_cannot_be_written_is_named(init: Init, tmp_path: Path) -> None:
    """A file in the place of a folder is named, with what to do about that."""
    (tmp_path / "shop" / ".devcontainer").write_text("", encoding="utf-8")
    done = init()
    assert done.returncode == 1
    assert "Correct that, or write the file from the diff above." in done.stderr


def test_init_uses_the_found_application(init: Init, tmp_path: Path) -> None:
    """The compose file names the application that was found, and the services that the dependencies speak of."""
    (tmp_path / "shop" / "requirements.txt").write_text("flask\npsycopg[binary]\nredis\n", encoding="utf-8")
    init()
    text = (tmp_path / "shop" / "docker-compose.yml").read_text("utf-8")
    assert "# Serves app:app." in text
    services = yaml.safe_load(text)["services"]
    assert services.keys() == {"app", "postgres", "redis"}
    assert services["app"]["environment"]["REDIS_URL"] == "redis://redis:6379/0"


def test_a_variable_that_a_written_service_gives_is_not_asked_for(init: Init, tmp_path: Path) -> None:
    """A variable that the written compose file sets need not be set in .env; the project's own file does not count."""
    root = tmp_path / "shop"
    (root / "app.py").write_text(APP.replace("SHOP_KEY", "DATABASE_URL"), encoding="utf-8")
    (root / "requirements.txt").write_text("flask\npsycopg\n", encoding="utf-8")
    assert "First:" not in init().stdout
    (root / "docker-compose.yml").write_text("services:\n  db: {image: postgres}\n", encoding="utf-8")
    done = init()
    assert "First: copy .env.example to .env, and set DATABASE_URL there." in done.stdout
    assert (
        "PostgreSQL is the service `db` of docker-compose.yml. Give `app` these variables: DATABASE_URL:" in done.stdout
    )
    assert (root / "docker-compose.yml").read_text("utf-8") == "services:\n  db: {image: postgres}\n"


def test_a_template_of_another_name_is_used(init: Init, tmp_path: Path) -> None:
    """A project has one template of its .env file, whatever its name: `init` says to copy it, and writes no other."""
    (tmp_path / "shop" / "example.env").write_text("SHOP_KEY=key\n", encoding="utf-8")
    done = init()
    assert "First: copy example.env to .env, and set SHOP_KEY there." in done.stdout
    assert not (tmp_path / "shop" / ".env.example").exists()
    assert "example.env exists" not in done.stdout


def test_variables_without_a_default_are_asked_for_with_any_reader(init: Init, tmp_path: Path) -> None:
    """Decouple's and django-environ's variables without a default are asked for, those with one are not."""
    (tmp_path / "shop" / "settings.py").write_text(
        "from decouple import config\nA = config('NEEDED')\nB = config('OPTIONAL', default='1')\n", encoding="utf-8"
    )
    init()
    text = (tmp_path / "shop" / ".env.example").read_text("utf-8")
    assert "NEEDED=\n" in text
    assert "OPTIONAL" not in text


@pytest.mark.parametrize("name", ["compose.yaml", "compose.yml", "docker-compose.yaml"])
def test_no_second_compose_file_is_written(init: Init, tmp_path: Path, name: str) -> None:
    """No second compose file is written beside the one that compose reads."""
    (tmp_path / "shop" / name).write_text("services: {}\n", encoding="utf-8")
    assert f"Not changed: {name} exists." in init().stdout
    assert not (tmp_path / "shop" / "docker-compose.yml").exists()


def test_the_last_lines_name_the_files_and_the_next_step(init: Init, tmp_path: Path) -> None:
    """The last lines name the files and the next step, with the right plural."""
    root = tmp_path / "shop"
    last = init().stdout.splitlines()[-3:]
    assert last[0].startswith("Wrote 6 files: docker-compose.yml, .devcontainer/Dockerfile,")
    assert last[1] == "First: set SHOP_KEY in the file .env. Without a value the project does not start."
    assert last[2] == "Next: run `docker compose up` in the project's folder, then open http://localhost:8000"
    (root / ".vscode" / "launch.json").unlink()
    (root / ".env").write_text("SHOP_KEY=1\n", encoding="utf-8")
    done = init()
    assert "Wrote 1 file: .vscode/launch.json\n" in done.stdout
    assert "First:" not in done.stdout


def test_files_are_written_for_a_folder_without_an_application(init: Init, tmp_path: Path) -> None:
    """The files are still written, and the last lines say that nothing will be served yet, why, and what to do."""
    root = tmp_path / "shop"
    (root / "app.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n", encoding="utf-8")
    done = init()
    assert "Nothing is served yet. app.py: app is an ASGI application (FastAPI). Run it with" in done.stdout
    assert "APPLIANCE_ASGI=adapt" in done.stdout
    assert (root / "docker-compose.yml").is_file()
    (root / "app.py").unlink()
    (root / "one.py").write_text(APP, encoding="utf-8")
    (root / "two.py").write_text(APP, encoding="utf-8")
    assert "Nothing is served yet. Several WSGI applications found: one.py:app, two.py:app." in init("--force").stdout


def test_the_named_source_builds_the_image_else_the_checkout(init: Init, tmp_path: Path) -> None:
    """The source of --source builds the image, for compose and a dev container; without it, the running checkout."""
    url = "https://git.example.test/dev/wsgi-appliance.git"
    root = tmp_path / "shop"
    assert init(f"--source={url}").returncode == 0
    service = yaml.safe_load((root / "docker-compose.yml").read_text("utf-8"))["services"]["app"]
    assert service["build"]["context"] == url
    container = (root / ".devcontainer" / "devcontainer.json").read_text("utf-8")
    command = json.loads(re.sub(r"^\s*//.*$", "", container, flags=re.MULTILINE))["initializeCommand"]
    found = "docker image inspect --format found wsgi-appliance"
    assert command == f'{found} || docker build --tag wsgi-appliance "{url}"'
    init("--force")
    service = yaml.safe_load((root / "docker-compose.yml").read_text("utf-8"))["services"]["app"]
    assert service["build"]["context"]


def test_a_source_that_is_not_there_is_refused_and_nothing_written(init: Init, tmp_path: Path) -> None:
    """A folder that does not exist is an error in three parts, and nothing is written."""
    done = init(f"--source={tmp_path / 'none'}")
    assert done.returncode == 2
    assert "is not a folder" in done.stderr
    assert "do this:" in done.stderr
    assert not (tmp_path / "shop" / "docker-compose.yml").exists()


def test_init_refuses_a_missing_folder(init: Init, tmp_path: Path) -> None:
    """A folder that is not there is an error in three parts."""
    done = init(f"--project={tmp_path / 'none'}")
    assert done.returncode == 3
    assert "expected:" in done.stderr


def test_init_follows_no_link(init: Init, tmp_path: Path) -> None:
    """The target of a link under the temporary name of a file is not written."""
    victim = tmp_path / "victim"
    victim.write_text("precious", encoding="utf-8")
    (tmp_path / "shop" / ".docker-compose.yml.new").symlink_to(victim)
    assert init().returncode == 0
    assert (tmp_path / "shop" / "docker-compose.yml").is_file()
    assert victim.read_text(encoding="utf-8") == "precious"
