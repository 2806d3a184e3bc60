"""CPython's own tests of ``BaseHTTPRequestHandler``, from this interpreter's test package, run against our handler.

They give a handler no socket: a mock, and files that they set. So a handler of ours does then what ``http.server``
documents, by itself (without a server: the subclass's ``do_GET``) and with a server's application. What differs from
``http.server`` by intent stands in ``DIFFERS``, each with its reason (docs/library.md has it too). Over a connection
the strictness of RFC 9112 holds, whatever these tests say (tests/server/http/test_corpus.py).
"""

from __future__ import annotations

import importlib
import io
import unittest
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from appliance.basehttp import WSGIRequestHandler

CPYTHONS = "test.test_httpservers"
CASE = "BaseHTTPRequestHandlerTestCase"
NAMES = (
    "test_close_connection",
    "test_date_time_string",
    "test_extra_space",
    "test_header_buffering_of_send_error",
    "test_header_buffering_of_send_header",
    "test_header_buffering_of_send_response_only",
    "test_header_length",
    "test_header_unbuffered_when_continue",
    "test_html_escape_on_error",
    "test_http_0_9",
    "test_http_1_0",
    "test_http_1_1",
    "test_request_length",
    "test_too_many_headers",
    "test_unprintable_not_logged",
    "test_with_continue_1_0",
    "test_with_continue_1_1",
    "test_with_continue_rejected",
)
DIFFERS = {
    ("with a server", "test_html_escape_on_error"): (
        "with a server, the application answers every method; only a handler's own `do_GET` would answer 501"
    ),
}


class Socketless(WSGIRequestHandler):
    """As the tests' own ``SocketlessRequestHandler``: of a mock for a socket, and with a page."""

    def __init__(self) -> None:
        request = mock.Mock()
        request.makefile.return_value = io.BytesIO()
        super().__init__(request, None, None)  # type: ignore[arg-type]  # as CPython's tests do
        self.get_called = False

    def do_GET(self) -> None:
        self.get_called = True
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html><body>Data</body></html>\r\n")

    def log_message(self, *_: Any) -> None: ...


class Served(Socketless):
    """The same page as an application's, of a server that stands for one."""

    def __init__(self) -> None:
        super().__init__()
        self.client_address = ("127.0.0.1", 1)
        self.server: Any = mock.Mock(base_environ={}, get_app=lambda: self.application)

    def application(self, _environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """The page."""
        self.get_called = True
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"<html><body>Data</body></html>\r\n"]


class Dispatching(Served):
    """Served by ``http.server``'s own loop, which a subclass may ask for."""

    handle_one_request = BaseHTTPRequestHandler.handle_one_request


class Mixed(SimpleHTTPRequestHandler, Socketless):
    """Behind ``http.server``'s server of files, as one may combine them."""

    __init__ = Socketless.__init__
    do_GET = Socketless.do_GET  # noqa: N815  the name that http.server has
    log_message = Socketless.log_message


KINDS = {"alone": Socketless, "with a server": Served, "by its dispatch": Dispatching, "mixed in": Mixed}


def rejecting(kind: type[Socketless]) -> type[Socketless]:
    """One that expects nothing."""

    class Rejecting(kind):  # type: ignore[misc, valid-type]  # a class that is given
        def handle_expect_100(self) -> bool:
            self.send_error(417)
            return False

    return Rejecting


@pytest.fixture(scope="module")
def cpythons() -> Any:
    """CPython's module of tests."""
    try:
        return importlib.import_module(CPYTHONS)
    except ImportError as error:
        pytest.skip(f"not run: this interpreter comes without its tests ({error})")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_cpythons_own_tests_pass(cpythons: Any, monkeypatch: pytest.MonkeyPatch, name: str, kind: str):
    """Each of CPython's tests passes on our handler, except for those that differ by intent."""
    monkeypatch.setattr(cpythons, "SocketlessRequestHandler", KINDS[kind])
    monkeypatch.setattr(cpythons, "RejectingSocketlessRequestHandler", rejecting(KINDS[kind]))
    result = unittest.TestResult()
    getattr(cpythons, CASE)(name).run(result)
    reported = [text for _, text in (*result.failures, *result.errors)]
    assert bool(reported) is ((kind, name) in DIFFERS), "\n".join(reported)


def test_the_documentation_tells_what_cpythons_fail():
    """Each difference stands in the documentation, with its reason."""
    page = (Path(__file__).parents[1] / "docs" / "library.md").read_text(encoding="utf-8")
    for (_, name), reason in DIFFERS.items():
        assert f"| `{name}` | {reason} |" in page


def test_all_of_cpythons_are_run(cpythons: Any):
    """Each test that this interpreter's version has is run; a newer version's must be added."""
    assert set(unittest.defaultTestLoader.getTestCaseNames(getattr(cpythons, CASE))) <= set(NAMES)
