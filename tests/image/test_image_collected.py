"""``appliance eject`` for a Django project with STATIC_ROOT: the image has the collected files, and serves them."""

import re
import uuid

from tests.image.conftest import docker, request
from tests.thorough import long_form

SETTINGS = """
import os
from pathlib import Path

BASE_DIR = Path(__file__).parent
SECRET_KEY = os.environ["SECRET_KEY"]
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["django.contrib.staticfiles"]
MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware"]
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "collected"
STATICFILES_DIRS = [BASE_DIR / "assets"]
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
"""
FILES = {
    "requirements.txt": "django>=5\nwhitenoise\n",
    "manage.py": "import os, sys\nfrom django.core.management import execute_from_command_line\n"
    "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')\nexecute_from_command_line(sys.argv)\n",
    "settings.py": SETTINGS,
    "urls.py": "from django.http import HttpResponse\nfrom django.templatetags.static import static\n"
    "from django.urls import path\nurlpatterns = [path('', lambda request: HttpResponse(static('app.css')))]\n",
    "wsgi.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')\n"
    "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
    "assets/app.css": "body { color: rebeccapurple }\n",
    "collected/old.css": "left on this machine",
    ".env": "SECRET_KEY=of-development\n",
}


@long_form("it installs Django twice")
def test_the_build_collects_static_files(start, project):
    """The image has the files under names of their content, without this machine's own; the build needs no secret."""
    folder, name = project(FILES), f"appliance-test-{uuid.uuid4().hex[:12]}"
    served = start(folder, "--env", "SECRET_KEY=of-development")
    served.execute("appliance", "eject", "--server", "gunicorn", timeout=200)
    try:
        docker("build", "--quiet", "--tag", name, str(folder), timeout=280)
        restricted = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--env", "SECRET_KEY=of-production")
        docker("run", "--detach", "--name", name, *restricted, "--publish", "127.0.0.1::8000", name)
        waits = "import socket\nwhile socket.socket().connect_ex(('127.0.0.1', 8000)):\n    pass"
        docker("exec", name, "python", "-I", "-c", waits, timeout=60)
        port = int(docker("port", name, "8000").stdout.split(":")[-1])
        address = request(port).text
        assert re.fullmatch(r"/static/app\.[0-9a-f]{12}\.css", address)
        answer = request(port, address)
        assert (answer.status, answer.text) == (200, FILES["assets/app.css"])
        assert "immutable" in answer.headers["Cache-Control"]
        assert request(port, "/static/old.css").status == 404
        assert "of-development" not in docker("history", "--no-trunc", name).stdout
    finally:
        docker("rm", "--force", name, check=False)
        docker("rmi", "--force", name, check=False)
