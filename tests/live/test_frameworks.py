"""Django as runserver serves it, and how its first faults are reported."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.live.live_appliance import Start

APPS = Path(__file__).resolve().parents[1] / "apps"


@pytest.fixture
def bookshop(tmp_path: Path) -> Path:
    """A copy of the Django project."""
    folder = tmp_path / "bookshop"
    shutil.copytree(APPS / "django_site", folder)
    return folder


def test_django_serves_static_files_and_reports_checks(start: Start, bookshop: Path) -> None:
    """Static files are served, system checks and missing migrations are reported, each in one event."""
    settings = bookshop / "bookshop" / "settings.py"
    settings.write_text(settings.read_text("utf-8") + "\nSESSION_COOKIE_NAME = 'a'\nSTATICFILES_DIRS = ['/not/here']\n")
    appliance = start(bookshop, APPLIANCE_INSTALL="off", VIRTUAL_ENV=sys.prefix)
    appliance.wait_for("worker.ready")
    assert appliance.get("/static/books/shop.css")[0].status == 200
    checked = appliance.wait_for("django.checked")
    assert checked["settings"] == "bookshop.settings"
    assert "staticfiles.W004" in checked["issues"][0]
    found = appliance.wait_for("migrations.found")
    assert "books.0001_initial" in found["names"] or found["count"] > 10
    assert "appliance run python manage.py migrate" in found["action"]
    assert not (bookshop / "db.sqlite3").exists()  # the project's folder is its own


def test_a_refused_host_of_django_says_what_to_add(start: Start, bookshop: Path) -> None:
    """The page and one event say what to add to ALLOWED_HOSTS."""
    settings = bookshop / "bookshop" / "settings.py"
    settings.write_text(settings.read_text("utf-8") + "\nALLOWED_HOSTS = ['shop.example']\n")
    appliance = start(bookshop, APPLIANCE_INSTALL="off", VIRTUAL_ENV=sys.prefix)
    appliance.wait_for("worker.ready")
    response, content = appliance.get("/", Accept="text/html")
    assert response.status == 400
    words = "Add '127.0.0.1' to ALLOWED_HOSTS in bookshop.settings."
    assert words in content.decode().replace("&#x27;", "'")
    assert appliance.wait_for("application.failed")["action"] == words


def test_a_missing_table_names_the_command_that_makes_it(start: Start, bookshop: Path) -> None:
    """A page of Django's own for a failure names the command that helps, and so does one event."""
    appliance = start(bookshop, APPLIANCE_INSTALL="off", VIRTUAL_ENV=sys.prefix)
    appliance.wait_for("worker.ready")
    response, content = appliance.get("/admin/login/?next=/admin/", Accept="text/html")
    if response.status == 200:  # the login form needs no table: its session does
        response, content = appliance.get("/admin/", Accept="text/html", Cookie="sessionid=0123456789abcdef")
    assert response.status == 500
    assert b"appliance run python manage.py migrate" in content
    assert "python manage.py migrate" in appliance.wait_for("application.failed")["action"]


