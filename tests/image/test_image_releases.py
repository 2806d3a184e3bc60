"""Old and new releases of frameworks in the built image: what we add to a project's process fails none of them."""

from __future__ import annotations

import pytest

from tests.thorough import one_in

FLASK = """\
from flask import Flask

app = Flask(__name__)

@app.route("/")
def index():
    try:
        import blinker
    except ImportError:
        return "no signals"
    return "signals"

@app.route("/fail")
def fail():
    raise RuntimeError("it fails")
"""
DJANGO = """\
from django.conf import settings

settings.configure(DEBUG=True, ROOT_URLCONF=__name__, SECRET_KEY="of a test", ALLOWED_HOSTS=["*"])

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

def fail(request):
    raise RuntimeError("it fails")

urlpatterns = [path("", lambda request: HttpResponse("no signals")), path("fail", fail)]
application = get_wsgi_application()
"""


@pytest.mark.parametrize(
    ("requirements", "source"),
    one_in(
        6,  # tests/live/test_releases.py has the newest of both; test_image_projects.py serves Django here
        [
            pytest.param("flask==1.1.4\nmarkupsafe==2.0.1\n", FLASK, id="flask-1.1"),
            pytest.param("flask==2.0.3\nwerkzeug==2.0.3\n", FLASK, id="flask-2.0"),
            pytest.param("flask==2.2.5\nwerkzeug==2.2.3\n", FLASK, id="flask-2.2"),
            pytest.param("flask==2.3.3\n", FLASK, id="flask-2.3"),
            pytest.param("django==3.2.25\n", DJANGO, id="django-3.2"),
            pytest.param("django==6.0\n", DJANGO, id="django-6.0"),
        ],
    ),
)
def test_a_release_is_served_without_optional_packages(start, project, volume, requirements, source):
    """A release is served, without the optional packages that it can do without, and its errors have their place."""
    folder = project({"requirements.txt": requirements, "app.py": source})
    container = start(folder, "--volume", f"{volume}:/cache")
    container.wait_for("worker.ready", timeout=200)
    optional = "signals" if requirements.startswith("flask==2.3") else "no signals"  # it requires blinker from 2.3 on
    assert (container.get().status, container.get().text) == (200, optional)
    assert container.get("/fail").status == 500
    reported = container.wait_for("request.finished", **{"url.path": "/fail"})
    assert reported["http.response.status_code"] == 500
    assert "it fails" in str(container.events())
