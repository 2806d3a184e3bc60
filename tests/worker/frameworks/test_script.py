"""A file that is run: what it hands to its server is served, in that very call."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import a2wsgi
import pytest

from appliance.protocol.start.start_options import AdapterOptions
from appliance.protocol.start.start_target import StartTarget
from appliance.worker.app import TargetError, serve
from appliance.worker.files.input_files import InputFiles
from appliance.worker.files.source_loader import CodeCache, ProjectLoader
from appliance.worker.hooks import Hooks

Run = Callable[..., list[bytes]]

APP = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hello']\n"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """``run("text", module="..")``: the bodies that were served by the file, beside modules of these names."""
    before, finders, main = set(sys.modules), list(sys.meta_path), sys.modules["__main__"]
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "wsgiref.simple_server", raising=False)  # it is changed in place
    served: list[bytes] = []

    def serving(application: Any) -> None:
        environ = {"REQUEST_METHOD": "GET", "SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.input": io.BytesIO()}
        served.append(b"".join(application(environ, lambda *_: None)))

    def run(text: str, adapter: AdapterOptions | None = None, **modules: str) -> list[bytes]:
        for name, source in modules.items():
            (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        (tmp_path / "hello.py").write_text(text, encoding="utf-8")
        target: StartTarget = {
            "kind": "script",
            "module": "__main__",
            "file": str(tmp_path / "hello.py"),
            "attribute": "",
            "call": "no",
            "names": ["app"],
        }
        loader = partial(ProjectLoader, CodeCache(""), InputFiles(str(tmp_path), -1))
        serve(target, loader, serving, Hooks(), adapter)
        return served

    yield run
    sys.meta_path[:] = finders
    sys.modules["__main__"] = main
    for name in set(sys.modules) - before:
        del sys.modules[name]


# The package of each is not installed here: a module of its name with the same functions takes its place.
SERVERS = {
    "waitress": "def serve(app, **more): raise AssertionError\ndef create_server(app, **more): raise AssertionError\n",
    "bottle": (
        "def run(app=None, **more): raise AssertionError\ndef default_app(): return made\ndef debug(on): ...\n"
        "class A:\n    routes = []\n    def __call__(self, environ, start): return [b'hello']\nmade = A()\n"
        "def get(path):\n    made.routes.append(path)\n    return lambda function: function\n"
    ),
    "flask_socketio": "class SocketIO:\n    def run(self, app, **more): raise AssertionError\n",
    "bjoern": "def run(app, host, port): raise AssertionError\n",
    "rocket3": "class Rocket3:\n    def __init__(self, *more): raise AssertionError\n",
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("waitress", "from waitress import serve\nserve(app, listen='*:80')\n"),
        ("waitress", "import waitress\nwaitress.create_server(app).run()\n"),
        ("bottle", "from bottle import run\nrun(reloader=True, debug=True)\n"),
        ("bottle", "import bottle\nif __name__ == '__main__':\n    bottle.run(app=app)\n"),
        ("flask_socketio", "from flask_socketio import SocketIO\nSocketIO().run(app, port=1)\n"),
        ("rocket3", "from rocket3 import Rocket3\nRocket3(('', 80), 'wsgi', {'wsgi_app': app}).start()\n"),
        ("bjoern", "import bjoern\nbjoern.run(app, '0.0.0.0', 80)\n"),
    ],
)
def test_the_application_given_to_a_server_is_served(run: Run, name: str, text: str) -> None:
    """The application that is given to a server's function is served instead."""
    assert run(APP + text, **{name: SERVERS[name]}) == [b"hello"]


@pytest.mark.parametrize(
    "text",
    [
        "with make_server('', 80, app) as httpd:\n    httpd.serve_forever()\n",
        "make_server('', 80, app).handle_request()\n",
        "import sys\nif __name__ == '__main__':\n    sys.exit(make_server('', 80, app).serve_forever())\n",
        "while True:\n    make_server('', 80, app).handle_request()\n",
        (
            "from socketserver import ThreadingMixIn\nfrom wsgiref.simple_server import *\n"
            "class Own(ThreadingMixIn, WSGIServer): ...\nserver = Own(('', 80), WSGIRequestHandler)\n"
            "server.set_app(app)\nserver.serve_forever()\n"
        ),
    ],
    ids=["with", "one request", "exit", "a loop", "a class of its own"],
)
def test_wsgirefs_server_is_never_bound(run: Run, text: str) -> None:
    """The standard library's server is never bound, and what it was given is served once."""
    assert run("from wsgiref.simple_server import make_server\n" + APP + text) == [b"hello"]


def test_what_follows_runs_when_it_ends(run: Run, tmp_path: Path) -> None:
    """Nothing is unwound while it is served; what the file does at its end, it does."""
    text = (
        "import pathlib, waitress\ntry:\n    waitress.serve(app)\n"
        "finally:\n    pathlib.Path(__file__).with_name('end').touch()\n"
    )
    assert run(APP + text, waitress=SERVERS["waitress"]) == [b"hello"]
    assert (tmp_path / "end").exists()


def test_main_is_the_file(run: Run) -> None:
    """The file is ``__main__``, with its name and without ours."""
    text = "import __main__\nassert __main__.app is app and __main__.__file__ == __file__ and __name__ == '__main__'\n"
    assert run(APP + text) == [b"hello"]


def test_an_application_that_a_script_has_bound_is_found(run: Run) -> None:
    """A file that starts nothing without arguments has still bound its application."""
    assert run(APP + "import sys\nsys.exit('usage: hello.py PORT')\n") == [b"hello"]


