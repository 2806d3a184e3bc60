"""The closed table of remedies, against a worker that may say anything."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.protocol.remedy_kinds import NEEDS_MAX, ROWS, all_checked, checked, label_of, remedies_of, remedy_id

GOOD: dict[str, dict[str, str]] = {
    "django-migrate": {"manage": "src/manage.py"},
    "flask-migrate": {},
    "alembic-upgrade": {},
    "flask-command": {"command": "init-db"},
    "add-dependency": {"packages": "flask[async]>=3 python-dotenv"},
    "reinstall": {"package": "flask"},
    "set-variable": {"name": "DB_HOST"},
    "make-secret": {"name": "SECRET_KEY"},
    "copy-example": {"file": ".env", "example": ".env.example"},
    "add-host": {"host": "shop.test"},
    "make-folder": {"folder": "instance"},
    "use-service": {"port": "5432"},
    "start-service": {"host": "db"},
    "use-version": {"file": "requirements.txt", "package": "flask", "version": "3.1.2"},
    "use-instead": {"file": "requirements.txt", "package": "psycopg2", "instead": "psycopg2-binary"},
    "serve-application": {"application": "shop.wsgi:create_app()"},
    "run-again": {"step": "installation"},
    "use-python": {"version": "3.11"},
}


PATHS = {"make-folder", "django-migrate", "copy-example", "use-version", "use-instead"}


@pytest.mark.parametrize("kind", ROWS)
def test_each_row_takes_its_own_parameters(kind: str):
    """Each row takes its own parameters, drops others, and has a label and a meaning."""
    need = {"kind": kind, **GOOD[kind]}
    assert checked({**need, "command": "id", "shell": True} if kind != "flask-command" else need) == need
    assert "{" not in label_of(need)
    assert ROWS[kind].meaning.endswith(".")


@pytest.mark.parametrize("kind", [kind for kind in ROWS if GOOD[kind]])
@pytest.mark.parametrize(
    "value", ["", "a\0b", "x" * 600, "a\nb", 1, None, ["a"], {"a": 1}, "../../x", "/x", "$(id)", "`id`\r"]
)
def test_malformed_values_fit_no_row(kind: str, value: Any):
    """A value of another type, too long, with control characters or a way out of the project fits no row."""
    name = next(iter(GOOD[kind]))
    found = checked({"kind": kind, **GOOD[kind], name: value})
    assert found is None or (kind in PATHS and value == "$(id)")


@pytest.mark.parametrize(
    "need", [None, [], "x", {}, {"kind": 1}, {"kind": "sh"}, {"kind": "createsuperuser"}, {"kind": ["a"]}]
)
def test_anything_else_is_not_a_need(need: Any):
    """Any other value is not a need."""
    assert checked(need) is None


def test_only_the_first_few_of_a_long_list_count():
    """The first few of a long list count; a value that is not a list has none."""
    needs = [{"kind": "add-host", "host": f"shop{number}.test"} for number in range(50)]
    assert all_checked(needs) == needs[:NEEDS_MAX]
    assert all_checked({"kind": "flask-migrate"}) == []
    assert all_checked(None) == []


def test_equal_needs_count_once():
    """Equal needs, and those that fit no row, take no place; of a list without end the rest is not read."""
    again, host = {"kind": "use-python", "version": "3.11"}, {"kind": "add-host", "host": "a"}
    assert all_checked([again, {**again, "more": "x"}, {"kind": "sh"}, again, host]) == [again, host]
    assert all_checked([again] * 50 + [host]) == [again]


def test_each_remedy_has_its_own_id():
    """An id stands for a generation, a kind and its parameters: another one of these has another id."""
    need = {"kind": "add-host", "host": "a"}
    ids = {remedy_id("1", need), remedy_id("2", need), remedy_id("1", {**need, "host": "b"})}
    assert len(ids) == 3
    assert remedy_id("1", {"host": "a", "kind": "add-host"}) == remedy_id("1", need)
    assert remedies_of("1", [need]) == [{"id": remedy_id("1", need), "kind": "add-host", "label": "Allow the host a"}]
