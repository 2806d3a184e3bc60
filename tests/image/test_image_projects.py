"""Whole projects, with nothing configured."""

import http.cookies
import json
import re
from urllib.parse import urlencode

import pytest

from tests.thorough import one_in


@pytest.fixture
def served(start, project, volume):
    """``served("plain")``: a container of a project that is ready, with a cache of the test's own."""

    def served(name, *options):
        container = start(project(name), "--volume", f"{volume}:/cache", *options)
        container.wait_for("worker.ready", timeout=240)
        return container

    return served


def test_a_flask_project_is_served(served):
    """A Flask project with a requirements.txt is installed and served."""
    page = served("flask_notes").get()
    assert page.status == 200
    assert "<form" in page.text


@pytest.mark.parametrize("name", one_in(2, ["flask_notes", "django_site"]))
def test_the_second_start_needs_no_network(start, project, volume, name):
    """Packages that were installed once are neither installed nor looked for again."""
    folder = project(name)
    cache = ("--volume", f"{volume}:/cache")
    first = start(folder, *cache)
    first.wait_for("worker.ready", timeout=240)
    assert len(first.events("install.finished")) == 1
    first.stop()
    second = start(folder, *cache, "--network", "none")
    second.wait_for("worker.ready")
    assert second.events("install.started") == []
    words = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/admin/login/').status)"
    if name == "django_site":
        assert second.execute("python3", "-c", words).stdout.strip() == "200"


def test_a_missing_dependency_without_a_network_is_one_clear_error(start, project, volume):
    """A dependency that is not there yet, without a network, is one clear error: uv does not try for 8 seconds."""
    container = start(project("flask_notes"), "--volume", f"{volume}:/cache", "--network", "none")
    failed = container.wait_for("install.failed")
    assert failed["offline"] is True
    assert any("network was disabled" in line["text"] for line in container.events("install.output"))
    assert "flask" in json.dumps(failed).lower()
    assert failed["action"]


def test_djangos_admin_is_served_and_files_are_the_owners(start, project):
    """Migrate, create a superuser, log in: the admin comes with its style sheets, and the database is the owner's."""
    folder = project("django_site", owner=1234)
    container = start(folder, "--env", "DJANGO_SUPERUSER_PASSWORD=correct horse")
    container.wait_for("worker.ready", timeout=240)
    manage = ("appliance", "run", "python", "manage.py")
    container.execute(*manage, "migrate", "--no-input")
    container.execute(*manage, "createsuperuser", "--no-input", "--username", "ada", "--email", "ada@example.org")

    login = container.get("/admin/login/?next=/admin/")
    assert login.status == 200
    sheets = re.findall(r'href="(/static/[^"]+\.css)"', login.text)
    assert sheets
    for sheet in sheets:
        style = container.get(sheet)
        assert style.status == 200
        assert style.headers["Content-Type"].startswith("text/css")

    cookies = http.cookies.SimpleCookie(login.headers["Set-Cookie"])
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', login.text)
    assert token
    form = {"csrfmiddlewaretoken": token[1], "username": "ada", "password": "correct horse", "next": "/admin/"}
    entered = container.post(
        "/admin/login/?next=/admin/",
        urlencode(form),
        content_type="application/x-www-form-urlencoded",
        cookie=f"csrftoken={cookies['csrftoken'].value}",
    )
    assert entered.status == 302
    assert entered.headers["Location"] == "/admin/"

    owners = {(path.stat().st_uid, path.stat().st_gid) for path in folder.rglob("*")}
    assert owners == {(1234, 1234)}
    assert not list(folder.rglob("__pycache__"))
    assert list(folder.rglob("*.sqlite3"))


def test_a_project_gets_its_old_pins_and_nothing_of_ours(served):
    """A project that pins old versions of what we use gets its own, and can't import what it did not ask for."""
    container = served("plain")
    assert container.get().status == 200
    words = """
import importlib.metadata as m, importlib.util as u, json
names = ("structlog", "python-dotenv", "click", "Werkzeug")
print(json.dumps([[m.version(name) for name in names], u.find_spec("pathspec"), u.find_spec("appliance")]))
"""
    versions, *ours = json.loads(container.execute("appliance", "run", "python", "-c", words).stdout)
    assert [version.split(".")[0] for version in versions] == ["21", "0", "7", "1"]
    assert ours == [None, None]


def test_modules_that_shadow_ours_run_in_the_containers_project_alone(start, project):
    """A project's modules with our names, PYTHONPATH set too, run in its own processes alone."""
    folder = project("shadowing")
    container = start(
        folder, "--env", "PYTHONPATH=/workspace", "--env", "MARKS=/workspace/marks", "--health-interval", "1s"
    )
    container.wait_for_health("healthy")
    assert container.get().status == 200
    marks = [line.split() for line in (folder / "marks").read_text().splitlines()]
    assert marks
    workers = {str(event["pid"]) for event in container.events("worker.ready")}
    assert "1" not in {pid for _, pid in marks}
    assert {pid for _, pid in marks} <= workers
