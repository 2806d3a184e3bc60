"""Django itself, handed our classes: its live test server, its runserver, its run()."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMON = """
import sys, threading, urllib.request
import django
from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from appliance import basehttp as ours

def hello(request):
    return HttpResponse(f"{request.method} {request.path} {request.body.decode()} {request.scheme}")

def stream(request):
    return StreamingHttpResponse(iter(["a", "b"]))

urlpatterns = [path("hello/", hello), path("stream/", stream)]
databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
urls = {"ROOT_URLCONF": __name__, "STATIC_URL": "/static/", "MEDIA_URL": "/media/"}
settings.configure(DEBUG=True, ALLOWED_HOSTS=["*"], DATABASES=databases, SECRET_KEY="x", **urls)
django.setup()

def ask(base, where, data=None):
    with urllib.request.urlopen(base + where, data, timeout=10) as answer:
        return answer.read().decode()
"""

LIVE = """
from django.test import LiveServerTestCase
from django.test.testcases import LiveServerThread
from django.test.utils import setup_databases, setup_test_environment

class Thread(LiveServerThread):
    server_class = ours.ThreadedWSGIServer
    handler = None
    def _create_server(self, connections_override=None):
        if self.handler is None:
            return super()._create_server(connections_override)
        options = {"allow_reuse_address": False, "connections_override": connections_override}
        return self.server_class((self.host, self.port), self.handler, **options)

class OurThread(Thread):
    handler = ours.WSGIRequestHandler

class Server(LiveServerTestCase):
    server_thread_class = Thread
    def test_it(self):
        self.assertEqual(ask(self.live_server_url, "/hello/", b"body"), "POST /hello/ body http")
        self.assertEqual(ask(self.live_server_url, "/stream/"), "ab")

class ServerAndHandler(Server):
    server_thread_class = OurThread

import unittest
setup_test_environment(debug=True)
setup_databases(0, False)
unittest.main(argv=["x", "Server", "ServerAndHandler"])
"""

RUN = """
from django.core.servers import basehttp as theirs
from django.core.management.commands import runserver
from django.core.wsgi import get_wsgi_application

theirs.WSGIRequestHandler = ours.WSGIRequestHandler
bound = threading.Event()
ports = []
def on_bind(port):
    ports.append(port)
    bound.set()
run = threading.Thread(target=theirs.run, daemon=True, args=("127.0.0.1", 0, get_wsgi_application()),
    kwargs={"threading": True, "on_bind": on_bind, "server_cls": ours.WSGIServer})
run.start()
assert bound.wait(10)
base = f"http://127.0.0.1:{ports[0]}"
print(ask(base, "/hello/"), file=sys.stderr)

runserver.WSGIServer = ours.WSGIServer
class Command(runserver.Command):
    server_cls = ours.WSGIServer
    def on_bind(self, port):
        print(ask_later(port), file=sys.stderr)
def ask_later(port):
    def later():
        print("runserver", ask(f"http://127.0.0.1:{port}", "/hello/"), file=sys.stderr, flush=True)
        import os
        os._exit(0)
    threading.Thread(target=later).start()
    return "bound"
command = Command()
command.addr, command.port, command._raw_ipv6, command.protocol, command.use_ipv6 = "127.0.0.1", 0, False, "http", False
command.inner_run(use_threading=True, use_reloader=False, skip_checks=True, shutdown_message="")
"""


@pytest.mark.parametrize("program", [LIVE, RUN], ids=["live server", "runserver"])
def test_django_runs_on_it(program: str, tmp_path: Path):
    """LiveServerTestCase, run() and runserver serve a Django project through our classes."""
    script = tmp_path / "program.py"
    script.write_text(COMMON + program, encoding="utf-8")
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, env={"PYTHONPATH": root}, check=False
    )
    assert done.returncode == 0, done.stderr
    if program == LIVE:
        assert "Ran 2 tests" in done.stderr
    else:
        assert "GET /hello/  http\nbound\nrunserver GET /hello/  http\n" in done.stderr
