"""ASGI applications: how one is reported, which is adapted where that is asked for, and what Django has of both."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.discovery.project import find_application
from appliance.errors import ApplicationError
from tests.layout import write

FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
FACTORY = "from fastapi import FastAPI\ndef create_app():\n    return FastAPI()\n"
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
COMMANDS = {
    "no server": ({"main.py": FASTAPI}, "pip install 'uvicorn[standard]' && uvicorn main:app --reload"),
    "its own server": ({"main.py": FASTAPI, "requirements.txt": "uvicorn\n"}, "uvicorn main:app --reload"),
    "FastAPI's command": ({"main.py": FASTAPI, "requirements.txt": "fastapi[standard]\n"}, "fastapi dev main.py"),
    "another": ({"main.py": FASTAPI, "pyproject.toml": "# granian"}, "granian --interface asgi main:app --reload"),
    "a factory": ({"shop.py": FACTORY, "Pipfile": "uvicorn = '*'"}, "uvicorn shop:create_app --factory --reload"),
    "below": (
        {"backend/shop/main.py": FASTAPI, "backend/shop/__init__.py": "", "backend/requirements.txt": "uvicorn\n"},
        "cd backend && uvicorn shop.main:app --reload",
    ),
    "Quart": ({"app.py": "from quart import Quart\napp = Quart(__name__)\n"}, "hypercorn app:app --reload"),
    "Sanic": ({"app.py": "from sanic import Sanic\napp = Sanic('a')\n"}, "sanic app:app --dev"),
    "a file that serves itself": (
        {"main.py": "import uvicorn\nfrom shop import make\nif __name__ == '__main__':\n    uvicorn.run(make())\n"},
        "python main.py",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_refusal_names_a_server_and_the_setting(tmp_path: Path, name: str) -> None:
    """The refusal names the command that serves the application, and the setting; with it, the application is found."""
    files, command = COMMANDS[name]
    write(tmp_path, files)
    with pytest.raises(ApplicationError) as caught:
        find_application(tmp_path, {}, None)
    error = caught.value
    assert (error.details["kind"], error.details["command"]) == ("asgi", command)
    assert command in error.action
    assert "APPLIANCE_ASGI=adapt" in error.action
    target = find_application(tmp_path, {}, None, adapts=True).target
    assert target.kind == "script" or target.interface == "asgi"


def test_the_command_is_run(tmp_path: Path) -> None:
    """The command in a refusal runs the application."""
    write(tmp_path, {"main.py": FASTAPI, "requirements.txt": "uvicorn\n"})
    with pytest.raises(ApplicationError) as caught:
        find_application(tmp_path, {}, None)
    argv = shlex.split(f"{caught.value.details['command']} --port 0")
    argv[0] = f"{sys.prefix}/bin/{argv[0]}"
    argv.remove("--reload")  # a process more, for nothing
    with subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stderr is not None
        assert any("Application startup complete" in line for line in process.stderr)
        process.terminate()


@pytest.mark.parametrize("app", ["main:app", "main.py"])
def test_what_is_named_is_adapted(tmp_path: Path, app: str) -> None:
    """APPLIANCE_APP may name an ASGI application where one is adapted."""
    write(tmp_path, {"main.py": FASTAPI, "wsgi.py": FLASK})
    target = find_application(tmp_path, {}, app, adapts=True).target
    assert (target.module, target.attribute, target.interface) == ("main", "app", "asgi")


def test_wsgi_comes_first(tmp_path: Path) -> None:
    """A WSGI application is served as it is, where one that may be adapted stands beside it."""
    write(tmp_path, {"asgi.py": FASTAPI, "wsgi.py": FLASK})
    target = find_application(tmp_path, {}, None, adapts=True).target
    assert (target.module, target.interface) == ("wsgi", "wsgi")


SITE = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n"
    "from django.core.management import execute_from_command_line\nexecute_from_command_line()\n",
    "site_/__init__.py": "",
    "site_/settings.py": "ROOT_URLCONF = 'site_.urls'\nASGI_APPLICATION = 'site_.asgi.application'\n",
    "site_/urls.py": "",
    "requirements.txt": "django\nchannels\ndaphne\n",
}
ROUTED = """
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from chat import routing
from django.core.asgi import get_asgi_application
from django.urls import path
from events import Events
django = get_asgi_application()
application = ProtocolTypeRouter({
    "http": URLRouter([path("events/", Events.as_asgi()), path("", django)]),
    "websocket": AuthMiddlewareStack(URLRouter(routing.urls)),
})
"""
CHAT = """
from django.urls import path, re_path
from channels.routing import URLRouter
urls = [re_path(r"^ws/chat/(?P<room>\\w+)/$", None)]
urls += [path("ws/admin/", URLRouter([path("news/", None)]))]
"""
PLAIN = "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n"


def test_routes_of_djangos_asgi_application_that_are_not_served_are_named(tmp_path: Path) -> None:
    """Django is served by WSGI, and other routes of its ASGI application are named, with the command for them."""
    write(tmp_path, {**SITE, "site_/asgi.py": ROUTED, "chat/__init__.py": "", "chat/routing.py": CHAT})
    project = find_application(tmp_path, {}, None, adapts=True)
    assert (project.target.kind, project.target.interface) == ("django", "wsgi")
    assert project.unserved is not None
    assert project.unserved.application == "site_.asgi:application"
    assert project.unserved.routes == (
        "http /events/", r"websocket /ws/chat/(?P<room>\w+)/", "websocket /ws/admin/news/",
    )  # fmt: skip
    assert project.unserved.action.endswith("daphne site_.asgi:application")


@pytest.mark.parametrize("asgi", [{}, {"site_/asgi.py": PLAIN}, {"site_/asgi.py": "def application(:"}])
def test_a_django_without_more_for_asgi_leaves_nothing_unserved(tmp_path: Path, asgi: dict[str, str]) -> None:
    """A Django that has no more for ASGI, or whose file can't be read, is not reported as unserved."""
    write(tmp_path, {**SITE, **asgi})
    assert find_application(tmp_path, {}, None).unserved is None
