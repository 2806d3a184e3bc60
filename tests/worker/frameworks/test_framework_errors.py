"""Exceptions that a framework answers for: what is noted and shown. Flask stands in as modules of its names."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from appliance.server.wsgi.access_log.exchange import Exchange, current
from appliance.worker.frameworks import framework_errors, werkzeug_debugger
from appliance.worker.hooks import Hooks

NO_TABLE = "no such table: posts"
FLASKS_OWN = b"<!doctype html>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n"


class Run:
    """The server's run of one request, as far as a helper looks at it."""

    headers_sent = False
    exchange = None

    def __init__(self) -> None:
        self.status: str | None = None
        self.headers: dict[str, str] = {}
        self.reported: list[dict[str, Any]] = []

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        assert self.status is None or exc_info
        self.status, self.headers = status, dict(headers)

    def page_context(self) -> dict[str, Any]:
        return {"log": ["a line"]}

    def offer(self, needs: object) -> list[dict[str, Any]]:
        return [{"id": "1", "label": "Mend it"}] if needs else []

    def log_event(self, _level: str, event: str, **fields: Any) -> None:
        self.reported.append({"event": event, **fields})


class Signal:
    """A signal of blinker's."""

    def connect(self, receiver: Any, *, weak: bool) -> None:
        assert not weak
        self.send = receiver


@pytest.fixture(autouse=True)
def exchange() -> Iterator[Exchange]:
    """The request that runs."""
    running = Exchange(None, "", 0, 0.0, "id")
    token = current.set(running)
    yield running
    current.reset(token)


@pytest.fixture
def signal(monkeypatch: pytest.MonkeyPatch) -> Signal:
    """Flask's signal of an exception."""
    module = ModuleType("flask.signals")
    module.got_request_exception = signal = Signal()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "flask.signals", module)
    monkeypatch.delitem(sys.modules, "django.core.signals", raising=False)
    return signal


