"""``appliance eject`` on the engine: its image builds, runs read-only and without root, and serves the same bytes."""

import json
import uuid

import pytest

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
