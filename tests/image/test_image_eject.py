"""``appliance eject`` on the engine: its image builds, runs read-only and without root, and serves the same bytes."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from appliance.environment.python.pythons import find_python
from tests.image.conftest import docker
from tests.thorough import THOROUGH

PROJECTS = {
    "flask": {
        "requirements.txt": "flask\n",
        "app.py": "from flask import Flask\napp = Flask(__name__)\n\n\n"
        "@app.get('/')\ndef home():\n    return 'hello'\n",
    },
    "plain": {
        "requirements.txt": "structlog\n",
        "wsgi.py": "import structlog\n\n\ndef application(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain')])\n    return [environ['PATH_INFO'].encode()]\n",
    },
    "pyramid": {
        "requirements.txt": "pyramid\nPasteDeploy\n",
        "setup.py": "from setuptools import setup\nsetup(name='shop', version='1', packages=['shop'],"
        " entry_points={'paste.app_factory': ['main = shop:main']})\n",
        "shop/__init__.py": "from pyramid.config import Configurator\nfrom pyramid.response import Response\n\n\n"
        "def main(_, **settings):\n    config = Configurator(settings=settings)\n    config.add_route('home', '/')\n"
        "    config.add_view(lambda request: Response('home'), route_name='home')\n    return config.make_wsgi_app()\n",
        "development.ini": "[app:main]\nuse = egg:shop\n\n[server:main]\nuse = egg:waitress#main\n",
    },
    "django": "django_site",
}
SERVERS = ("gunicorn", "granian", "waitress", "uwsgi")
ALL = [(kind, server) for kind in PROJECTS for server in SERVERS]
HADOLINT = Path(sys.executable).with_name("hadolint")
PATHS = ("/", "/no/such/page")


@pytest.fixture
def name():
    """A name for an image and a container of it, which are removed."""
    name = f"appliance-test-{uuid.uuid4().hex[:12]}"
    yield name
    docker("rm", "--force", name, check=False)
    docker("rmi", "--force", name, check=False)


@pytest.mark.parametrize(("kind", "server"), ALL if THOROUGH else [("plain", "gunicorn")])
def test_the_ejected_image_serves_the_same(start, project, name, kind, server):
    """The image serves what the appliance does, as uid 10001 with a read-only root, and stops when it is told to."""
    folder = project(PROJECTS[kind])
    served = start(folder)
    served.wait_for("worker.ready", timeout=200)
    served.execute("appliance", "eject", "--server", server)
    docker("build", "--quiet", "--tag", name, str(folder), timeout=280)
    restricted = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    docker("run", "--detach", "--name", name, *restricted, "--publish", "127.0.0.1::8000", name)
    check = json.loads(docker("inspect", "--format", "{{json .Config.Healthcheck.Test}}", name).stdout)
    waits = "import socket\nwhile socket.socket().connect_ex(('127.0.0.1', 8000)):\n    pass"
    docker("exec", name, "python", "-I", "-c", waits, timeout=60)
    assert docker("exec", name, *check[1:]).returncode == 0
    assert docker("exec", name, "id", "--user").stdout == "10001\n"
    ejected = type(served)(name, int(docker("port", name, "8000").stdout.split(":")[-1]))
    for path in PATHS if kind != "django" else PATHS[:1]:
        ours, theirs = served.get(path), ejected.get(path)
        assert (theirs.status, theirs.text) == (ours.status, ours.text), path
    docker("stop", name, timeout=60)
    assert json.loads(docker("inspect", "--format", "{{json .State}}", name).stdout)["ExitCode"] == 0


@pytest.fixture(scope="module")
def interpreter(engine, tmp_path_factory):
    """A Python of this machine for which the engine has the official image."""
    cache = tmp_path_factory.mktemp("cache")
    for version in ("3.13", "3.14"):
        found = find_python(version, cache, os.environ)
        if found and docker("image", "inspect", f"python:{version}-slim", check=False).returncode == 0:
            return found
    pytest.skip("not run: this machine has no Python for which the engine has an image")


def verified(folder, interpreter, *flags):
    """Return the result of ``appliance eject --verify`` on a project, run on this machine."""
    argv = ["-I", "-m", "appliance", "eject", "--verify", f"--project={folder}", f"--cache={folder.parent}/cache"]
    return subprocess.run(
        [sys.executable, *argv, f"--python={interpreter}", *flags],
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]},
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "server"), ALL if THOROUGH else [("flask", "waitress")])
def test_verify_finds_no_difference(engine, project, interpreter, kind, server):
    """The command builds the image, and the answers of both are the same; hadolint accepts what it has built."""
    folder = project(PROJECTS[kind])
    if kind == "django":  # its SQLite file is served by both
        subprocess.run([sys.executable, "manage.py", "migrate"], cwd=folder, check=True, timeout=120)
    done = verified(folder, interpreter, "--server", server)
    assert "\nsame     GET /: " in done.stdout, done.stdout + done.stderr
    assert (done.returncode, "differs" in done.stdout) == (0, False), done.stdout
    linted = subprocess.run([HADOLINT, folder / "Dockerfile"], capture_output=True, text=True, check=False, timeout=60)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.skipif(not THOROUGH, reason="the long form")
def test_verify_shows_a_real_difference(engine, project, interpreter):
    """A project that answers otherwise in the image is exit code 1, with both texts; a request of one's own is sent."""
    folder = project(PROJECTS["plain"])
    file = folder / "wsgi.py"
    file.write_text(file.read_text().replace("environ['PATH_INFO'].encode()", "__file__.encode()"))
    (folder / "asked.txt").write_text("GET /one?a=b\n")
    done = verified(folder, interpreter, "--requests", str(folder / "asked.txt"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "differs  GET /one?a=b: 200\n  body: " in done.stdout
    assert "'/app/wsgi.py' in the image" in done.stdout
    assert done.stdout.endswith("1 requests, 1 differ\n")
