"""The log of the server as a library: lines on stdout, whatever the program does with stdout and structlog."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time

import pytest
import structlog

from appliance.logs.library_log import library_logger
from appliance.logs.log import make_log


def test_structlog_is_left_to_the_project():
    """Making and using our log leaves structlog's own configuration as it was."""
    before = structlog.get_config(), structlog.is_configured()
    make_log(lambda _: None, level="info", access="on").event("info", "appliance.stopped")
    library_logger().info("request.finished")
    assert (structlog.get_config(), structlog.is_configured()) == before


def test_a_projects_structlog_configuration_does_not_change_our_lines(capsys):
    """A project's own structlog configuration has no say in what our lines look like."""
    structlog.configure(processors=[lambda *_: pytest.fail("ours went through the project's processors")])
    try:
        library_logger().warning("request.refused", reason="x")
    finally:
        structlog.reset_defaults()
    assert json.loads(capsys.readouterr().out)["reason"] == "x"


def test_the_library_writes_json_to_stdout(capsys):
    """As a library, each event is one JSON line on sys.stdout, whatever that is at the time."""
    logger = library_logger()
    logger.info("request.finished", **{"url.path": "/\x1b\udcff", "http.response.status_code": 200})
    logger.bind(request_id="r").error("application.failed")
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["level"], first["event"], first["role"], first["url.path"]) == (
        "info",
        "request.finished",
        "library",
        "/\\x1b\\udcff",
    )
    assert (second["level"], second["request_id"]) == ("error", "r")
    assert (
        abs(time.time() - time.mktime(time.strptime(first["timestamp"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone) < 60
    )


def test_the_library_writes_for_people_on_a_terminal(monkeypatch):
    """As a library on a terminal, lines are for people, without colour where NO_COLOR asks for none."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for no_colour, escapes in (("1", False), ("", True)):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setenv("NO_COLOR", no_colour)
        library_logger().info("request.finished", **{"http.request.method": "GET", "url.path": "/x", "duration_s": 0.1})
        assert "/x" in terminal.getvalue()
        assert ("\x1b" in terminal.getvalue()) is escapes


def test_json_is_utf_8_whatever_stdouts_encoding_is():
    """As a library, text of every language is written as UTF-8 JSON also where stdout has another encoding."""
    program = (
        "from appliance.logs.library_log import library_logger; library_logger().info('output', text='日本 \\u2713')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": "."},
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert json.loads(done.stdout)["text"] == "日本 ✓"