def test_a_missing_module_names_what_to_write(start: Start, project: Path) -> None:
    """For a project without a file of dependencies, the page and the event name what to write."""
    (project / "app.py").write_text("import not_to_be_had, PIL\napp = not_to_be_had.make()\n", encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", VIRTUAL_ENV=sys.prefix)
    failed = appliance.wait_for("worker.failed")
    assert "printf 'not-to-be-had\\nPillow\\n' > requirements.txt" in failed["action"]
    assert json.loads(appliance.get("/", Accept="application/json")[1])["action"] == failed["action"]


def test_a_file_that_serves_itself_is_run_and_reloaded(start: Start, project: Path) -> None:
    """A file that makes its application under __main__ is run, served, and run again when it is saved."""
    text = (
        "from wsgiref.simple_server import make_server\ndef main():\n    def application(environ, start_response):\n"
        "        start_response('200 OK', [])\n        return [b'{}']\n"
        "    make_server('', 80, application).serve_forever()\nif __name__ == '__main__':\n    main()\n"
    )
    (project / "app.py").write_text(text.format("one"), encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"one"
    appliance.edit("app.py", text.format("two"))
    appliance.wait_for("reload.finished")
    assert appliance.get()[1] == b"two"
    assert appliance.stop() == 0


@pytest.mark.parametrize("program", ["tool.py", "tool:main"])
def test_a_program_gets_its_arguments_at_each_reload(start: Start, project: Path, program: str) -> None:
    """A program that serves only with arguments has them in ``sys.argv`` at the start and after a save."""
    text = (
        "import argparse\nfrom wsgiref.simple_server import make_server\ndef main():\n"
        "    parser = argparse.ArgumentParser()\n    parser.add_argument('word')\n    word = parser.parse_args().word\n"
        "    def application(environ, start_response):\n        start_response('200 OK', [])\n"
        "        return [(word + '{}').encode()]\n"
        "    make_server('', 80, application).serve_forever()\nif __name__ == '__main__':\n    main()\n"
    )
    (project / "tool.py").write_text(text.format("!"), encoding="utf-8")
    appliance = start(APPLIANCE_APP=f"{program} -- 'two words'")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"two words!"
    appliance.edit("tool.py", text.format("?"))
    appliance.wait_for("reload.finished")
    assert appliance.get()[1] == b"two words?"


@pytest.mark.parametrize("name", sorted(path.name for path in APPS.glob("rule_*")))
def test_every_rule_of_discovery_serves_its_project(start: Start, name: str) -> None:
    """A project for each rule of discovery comes up with nothing set."""
    appliance = start(APPS / name, APPLIANCE_INSTALL="off", VIRTUAL_ENV=sys.prefix)
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"served by a rule\n"


ASGI = """
import contextlib
from fastapi import FastAPI

@contextlib.asynccontextmanager
async def lifespan(app):
    yield {"word": "one"}
    print("shut down")

app = FastAPI(lifespan=lifespan)

@app.get("/")
def word():
    return "one"

@app.get("/fail/{number}")
def fail(number: int):
    raise ValueError("kaboom")
"""


@pytest.mark.whole
def test_an_asgi_application_is_adapted_reloaded_and_shut_down(start: Start, project: Path) -> None:
    """FastAPI is adapted where that is asked for: served, reloaded from a fork, its errors told, and shut down."""
    (project / "app.py").write_text(ASGI, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", VIRTUAL_ENV=sys.prefix, APPLIANCE_ASGI="adapt")
    assert appliance.wait_for("worker.ready")["application"] == "fastapi.applications.FastAPI"
    assert appliance.get()[1] == b'"one"'
    response, content = appliance.get("/fail/7", Accept="application/json")
    page = json.loads(content)
    assert (response.status, page["detail"]) == (500, "ValueError: kaboom")
    assert page["exception"]["frames"][-1]["function"] == "fail"
    path: dict[str, Any] = {"url.path": "/fail/7"}
    assert appliance.wait_for("request.finished", **path)["http.route"] == "/fail/{number}"
    appliance.wait_for("preload.ready")
    appliance.edit("app.py", ASGI.replace('"one"', '"two"'))
    assert appliance.wait_for("reload.finished")["forked"] is True
    assert appliance.get()[1] == b'"two"'
    assert appliance.stop() == 0
    assert [event["text"] for event in appliance.events if event["event"] == "output"].count("shut down") == 2


def test_an_asgi_application_is_served_once_the_file_says_so(start: Start, project: Path) -> None:
    """The page of an ASGI application names a setting; in .env it counts at once, and a wrong value is an error."""
    (project / "app.py").write_text(ASGI, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", VIRTUAL_ENV=sys.prefix)
    assert "APPLIANCE_ASGI=adapt" in appliance.wait_for("application.missing")["action"]
    appliance.edit(".env", "APPLIANCE_ASGI=adapted\n")
    assert "refuse or adapt" in appliance.wait_for("settings.invalid")["expected"]
    appliance.edit(".env", "APPLIANCE_ASGI=adapt\n")
    appliance.wait_for("worker.ready")
    assert appliance.settled()[1] == b'"one"'
    assert appliance.stop() == 0
