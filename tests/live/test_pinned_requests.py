"""Pinned requests of a real appliance: they run after each save, and the difference is logged and shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live.desk_client import asked, newest, pins_as_they_come, posted
from tests.live.live_appliance import Appliance

Starting = Callable[..., Appliance]
APP = """
import itertools, json, time
word = "one"
count = itertools.count()
def app(environ, start_response):
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/json"), ("X-Count", str(next(count)))])
    size = len(environ.get("HTTP_AUTHORIZATION", ""))
    return [json.dumps({"word": word, "at": time.time_ns(), "size": size}).encode()]
"""


@pytest.fixture
def appliance(start: Starting, project: Path) -> Appliance:
    """An appliance whose project answers with something else each time."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    made = start()
    made.wait_for("worker.ready")
    return made


def pinned(appliance: Appliance, path: str, **fields: str) -> dict[str, Any]:
    """Send a request, and pin it; wait for its first run."""
    appliance.get(path, **fields)
    number = newest(appliance, path)
    value = asked(appliance, "pins")["page_value"]
    with pins_as_they_come(appliance) as pins:
        status, pin = posted(appliance, f"requests/{number}/pin", {"page_value": value})
        assert status == 200, pin
        return next(each for each in pins if each["pin"] == pin["pin"])


def test_a_pinned_request_runs_after_each_save(appliance: Appliance):
    """Only the difference is reported: not the time of day, and nothing if the save has changed nothing."""
    pin = pinned(appliance, "/a", Authorization="Bearer abc")
    assert (pin["state"], pin["generation"]) == ("first", 1)
    with pins_as_they_come(appliance) as told:
        appliance.edit("app.py", APP.replace('"one"', '"two"'))
        changed = next(told)
        assert (changed["state"], changed["generation"]) == ("changed", 2)
        assert [(each["path"], each["before"], each["after"]) for each in changed["differences"]] == [
            ("$.word", '"one"', '"two"')
        ]
        event = appliance.wait_for("replay.changed")
        assert (event["pin"], event["url.path"], event["of_generation"], event["count"]) == (pin["pin"], "/a", 2, 1)
        assert event["differences"] == ['content $.word: "one" -> "two"']
        appliance.edit("app.py", APP.replace('"one"', '"two"') + "# only a comment\n")
        same = next(told)
        assert (same["state"], same["differences"], same["generation"]) == ("same", [], 3)
        appliance.edit("app.py", APP + "(")
        broken = next(told)
        assert (broken["state"], broken["reason"]) == ("not run", "the project does not start")
        appliance.edit("app.py", APP.replace('"one"', '"six"'))
        assert next(told)["differences"][0]["after"] == '"six"'
    assert "Bearer abc" not in json.dumps(asked(appliance, "pins"))


def test_pins_outlive_a_restart(start: Starting, appliance: Appliance, cache: Path):
    """After a restart a pin runs from its masked record, says what is left out, and nothing masked is on the disk."""
    pinned(appliance, "/a", Authorization="Bearer t0psecret")
    assert appliance.stop() == 0
    stored = b"".join(each.read_bytes() for each in cache.rglob("desk/*") if each.is_file())
    assert b"t0psecret" not in stored
    again = start()
    again.wait_for("worker.ready")
    with pins_as_they_come(again) as pins:
        found = asked(again, "pins").get("pins") or [{"state": "running"}]  # the recorder may not run yet
        (pin,) = found if found[0]["state"] != "running" else [next(pins)]
    assert (pin["state"], pin["left_out"]) == ("first", ["Authorization"])
    value = {"page_value": asked(again, "pins")["page_value"]}
    assert posted(again, f"pins/{pin['pin']}/unpin", value)[0] == 200
    assert asked(again, "pins")["pins"] == []


def test_a_burst_of_saves_runs_the_last_one(appliance: Appliance):
    """The last of ten saves in a row is run, and few before it; a run is not a pin."""
    pin = pinned(appliance, "/a")
    with pins_as_they_come(appliance) as told:
        for number in range(10):
            appliance.edit("app.py", APP.replace('"one"', f'"word {number}"'))
        for each in told:
            if each["pin"] == pin["pin"] and each["differences"] and each["differences"][0]["after"] == '"word 9"':
                break
    newest(appliance, "/a", 2)
    found = asked(appliance, "requests?limit=500")["requests"]
    runs = [each for each in found if each["replay_of"] == pin["request"]]
    assert 0 < len(runs) < 20
    assert {each["path"] for each in runs} == {"/a"}
    assert len(asked(appliance, "pins")["pins"]) == 1
