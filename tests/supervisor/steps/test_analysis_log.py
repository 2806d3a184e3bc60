"""The events of an analysis: each fact once, with its level, its fields and the action."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from appliance.config.env import Environment
from appliance.supervisor.steps.analysis import ROUTES_SHOWN, log_changes
from tests.supervisor.fakes import FakeLog


def found(**changes: Any) -> Any:
    """A result, as far as the log looks at it."""
    given = {"because": "", "passed_over": "", "hidden": (), "values": {}, "unserved": None, **changes}
    plan = SimpleNamespace(interpreter="3.13", because=given["because"], passed_over=given["passed_over"])
    return SimpleNamespace(
        project=SimpleNamespace(target=TARGET, unserved=given["unserved"]), plan=plan,
        environment=Environment(given["values"], {}, (), given["hidden"]),
    )  # fmt: skip


TARGET = SimpleNamespace(name="app:app", framework="flask", why="app.py")
FOUND = ("info", "project.found", {"application": "app:app", "framework": "flask", "why": "app.py"})


def logged(known: Any, now: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """The events of one analysis after another."""
    log: Any = FakeLog()
    log_changes(log, known, now)
    return list(log.events)


def unserved(number: int) -> Any:
    """An ASGI application with so many routes that nobody serves."""
    routes = tuple(f"/{each}" for each in range(number))
    return SimpleNamespace(routes=routes, application="app:api", action="Use an ASGI server.")


ROUTES = [f"/{each}" for each in range(ROUTES_SHOWN)]
CHANGES: list[tuple[dict[str, Any], tuple[str, str, dict[str, Any]]]] = [
    ({"because": "wheels"}, ("info", "interpreter.chosen", {"python": "3.13", "reason": "wheels"})),
    (
        {"passed_over": "3.7"},
        (
            "warning",
            "interpreter.substituted",
            {
                "python": "3.13",
                "action": "Change the project's pin of Python 3.7, or name a Python in APPLIANCE_PYTHON.",
            },
        ),
    ),
    (
        {"unserved": unserved(ROUTES_SHOWN + 2)},
        (
            "warning",
            "asgi.unserved",
            {"application": "app:api", "routes": ROUTES, "count": 22, "action": "Use an ASGI server."},
        ),
    ),
    (
        {"hidden": (("PATH", ".env"),)},
        (
            "warning",
            "environment.hidden",
            {
                "key": "PATH", "file": ".env",
                "action": "To use the file's value, remove PATH from the environment.",
            },
        ),
    ),
]  # fmt: skip


def test_an_application_is_logged_when_it_is_another():
    """The application is logged with the first analysis, and again when it is another one."""
    now = found()
    assert logged(None, now) == [FOUND]
    known = found()
    known.project.target = SimpleNamespace(name="wsgi:application", framework="flask", why="app.py")
    assert logged(known, now) == [FOUND]


@pytest.mark.parametrize(("change", "event"), CHANGES)
def test_a_fact_is_logged_when_it_is_new(change: dict[str, Any], event: tuple[str, str, dict[str, Any]]):
    """A fact is logged with the first analysis, when it appears, and not again; its end is not logged."""
    now = found(**change)
    assert logged(None, now) == [FOUND, event]
    assert logged(found(), now) == [event]
    assert logged(now, found(**change)) == []
    assert logged(now, found()) == []


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        ({"because": "wheels"}, {"because": "other wheels"}, "interpreter.chosen"),
        ({"passed_over": "3.7"}, {"passed_over": "3.6"}, "interpreter.substituted"),
        ({"unserved": unserved(1)}, {"unserved": unserved(2)}, "asgi.unserved"),
        ({"hidden": (("PATH", ".env"),)}, {"hidden": (("HOME", ".env"),)}, "environment.hidden"),
    ],
)
def test_a_fact_is_logged_when_it_is_another(one: dict[str, Any], other: dict[str, Any], name: str):
    """A fact that has become another one is logged as it is now."""
    ((_, event, _),) = logged(found(**one), found(**other))
    assert event == name


@pytest.mark.parametrize(
    ("key", "contained", "words"),
    [
        ("APPLIANCE_APP", True, "create the container again"),
        ("APPLIANCE_APP", False, "remove APPLIANCE_APP"),
        ("DEBUG", True, "remove DEBUG"),
    ],
)
def test_our_settings_come_from_the_containers_environment_if_there_is_one(key: str, contained: bool, words: str):
    """Settings come from the container's environment if there is one; others from the place where they are set."""
    values = {"APPLIANCE_IMAGE": "1"} if contained else {}
    now = found(hidden=((key, ".env"),), values=values)
    assert words in logged(found(values=values), now)[0][2]["action"]
