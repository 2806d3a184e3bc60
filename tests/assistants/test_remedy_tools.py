"""The tools of remedies: shown first, then run as shown."""

from __future__ import annotations

from typing import Any

import pytest

from tests.assistants.conftest import Site

MIGRATE: dict[str, Any] = {
    "id": "a" * 32, "kind": "django-migrate", "label": "Apply the migrations", "why": "A table is missing.",
    "command": "python manage.py migrate", "diff": "", "runs": True, "shown": "d" * 32,
}  # fmt: skip
RUN: dict[str, Any] = {"state": "done", "reason": "", "lines": ["Applying shop.0001 ... OK"]}


@pytest.fixture
def broken(site: Site) -> Site:
    """A failure with a remedy, which an assistant may run."""
    site.mode = "write"
    site.remedies = [MIGRATE]
    return site


def test_a_remedy_is_shown_before_it_is_run(broken: Site):
    """Without the value of what was shown, with another one, or for another remedy, nothing is run."""
    shown = broken.call("run_remedy", remedy=MIGRATE["id"])
    assert (shown["ran"], shown["command"]) == (False, "python manage.py migrate")
    assert shown["next"].endswith(f"confirm: {MIGRATE['shown']}")
    changed = broken.call("run_remedy", remedy=MIGRATE["id"], confirm="e" * 32)
    assert changed["next"].startswith("What it does has changed")
    assert "No such remedy" in broken.error("run_remedy", remedy="b" * 32, confirm="d" * 32)
    assert broken.asked == []


def test_a_confirmed_remedy_is_run(broken: Site):
    """With the value, it is run, and its output and end are the answer."""
    broken.runs = {MIGRATE["id"]: RUN}
    done = broken.call("run_remedy", remedy=MIGRATE["id"], confirm=MIGRATE["shown"])
    assert (done["ran"], done["state"], done["output"]) == (True, "done", "Applying shop.0001 ... OK")
    assert broken.asked == [{"remedy": MIGRATE["id"], "shown": MIGRATE["shown"]}]
    broken.runs = {MIGRATE["id"]: {"state": "refused", "reason": "another remedy runs", "lines": []}}
    assert broken.call("run_remedy", remedy=MIGRATE["id"], confirm=MIGRATE["shown"])["ran"] is False


def test_a_long_run_is_waited_for_in_part(broken: Site):
    """A run that goes on beyond the time is reported as running; it can be ended."""
    broken.runs = {MIGRATE["id"]: {**RUN, "state": "running"}}
    told = broken.call("run_remedy", remedy=MIGRATE["id"], confirm=MIGRATE["shown"], timeout_s=1)
    assert (told["state"], told["next"]) == ("running", "It still runs: list_remedies tells its end.")
    assert broken.call("cancel_remedy", remedy=MIGRATE["id"])["state"] == "running"
    assert broken.asked[-1] == {"remedy": MIGRATE["id"], "end": True}


def test_what_only_a_person_can_run(broken: Site):
    """A command for the host is shown, and not run."""
    broken.remedies = [{**MIGRATE, "runs": False, "command": "docker compose up -d db"}]
    assert "docker compose up -d db" in broken.error("run_remedy", remedy=MIGRATE["id"], confirm=MIGRATE["shown"])
    assert broken.call("list_remedies")["remedies"][0]["runs_here"].startswith("no")
    assert broken.asked == []


def test_remedies_need_the_setting(broken: Site):
    """If assistants may only read, the writing tools are neither listed nor run; the list of remedies is shown."""
    assert len(broken.ask("tools/list")["result"]["tools"]) == 13
    broken.mode = "read"
    assert len(broken.ask("tools/list")["result"]["tools"]) == 10
    for tool in ("run_remedy", "cancel_remedy"):
        assert "APPLIANCE_MCP=write" in broken.error(tool, remedy=MIGRATE["id"], confirm=MIGRATE["shown"])
    assert broken.asked == []
    assert broken.call("list_remedies")["remedies"][0]["label"] == "Apply the migrations"
    broken.remedies = []
    assert "No remedy is known" in broken.call("list_remedies")["note"]