def answer(signal: Signal, root: str, kind: str, content: bytes, words: str = NO_TABLE) -> tuple[Run, bytes]:
    """Return the content sent by an application that answers 500 after its framework has caught an exception."""

    def application(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        signal.send(None, exception=ValueError(words))
        start_response("500 X", [("Content-Type", kind), ("Content-Length", str(len(content))), ("X-Own", "1")])
        return [content]

    run = Run()
    helped = framework_errors.add_advice(application, root, Hooks())
    return run, b"".join(helped({"HTTP_ACCEPT": "text/plain"}, run.start_response))


def test_flasks_own_page_becomes_ours_with_traceback_and_hint(signal, tmp_path):
    """The page that says nothing becomes ours, with the traceback and the hint; its other headers stand."""
    run, content = answer(signal, str(tmp_path), "text/html; charset=utf-8", FLASKS_OWN)
    assert NO_TABLE.encode() in content
    assert b"The database has no table posts" in content
    assert run.headers["Content-Type"].startswith("text/plain")
    assert run.headers["Content-Length"] == str(len(content))
    assert run.headers["X-Own"] == "1"
    assert run.reported[0]["event"] == "application.failed"
    assert "no table posts" in run.reported[0]["action"]


def test_a_page_of_the_projects_stays_with_the_hint_in_it(signal, tmp_path):
    """A page that somebody wrote stands, with the hint in it."""
    run, content = answer(signal, str(tmp_path), "text/html", b'<html><body class="x"><p>Sorry</p></body></html>')
    assert content.startswith(b'<html><body class="x"><div')
    assert b"no table posts" in content
    assert content.endswith(b"<p>Sorry</p></body></html>")
    assert run.headers["Content-Length"] == str(len(content))


def test_json_is_left_alone(signal, tmp_path):
    """Content for programs is not changed; the event has the advice."""
    run, content = answer(signal, str(tmp_path), "application/json", b'{"error": 1}')
    assert content == b'{"error": 1}'
    assert len(run.reported) == 1


def test_an_exception_without_a_hint_changes_no_page(signal, tmp_path):
    """An exception without a hint changes no page of the project's, and is not reported again."""
    run, content = answer(signal, str(tmp_path), "text/html", b"<p>Sorry</p>", words="of its own")
    assert content == b"<p>Sorry</p>"
    assert run.reported == []


def test_an_application_without_a_framework_is_unchanged(monkeypatch):
    """If no framework is loaded, the application is not changed."""
    for name in ("flask.signals", "django.core.signals"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    application: Any = object()
    assert framework_errors.add_advice(application, "/", Hooks()) is application


def test_browsers_get_werkzeugs_debugger(monkeypatch):
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
    offered = werkzeug_debugger.wrap(application, Hooks())
    assert offered({"HTTP_ACCEPT": "text/html", "QUERY_STRING": ""}, Run().start_response) == [b"debugged ", b"raw"]
    assert offered({"QUERY_STRING": "__debugger__=yes"}, Run().start_response) == [b"debugged ", b"raw"]
    assert offered({"HTTP_ACCEPT": "application/json", "QUERY_STRING": ""}, Run().start_response) == [b"raw"]
    application.debug = False
    assert werkzeug_debugger.wrap(application, Hooks()) is application


def test_an_application_that_raises_keeps_nothing(signal, exchange, tmp_path):
    """Notes made before an application raises are forgotten with the exception, and so are its frames."""

    class Marked:
        """Something that a frame holds."""

    frames: list[weakref.ref[Marked]] = []

    def application(_environ: dict[str, Any], _start_response: Any) -> list[bytes]:
        held = Marked()
        frames.append(weakref.ref(held))
        try:
            int("x")
        except ValueError as error:
            signal.send(None, exception=error)
            raise
        return []

    hooks = Hooks()
    helped = framework_errors.add_advice(application, str(tmp_path), hooks)
    gc.disable()
    try:
        for _ in range(30):
            with pytest.raises(ValueError):
                helped({}, Run().start_response)
            assert exchange.framework_error is None
        assert [frame for frame in frames if frame() is not None] == []
    finally:
        gc.enable()
    assert not hooks.dropped


def test_what_comes_too_late_is_not_noted(signal, exchange, tmp_path):
    """An exception after the first byte of the response, or outside of a request, is not kept."""
    framework_errors.add_advice(lambda *_: [], str(tmp_path), Hooks())
    exchange.answered = 1.0
    signal.send(None, exception=ValueError())
    assert exchange.framework_error is None
    token = current.set(None)
    signal.send(None, exception=ValueError())
    current.reset(token)


def test_flask_without_signals_tells_its_errors_by_a_method(monkeypatch, tmp_path):
    """If blinker is not installed, as is allowed before Flask 2.3, a method of Flask reports what a signal would."""

    class Unavailable:
        def connect(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("Signalling support is unavailable because the blinker library is not installed.")

    class Flask:
        def handle_exception(self, e: Exception) -> str:
            return f"handled {e}"

    signals, module = ModuleType("flask.signals"), ModuleType("flask.app")
    signals.signals_available, signals.got_request_exception = False, Unavailable()  # type: ignore[attr-defined]
    module.Flask = Flask  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "flask.signals", signals)
    monkeypatch.setitem(sys.modules, "flask.app", module)
    monkeypatch.delitem(sys.modules, "django.core.signals", raising=False)

    def application(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert Flask().handle_exception(ValueError(NO_TABLE)) == f"handled {NO_TABLE}"
        start_response("500 X", [("Content-Type", "text/html"), ("Content-Length", str(len(FLASKS_OWN)))])
        return [FLASKS_OWN]

    run, hooks = Run(), Hooks()
    assert NO_TABLE.encode() in b"".join(
        framework_errors.add_advice(application, str(tmp_path), hooks)({}, run.start_response)
    )
    assert (run.reported[0]["event"], hooks.dropped) == ("application.failed", set())


@pytest.mark.parametrize("length", [None, "5000000"])
def test_a_page_that_is_not_a_page_is_left_alone(signal, tmp_path, length):
    """A response of an error that is streamed, or is longer than any page, is sent as it is, and closed."""
    closed: list[bool] = []

    class Stream:
        def __iter__(self) -> Iterator[bytes]:
            return (b"x" * 1_000_000 for _ in range(5))

        def close(self) -> None:
            closed.append(True)

    def application(_environ: dict[str, Any], start_response: Any) -> Stream:
        signal.send(None, exception=ValueError(NO_TABLE))
        fields = [("Content-Type", "text/html"), *([("Content-Length", length)] if length else [])]
        start_response("500 X", fields)
        return Stream()

    run = Run()
    response = framework_errors.add_advice(application, str(tmp_path), Hooks())({}, run.start_response)
    assert b"".join(response) == b"x" * 5_000_000
    response.close()
    assert (closed, run.headers.get("Content-Length")) == ([True], length)


def test_a_hook_that_fails_changes_nothing(signal, monkeypatch, tmp_path):
    """If our page can't be made, the framework's own is sent whole, and the hook is dropped."""
    monkeypatch.setattr(framework_errors, "_new_content", lambda *_: 1 / 0)
    reported: list[tuple[Any, ...]] = []

    def application(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        signal.send(None, exception=ValueError(NO_TABLE))
        start_response("500 X", [("Content-Type", "text/html"), ("Content-Length", str(len(FLASKS_OWN)))])
        return [FLASKS_OWN]

    hooks = Hooks()
    hooks.report_to(lambda *event: reported.append(event))
    helped = framework_errors.add_advice(application, str(tmp_path), hooks)
    for _ in range(2):
        run = Run()
        assert b"".join(helped({}, run.start_response)) == FLASKS_OWN
        assert run.headers["Content-Length"] == str(len(FLASKS_OWN))
    assert [(level, event, fields["hook"]) for level, event, fields in reported] == [
        ("debug", "hook.dropped", "help on a failure")
    ]
