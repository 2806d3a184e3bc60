"""The table of events: every name in the code is in it, and the documentation is made of it."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.conventions import LOG_LEVELS
from appliance.logs.events import EVENTS
from appliance.logs.log import make_log
from appliance.logs.project_output.output_lines import OutputLine
from appliance.logs.render.log_fields import ALWAYS, FIELDS, WITH_LINES
from tests.parsed_files import nodes
from tools import log_events

ROOT = Path(__file__).parents[2]
BAD = {"warning", "error"}
# The warnings and errors without an action, and why each has none.
WITHOUT_ACTION = {
    "django.checked": "each issue has Django's own hint",
    "output": "the project's own words",
    "project.logged": "the project's own words",
    "request.logged": "the project's own words",
    "request.finished": "the status is the application's; application.failed has the action",
    "request.refused": "the reason is what the client must change",
    "request.aborted": "the client left, or an event of the worker has the action",
    "worker.restarting": "the event before it, of the worker that ended, has the action",
    "worker.stacks": "somebody asked for it",
}


def modules():
    """Every module of the package but the table itself."""
    return [path for path in sorted((ROOT / "appliance").rglob("*.py")) if path.name != "events.py"]


def said():
    """Yield the place, name and written fields of each event in the code."""
    for path in modules():
        for node in nodes(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.endswith("event"):
                words = [word.value for word in node.args if isinstance(word, ast.Constant)]
                if len(words) >= 2 and words[0] in LOG_LEVELS:
                    yield path, words[1], {keyword.arg for keyword in node.keywords if keyword.arg}
            elif isinstance(node, ast.ClassDef) and path.name == "errors.py":
                values = [line.value for line in node.body if isinstance(line, ast.Assign | ast.AnnAssign)]
                names = [value.value for value in values if isinstance(value, ast.Constant)]
                yield from ((path, name, set()) for name in names if isinstance(name, str))


def test_every_event_in_the_code_is_in_the_table():
    """A name that the code gives an event is in the table, and so are the fields that it is given there."""
    found = list(said())
    assert len(found) > 10
    for path, name, fields in found:
        assert name in EVENTS, f"{path} says {name}, which is not in appliance/logs/events.py"
        more = fields - {"role", "generation", "at"} - set(EVENTS[name].fields)
        assert not more, f"{path} gives {name} the fields {more}, which are not in appliance/logs/events.py"


def test_every_event_of_the_table_is_in_the_code():
    """A name in the table is logged somewhere: the documentation promises nothing that never happens."""
    words = {
        node.value
        for path in modules()
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(EVENTS) - words == set()


@pytest.mark.parametrize("name", EVENTS)
def test_each_event_has_a_complete_row(name):
    """A row has a dotted name, levels that exist, a sentence, fields that are explained, and somebody who says it."""
    event = EVENTS[name]
    assert re.fullmatch(r"output|[a-z]+\.[a-z]+", name)
    assert set(event.level.split(", ")) <= set(LOG_LEVELS)
    assert event.meaning.endswith(".")
    assert set(event.fields) <= set(FIELDS)
    assert event.by <= {"supervisor", "worker"}
    assert event.by


def test_each_warning_and_error_says_what_to_do():
    """An event that is a warning or an error has an action, unless there is a reason why it has none."""
    silent = {
        name for name, event in EVENTS.items() if set(event.level.split(", ")) & BAD and "action" not in event.fields
    }
    assert silent == set(WITHOUT_ACTION)
    assert [name for name, event in EVENTS.items() if event.action and "action" not in event.fields] == []


def test_each_action_is_given_in_one_place():
    """An action that the table has is not written in the code too."""
    in_code = {name for _, name, fields in said() if "action" in fields}
    assert [name for name in in_code if EVENTS[name].action] == []


def test_the_log_adds_the_action_of_the_table():
    """A warning has the action of the table, an event below has none, and an action of the event itself is kept."""
    lines: list[bytes] = []
    log = make_log(lines.append, level="debug", access="on")
    log.records([("event", 0.0, "error", "accept.failed", {"reason": "no descriptors"})], role="worker", generation=1)
    log.event("debug", "worker.exited", pid=1, how="exit status 0")
    log.event("warning", "accept.failed", reason="no descriptors", action="close some")
    assert [json.loads(line).get("action") for line in lines] == [EVENTS["accept.failed"].action, None, "close some"]


def test_no_field_is_explained_without_use():
    """Each explained field is one of some event's, and none has a name that every line opens with."""
    assert {field for event in EVENTS.values() for field in event.fields} == set(FIELDS)
    assert not set(FIELDS) & set(ALWAYS)


def test_what_a_client_sent_has_no_lines():
    """No field of a request keeps its newlines."""
    assert not WITH_LINES & set(EVENTS["request.finished"].fields)


def test_the_documentation_is_the_tables():
    """docs/log-events.md is what the tables make; python -m tools.log_events makes it again."""
    assert log_events.PAGE.read_text(encoding="utf-8") == log_events.page()


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize("recipe", log_events.RECIPES.values(), ids=list(log_events.RECIPES))
def test_each_jq_recipe_finds_its_events(recipe):
    """Each recipe for jq finds something in a log, and leaves the rest."""
    lines: list[bytes] = []
    log = make_log(lines.append, level="info", access="on")
    log.event("info", "appliance.stopped")
    status: dict[str, Any] = {"http.response.status_code": 503, "url.path": "/\x1b"}
    for took in range(20):
        log.event("error", "request.finished", duration_s=took, request_id="1a2b" if took == 3 else "other", **status)
    log.event("error", "application.failed", traceback="one\ntwo \x1b")
    log.output([OutputLine(b"hi\x1b")], stream="stdout", role="worker", generation=1, pid=1)
    log.output([OutputLine(b'{"a": 1}')], stream="stdout", role="worker", generation=1, pid=1)
    done = subprocess.run(["sh", "-c", recipe], input=b"".join(lines), capture_output=True, check=True, timeout=30)
    found = done.stdout.decode().splitlines()
    assert 0 < len(found) <= 20
    assert "\x1b" not in done.stdout.decode()


def test_each_byte_that_is_printed_makes_a_whole_json_line():
    """For any byte that a process prints, its line is one JSON object, and no line is broken by it."""
    lines: list[bytes] = []
    log = make_log(lines.append, level="info", access="on")
    for byte in range(256):
        log.output([OutputLine(bytes([byte]))], stream="stdout", role="worker", generation=1, pid=1)
    assert [json.loads(line)["event"] for line in b"".join(lines).split(b"\n")[:-1]] == ["output"] * 256
