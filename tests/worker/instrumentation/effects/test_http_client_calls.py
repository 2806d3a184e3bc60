"""The parts of http.client that the hooks leave to the project."""

from __future__ import annotations

import pytest

from appliance.server.wsgi.access_log.exchange import Exchange, current
from appliance.worker.hooks import Hooks
from appliance.worker.instrumentation.details import Details
from appliance.worker.instrumentation.effects.http_client_calls import HttpClientCalls
from appliance.worker.instrumentation.library_hooks import LibraryHooks
from appliance.worker.instrumentation.project_line import ProjectLine


class Connection:
    """One that an odd release might have: it has neither a host nor a port."""

    def putrequest(self, method: str, url: str) -> str:
        """Begin."""
        return f"{method} {url}"

    def endheaders(self) -> None:
        """Fail as a connection does."""
        raise ConnectionRefusedError("nobody there")

    def getresponse(self) -> str:
        """Return a text."""
        return "a response"


class Module:
    """The odd release."""

    HTTPConnection = Connection


def test_a_hook_that_fails_is_dropped_with_one_event():
    """The project gets its results and its exceptions, and one event names the hook."""
    hooks = Hooks()
    events: list[str] = []
    hooks.report_to(lambda _, event, __: events.append(event))
    libraries = LibraryHooks(hooks)
    HttpClientCalls(hooks, ProjectLine(lambda _: True)).add_to(libraries)
    libraries._apply("http.client", Module)
    exchange = Exchange(None, "127.0.0.1", 8000, 0.0, "id")
    exchange.details = Details(b"")
    token = current.set(exchange)
    try:
        for _ in range(2):
            connection = Connection()
            assert connection.putrequest("GET", "/") == "GET /"
            with pytest.raises(ConnectionRefusedError):
                connection.endheaders()
            assert connection.getresponse() == "a response"
    finally:
        current.reset(token)
    assert events == ["hook.dropped"]