def test_functions_registered_with_a_framework_are_served(run: Run) -> None:
    """Functions that are registered with a framework's own application are served by that."""
    assert run("import bottle\n@bottle.get('/')\ndef index(): ...\n", bottle=SERVERS["bottle"]) == [b"hello"]
    assert run("def __hug_wsgi__(environ, start_response): return [b'hug']\n")[1:] == [b"hug"]


def test_a_file_that_serves_nothing_says_how_it_ended(run: Run) -> None:
    """A file that neither serves nor binds an application says how it ended."""
    with pytest.raises(TargetError, match=r"hello\.py was run, and started no server: it ended with 2"):
        run("raise SystemExit(2)\n")


def test_errors_of_a_script_are_its_own(run: Run) -> None:
    """An error before it serves is its own; one after it has served changes nothing."""
    with pytest.raises(ZeroDivisionError):
        run("1 / 0\n")
    assert run(APP + "import waitress\nwaitress.serve(app)\n1 / 0\n", waitress=SERVERS["waitress"]) == [b"hello"]


def test_a_server_in_another_thread_is_left_alone(run: Run) -> None:
    """Metrics on a port of their own are the project's; what the main thread serves is ours."""
    text = (
        "import threading, urllib.request\nfrom wsgiref.simple_server import make_server\n"
        "def metrics(environ, start_response):\n    start_response('200 OK', [])\n    return [b'metrics']\n"
        "ready = []\n"
        "def aside():\n    with make_server('127.0.0.1', 0, metrics) as server:\n"
        "        ready.append(server.server_port)\n        go.set()\n        server.handle_request()\n"
        "go = threading.Event()\nthread = threading.Thread(target=aside)\nthread.start()\ngo.wait()\n"
        "assert urllib.request.urlopen(f'http://127.0.0.1:{ready[0]}').read() == b'metrics'\nthread.join()\n"
        "make_server('', 80, app).serve_forever()\n"
    )
    assert run(APP + text) == [b"hello"]


TORNADO = {
    "__init__.py": "",
    "platform/__init__.py": "",
    "platform/asyncio.py": "class BaseAsyncIOLoop:\n    def start(self): print('looped')\n",
    "ioloop.py": "from tornado.platform.asyncio import BaseAsyncIOLoop as IOLoop\n",
    "tcpserver.py": "class TCPServer:\n    def listen(self, port): raise AssertionError\n    bind = start = listen\n",
    "httpserver.py": (
        "from tornado.tcpserver import TCPServer\nclass HTTPServer(TCPServer):\n    def __init__(self, callback): ...\n"
    ),
    "wsgi.py": "class WSGIContainer:\n    def __init__(self, wsgi_application, executor=None): ...\n",
}


def test_tornados_container_is_served(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The application in Tornado's container is served when its loop starts; a loop without one is the project's."""
    for name, text in TORNADO.items():
        path = tmp_path / "tornado" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    text = (
        "from tornado.httpserver import HTTPServer\nfrom tornado.ioloop import IOLoop\n"
        "from tornado.wsgi import WSGIContainer\nIOLoop().start()\n"
        "server = HTTPServer(WSGIContainer(app))\nserver.listen(80)\nIOLoop().start()\n"
    )
    assert run(APP + text) == [b"hello"]
    assert capsys.readouterr().out == "looped\n"


@pytest.mark.parametrize("given", ["'main:app'", "app"])
def test_uvicorn_is_refused(run: Run, given: str) -> None:
    """A file that turns out to start an ASGI server is refused at once, by its name."""
    text = f"import uvicorn\nasync def app(scope, receive, send): ...\nuvicorn.run({given}, port=80)\n"
    with pytest.raises(TargetError, match="what it gives to uvicorn is an ASGI application"):
        run(text, uvicorn="def run(app, **more): raise AssertionError\n")


@pytest.mark.parametrize("given", ["'shop:app'", "'shop:make', factory=True", "make, factory=True", "app"])
def test_uvicorns_application_is_adapted_however_it_is_given(run: Run, given: str) -> None:
    """A file that starts uvicorn has its application adapted, also one that is given by name, or by a factory."""
    shop = (
        "async def app(scope, receive, send):\n    assert scope['type'] == 'http'\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b'hello'})\n\n\ndef make():\n    return app\n"
    )
    adapter: AdapterOptions = {"folder": str(Path(a2wsgi.__file__).parent), "action": "Run uvicorn."}
    text = f"import uvicorn\nfrom shop import app, make\nuvicorn.run({given}, port=80)\n"
    assert run(text, adapter, uvicorn="def run(app, **more): raise AssertionError\n", shop=shop) == [b"hello"]


@pytest.mark.usefixtures("run")
def test_a_console_scripts_function_is_called_in_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function of a module is called where a console script would call it; the module keeps its own name."""
    (tmp_path / "shop.py").write_text(
        APP + "import waitress\ndef main():\n    assert __name__ == 'shop'\n    waitress.serve(app)\n", encoding="utf-8"
    )
    (tmp_path / "waitress.py").write_text(SERVERS["waitress"], encoding="utf-8")
    file = str(tmp_path / "shop.py")
    target: StartTarget = {"kind": "script", "module": "shop", "file": file, "attribute": "main", "call": "yes"}
    served: list[bytes] = []
    monkeypatch.syspath_prepend(str(tmp_path))
    serve(target, lambda *_: pytest.fail("no loader is asked for"), lambda app: served.extend(app({}, print)), Hooks())
    assert served == [b"hello"]
