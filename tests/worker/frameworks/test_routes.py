"""Routes: what a framework knows of a path is recorded with its request, and nothing is asked of others."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from appliance.server.wsgi.access_log.exchange import Exchange, current
from appliance.worker.frameworks.routes import report_routes
from appliance.worker.hooks import Hooks


@pytest.fixture
def exchange():
    """A request that runs."""
    running = Exchange(None, "", 0, 0.0, "id")
    token = current.set(running)
    yield running
    current.reset(token)


def test_an_application_of_no_framework_is_itself(monkeypatch):
    """If no framework that reports routes is loaded, the application is called directly."""
    for name in ("flask.ctx", "bottle", "django.core.handlers.base"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert report_routes(print, Hooks()) is print


@pytest.mark.parametrize(("left", "route"), [({"bottle.route": SimpleNamespace(rule="/b/<n>")}, "/b/<n>"), ({}, None)])
def test_bottles_rule_is_found_in_the_environ(monkeypatch, exchange, left, route):
    """Bottle's rule is found in the environ once the application has returned or raised."""
    monkeypatch.setitem(sys.modules, "bottle", ModuleType("bottle"))

    def application(environ, start_response):
        environ.update(left)
        raise ValueError

    with pytest.raises(ValueError):
        report_routes(application, Hooks())({}, None)
    assert exchange.route == route


@pytest.mark.parametrize("name", ["RequestContext", "AppContext"])
@pytest.mark.parametrize(("rule", "route"), [(SimpleNamespace(rule="/notes/<int:n>"), "/notes/<int:n>"), (None, None)])
def test_flasks_rule_is_recorded_where_it_has_matched(monkeypatch, exchange, name, rule, route):
    """Flask's rule is recorded if its context has matched it; a path without a rule records nothing."""

    class Context:
        def match_request(self):
            self.request = SimpleNamespace(url_rule=rule)

    module = ModuleType("flask.ctx")
    setattr(module, name, Context)
    monkeypatch.setitem(sys.modules, "flask.ctx", module)
    report_routes(print, Hooks())
    Context().match_request()
    assert exchange.route == route


@pytest.mark.parametrize(
    ("django", "route"), [("books/<int:pk>/", "/books/<int:pk>/"), ("^old/$", "^old/$"), ("", "/")]
)
def test_djangos_pattern_is_recorded_as_a_path(monkeypatch, exchange, django, route):
    """Django's pattern is recorded as a path if it is one."""

    class BaseHandler:
        def resolve_request(self, request):
            return SimpleNamespace(route=django)

    module = ModuleType("django.core.handlers.base")
    module.BaseHandler = BaseHandler  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "django.core.handlers.base", module)
    report_routes(print, Hooks())
    assert BaseHandler().resolve_request("request").route == django
    assert exchange.route == route
