"""Exceptions that a framework answers for: what is noted and shown. Flask stands in as two modules of its names."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from appliance.worker import debugpage, mishaps

NO_TABLE = "no such table: posts"
FLASKS_OWN = b"<!doctype html>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n"


class Run:
    """The server's run of one request, as far as a helper looks at it."""

    def __init__(self) -> None:
        self.status: str | None = None
        self.headers: dict[str, str] = {}
        self.told: list[dict[str, Any]] = []

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        assert self.status is None or exc_info
        self.status, self.headers = status, dict(headers)

    def tell(self, _level: str, event: str, **fields: Any) -> None:
        self.told.append({"event": event, **fields})


class Signal:
    """A signal of blinker's."""

    def connect(self, receiver: Any, *, weak: bool) -> None:
        assert not weak
        self.send = receiver


@pytest.fixture
def signal(monkeypatch: pytest.MonkeyPatch) -> Signal:
    """Flask's signal of an exception."""
    module = ModuleType("flask.signals")
    module.got_request_exception = signal = Signal()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "flask.signals", module)
    monkeypatch.delitem(sys.modules, "django.core.signals", raising=False)
    return signal


def answer(signal: Signal, root: str, kind: str, content: bytes, words: str = NO_TABLE) -> tuple[Run, bytes]:
    """What is sent by an application that answers 500 after its framework has caught an exception."""

    def application(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        signal.send(None, exception=ValueError(words))
        start_response("500 X", [("Content-Type", kind), ("Content-Length", str(len(content))), ("X-Own", "1")])
        return [content]

    run = Run()
    helped = mishaps.told(application, root)
    return run, b"".join(helped({"HTTP_ACCEPT": "text/plain"}, run.start_response))


def test_flasks_own_page(signal, tmp_path):
    """The page that says nothing becomes ours, with the traceback and the hint; its other headers stand."""
    run, content = answer(signal, str(tmp_path), "text/html; charset=utf-8", FLASKS_OWN)
    assert NO_TABLE.encode() in content
    assert b"The database has no table posts" in content
    assert run.headers["Content-Type"].startswith("text/plain")
    assert run.headers["Content-Length"] == str(len(content))
    assert run.headers["X-Own"] == "1"
    assert run.told[0]["event"] == "application.failed"
    assert "no table posts" in run.told[0]["action"]


def test_a_page_of_the_projects(signal, tmp_path):
    """A page that somebody wrote stands, with the hint in it."""
    run, content = answer(signal, str(tmp_path), "text/html", b'<html><body class="x"><p>Sorry</p></body></html>')
    assert content.startswith(b'<html><body class="x"><div')
    assert b"no table posts" in content
    assert content.endswith(b"<p>Sorry</p></body></html>")
    assert run.headers["Content-Length"] == str(len(content))


def test_json_is_left_alone(signal, tmp_path):
    """What a program reads is not written into; the event tells."""
    run, content = answer(signal, str(tmp_path), "application/json", b'{"error": 1}')
    assert content == b'{"error": 1}'
    assert len(run.told) == 1


def test_nothing_to_say(signal, tmp_path):
    """An exception without a hint changes no page of the project's, and is no second event."""
    run, content = answer(signal, str(tmp_path), "text/html", b"<p>Sorry</p>", words="of its own")
    assert content == b"<p>Sorry</p>"
    assert run.told == []


def test_no_framework(monkeypatch):
    """Where none is loaded the application is left as it is."""
    for name in ("flask.signals", "django.core.signals"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    application: Any = object()
    assert mishaps.told(application, "/") is application


def test_the_debugger(monkeypatch):
    """Browsers get Werkzeug's debugger where Flask's debug is on; others get what the application raises."""
    flask, debug = ModuleType("flask"), ModuleType("werkzeug.debug")

    class Flask:
        debug = True

        def __call__(self, _environ: Any, _start_response: Any) -> list[bytes]:
            return [b"raw"]

    class DebuggedApplication:
        def __init__(self, app: Any, *, evalex: bool) -> None:
            assert evalex
            self.app = app

        def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
            return [b"debugged ", *self.app(environ, start_response)]

    flask.Flask, debug.DebuggedApplication = Flask, DebuggedApplication  # type: ignore[attr-defined]
    for module in (flask, ModuleType("werkzeug"), debug):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    application = Flask()
    offered = debugpage.offered(application)
    assert offered({"HTTP_ACCEPT": "text/html", "QUERY_STRING": ""}, Run().start_response) == [b"debugged ", b"raw"]
    assert offered({"QUERY_STRING": "__debugger__=yes"}, Run().start_response) == [b"debugged ", b"raw"]
    assert offered({"HTTP_ACCEPT": "application/json", "QUERY_STRING": ""}, Run().start_response) == [b"raw"]
    application.debug = False
    assert debugpage.offered(application) is application
