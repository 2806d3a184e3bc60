"""An assistant at a real appliance: the official client, over stdio."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live.live_appliance import Appliance
from tests.live.official_client import official_client

Starting = Callable[..., Appliance]
APP = """
import os
import time

def price(order):
    return 10 / order["count"]

def app(environ, start_response):
    print("asked for", environ["PATH_INFO"], environ.get("HTTP_X_KEY", ""))
    if environ["PATH_INFO"] == "/order":
        price({"count": 0})
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one"]
"""


def over_stdio(appliance: Appliance) -> dict[str, Any]:
    """The server that ``docker compose exec -T app appliance mcp`` starts."""
    return {"command": sys.executable, "args": ["-I", "-m", "appliance", "mcp"], "env": appliance.environment}


@pytest.mark.parametrize("release", ["mcp==2.3.0", "mcp==1.26.0"])
def test_the_official_client_finds_an_error(start: Starting, project: Path, release: str):
    """By the tools alone: an exception with the project's own line, a broken save, and that the next one is good."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    (project / ".env").write_text("API_KEY=sesame-opens\n", encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    with official_client(over_stdio(appliance), release) as client:
        assert client.greeting["serverInfo"]["name"] == "wsgi-appliance"
        tools = {each["name"] for each in client.ask("tools/list")["tools"]}
        assert {"status", "last_errors", "wait_for_reload"} <= tools
        appliance.get("/order", **{"X-Key": "sesame-opens"})
        while not (errors := client.ask("last_errors").get("structuredContent", {}).get("errors")):
            appliance.get("/")  # until the recorder has begun
        assert errors[0]["place"] == "app.py:6"
        assert [each["function"] for each in errors[0]["own_frames"]] == ["app", "price"]
        printed = client.call("get_log", request=errors[0]["request_number"])["log"][0]["text"]
        assert printed == "asked for /order ********"
        attempt = client.call("status")["attempt"]
        appliance.edit("app.py", APP.replace("def app(", "def app((", 1))
        broken = client.call("wait_for_reload", after_attempt=attempt)
        assert (broken["good"], broken["error"]["place"]) == (False, "app.py:8")
        appliance.edit("app.py", APP.replace("10 / order", "10 // order"))
        assert client.call("wait_for_reload", after_attempt=broken["attempt"])["good"] is True
        assert [each["good"] for each in client.call("reload_history")["reloads"]][:2] == [True, False]
        assert client.ask("get_request", number=0)["isError"]
    assert appliance.stop() == 0


def test_assistants_can_be_turned_off(start: Starting, project: Path):
    """With APPLIANCE_MCP=off the command says so, and ends."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    appliance = start(APPLIANCE_MCP="off")
    appliance.wait_for("worker.ready")
    done = appliance.command("mcp")
    assert (done.returncode, done.stdout) == (2, "")
    assert "APPLIANCE_MCP=read" in done.stderr
