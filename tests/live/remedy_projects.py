"""Small projects, each of which one remedy corrects."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.package_index import wheel

SQLITE = """
import sqlite3
DATABASE = "data/inner/app.db"
connection = sqlite3.connect(DATABASE)
"""
VARIABLE = """
import os
GREETING = os.environ["GREETING"]
"""
LAZY = """
import os

def app(environ, start_response):
    body = os.environ["GREETING"].encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
"""


SETTINGS = """
import os
from pathlib import Path
SECRET_KEY = {secret}
DEBUG = True
ALLOWED_HOSTS = {hosts}
ROOT_URLCONF = "site_urls"
WSGI_APPLICATION = "site_wsgi.application"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parent / "site.db"}}}}
"""
MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
WSGI = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""
URLS = """
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import path
urlpatterns = [
    path("", lambda request: HttpResponse(f"{User.objects.count()} users")),
    path("plain", lambda request: HttpResponse("plain")),
]
"""
FLASK = """
import sqlite3
import click
from flask import Flask

def connect():
    return sqlite3.connect("notes.db")

def create_app():
    app = Flask(__name__)

    @app.route("/")
    def index():
        return f"{connect().execute('SELECT count(*) FROM note').fetchone()[0]} notes"

    @app.cli.command("init-db")
    def init_db():
        connect().execute("CREATE TABLE note (text TEXT)")
        click.echo("The tables are there.")

    return app
"""
SERVICE = """
import os, socket
client = socket.create_connection((os.environ["DB_HOST"], int(os.environ["DB_PORT"])), timeout=10)
"""
AS_IT_IS = {"APPLIANCE_INSTALL": "off", "APPLIANCE_PYTHON": sys.executable}


def django(project: Path, *, secret: str = "'unsafe-and-long-enough'", hosts: str = "['*']") -> None:
    """A Django project whose database has no tables."""
    (project / "app.py").unlink()
    settings = SETTINGS.format(secret=secret, hosts=hosts)
    write(project, manage__py=MANAGE, site_wsgi__py=WSGI, site_urls__py=URLS, site_settings__py=settings)


def write(project: Path, **files: str) -> None:
    """Write files; two underscores in a name are a dot."""
    for name, text in files.items():
        file = project / name.replace("__", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def index(folder: Path) -> dict[str, str]:
    """Settings for an installer that knows two packages."""
    wheels = folder / "wheels"
    wheels.mkdir(exist_ok=True)
    wheel(wheels, "toaster")
    wheel(wheels, "Pillow", modules={"PIL/__init__.py": ""})
    return {
        "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull, "UV_FIND_LINKS": str(wheels), "UV_NO_INDEX": "1",
        "UV_OFFLINE": "1", "UV_CACHE_DIR": str(folder / "uv"),
    }  # fmt: skip
