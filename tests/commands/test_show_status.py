"""The status for people: what is wrong comes first, and numbers have the right nouns."""

from typing import Any

import pytest

from appliance.commands.show_status import describe

STATUS: dict[str, Any] = {
    "health": "healthy",
    "state": "serving",
    "generation": 2,
    "url": "http://localhost:8000",
    "project": "/w",
    "application": {"name": "app:app", "framework": "Flask"},
    "uptime_s": 3.0,
    "processes": [
        {"role": "standin", "pid": 7, "generation": 0, "state": "ready", "age_s": 2.0},
        {"role": "installer", "pid": 8, "generation": 1, "state": "running", "age_s": 1.0},
        {"role": "preloader", "pid": 0, "generation": 0, "state": "starting", "age_s": 1.0},
    ],
    "watching": {"how": "events", "count": 1, "folders": 1},
}
ERROR = {"title": "SyntaxError: x", "file": "/w/app.py", "line": 3, "lead": "lead", "action": "act", "details": "more"}


def test_facts_are_sentences():
    """The state is a sentence, each process has the time in its state, and one file is called a file."""
    lines = describe(STATUS).splitlines()
    assert lines[0] == "healthy: serving the project (generation 2)"
    assert "stand-in     ready for 2.00 s, pid 7" in lines
    assert "installer    running for 1.00 s, pid 8, generation 1" in lines
    assert "preloader    starting for 1.00 s" in lines  # its number is not known yet
    assert "watching     by events, 1 file in 1 folder" in lines


@pytest.mark.parametrize("state", ["analysing", "installing", "preparing", "booting", "broken", "stopping"])
def test_each_state_has_words(state):
    """No state is shown as its bare name."""
    assert describe({**STATUS, "state": state}).splitlines()[0] != f"healthy: {state} (generation 2)"


def test_what_is_wrong_comes_first():
    """An error stands above the facts, an earlier one below them."""
    broken = describe({**STATUS, "health": "unhealthy", "state": "broken", "error": ERROR})
    assert broken.index("/w/app.py:3") < broken.index("url ")
    fixed = describe({**STATUS, "last_error": {**ERROR, "at": "now"}})
    assert fixed.index("/w/app.py:3") > fixed.index("url ")
    assert "act" not in fixed
