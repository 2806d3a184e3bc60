"""Requests of real projects, written as tests from the page: each runs green with the project's own tools."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.live.desk_client import asked, newest, posted
from tests.live.live_appliance import Appliance

pytestmark = pytest.mark.whole

Starting = Callable[..., Appliance]
MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
if __name__ == "__main__":
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""
SETTINGS = """
SECRET_KEY = "k"
DEBUG = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "site_urls"
WSGI_APPLICATION = "site_wsgi.application"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
"""
URLS = """
from django.http import JsonResponse
from django.urls import path
def orders(request, number):
    found = {"number": number, "q": request.GET.get("q"), "method": request.method, "size": len(request.body)}
    return JsonResponse({**found, "type": request.headers.get("X-Kind", "")})
urlpatterns = [path("orders/<int:number>", orders)]
"""
WSGI = """
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
application = get_wsgi_application()
"""
FLASK = """
from flask import Flask, jsonify, request
app = Flask(__name__)
@app.route("/orders/<int:number>", methods=["GET", "PUT"])
def orders(number):
    return jsonify(number=number, q=request.args.get("q"), size=len(request.data), kind=request.headers["X-Kind"])
"""
PLAIN = """
import json
def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    found = {"path": environ["PATH_INFO"], "q": environ["QUERY_STRING"], "kind": environ["HTTP_X_KIND"]}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({**found, "size": len(body)}).encode()]
"""
PROJECTS = {
    "django": {"manage.py": MANAGE, "site_settings.py": SETTINGS, "site_urls.py": URLS, "site_wsgi.py": WSGI},
    "flask": {"app.py": FLASK},
    "plain": {"wsgi.py": PLAIN},
}
BODY = b'{"a": "\'\\u00e4\\""}'


@pytest.mark.parametrize("name", PROJECTS)
def test_a_written_test_runs_green(start: Starting, project: Path, name: str):
    """The file is shown, then written as shown; it passes, and it fails once the project answers otherwise."""
    for file in project.iterdir():
        file.unlink()
    for file_name, text in PROJECTS[name].items():
        (project / file_name).write_text(text, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PYTHON=sys.executable)
    appliance.wait_for("worker.ready")
    connection = HTTPConnection("127.0.0.1", appliance.port, timeout=30)
    method = "GET" if name == "django" else "PUT"
    fields = {"Content-Type": "application/json", "X-Kind": "it's"}
    connection.request(method, "/orders/17?q=%C3%A4&b='", body=BODY, headers=fields)
    assert connection.getresponse().status == 200
    connection.close()
    number = newest(appliance, "/orders/17")
    shown = asked(appliance, f"requests/{number}/test")
    form = {"page_value": shown["page_value"], "shown": shown["shown"], "file": shown["file"]}
    assert posted(appliance, f"requests/{number}/test", {**form, "shown": "0" * 64})[0] == 422
    assert posted(appliance, f"requests/{number}/test", {**form, "file": "../test_out.py"})[0] == 422
    assert posted(appliance, f"requests/{number}/test", form, Origin="http://evil.example")[0] == 403
    assert not list(project.parent.glob("test_out*"))
    assert posted(appliance, f"requests/{number}/test", form)[0] == 200
    assert (project / shown["file"]).read_text(encoding="utf-8") == shown["text"]
    assert posted(appliance, f"requests/{number}/test", form)[0] == 422  # it is there

    def tested(*tool: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *(tool or shown["command"].split()[1:])]
        environment = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    result = tested()
    assert (result.returncode, "Ran 1 test" in result.stderr) == (0, True), result.stderr
    if name != "django":  # pytest needs a plug-in for it
        assert "1 passed" in tested("-m", "pytest", "-p", "no:cacheprovider", shown["file"]).stdout
    changed = next(project / each for each in PROJECTS[name] if "orders" in PROJECTS[name][each] or name == "plain")
    changed.write_text(changed.read_text().replace('"q"', '"renamed"').replace(" q=", " renamed="), encoding="utf-8")
    assert tested().returncode != 0
