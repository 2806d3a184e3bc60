"""The services that ``init`` writes, on the engine: compose accepts every file, and Django finds its PostgreSQL."""

import pytest

from appliance.commands.backing_services.service_table import TABLE
from tests.image import postgres_image
from tests.image.conftest import docker
from tests.thorough import THOROUGH, long_form

SETTINGS = """
import os
SECRET_KEY = "development"
DEBUG = True
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "wsgi.application"
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": os.environ.get("DB_HOST", "localhost"),
    "NAME": os.environ["DB_NAME"],
    "USER": "seller",
    "PASSWORD": os.environ["DB_PASSWORD"],
}}
"""
URLS = """
from django.db import connection
from django.http import HttpResponse
from django.urls import path

def count(request):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS visits (id serial)")
        cursor.execute("INSERT INTO visits DEFAULT VALUES")
        cursor.execute("SELECT count(*), current_user FROM visits")
        return HttpResponse("{} {}".format(*cursor.fetchone()))

urlpatterns = [path("", count)]
"""
DJANGO = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')\n",
    "settings.py": SETTINGS,
    "urls.py": URLS,
    "wsgi.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')\n"
    "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
    "requirements.txt": "django\npsycopg[binary]\n",
}


@pytest.fixture
def postgres(engine, tmp_path_factory):
    """The name of the tests' image of PostgreSQL."""
    return postgres_image.build(tmp_path_factory.mktemp("postgres"))


def init(image, folder):
    """Run the command in a project, as its documentation says."""
    docker("run", "--rm", "--volume", f"{folder}:/workspace", image, "init")
    return folder / "docker-compose.yml"


def test_compose_accepts_every_service(image, project, compose):
    """A project that asks for all of them gets two files that `docker compose config` accepts as they are."""
    drivers = [min(service.drivers) for service in TABLE]
    compose.folder = project({"requirements.txt": "\n".join(drivers), "wsgi.py": "application = None\n"})
    init(image, compose.folder)
    for folder in (compose.folder, compose.folder / ".devcontainer"):
        compose.folder = folder
        services = compose("config", "--services").stdout.split()
        assert len(services) == 1 + len({service.kind for service in TABLE}), services
        assert compose("config", "--quiet").stderr == ""


@long_form("it makes an image with PostgreSQL")
def test_django_finds_the_database_that_init_wrote(image, project, compose, postgres):
    """`up` waits for PostgreSQL and Django is served at once; in the long form a second `up` finds the same rows."""
    compose.folder = project(DJANGO)
    file = init(image, compose.folder)
    file.write_text(file.read_text().replace("image: postgres:17", f"image: {postgres}"))
    compose("up", "--wait", timeout=280)
    first = compose.container()
    assert first.get().text == "1 seller"
    assert [event["level"] for event in first.events() if event["level"] == "error"] == []
    if not THOROUGH:
        return
    compose("down", "--timeout", "5")
    compose("up", "--wait")
    assert compose.container().get().text == "2 seller"
