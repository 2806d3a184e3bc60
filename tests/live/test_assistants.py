"""An assistant at a real appliance: the official client, over stdio and over HTTP."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.live.live_appliance import Appliance
from tests.live.official_client import official_client
from tests.thorough import THOROUGH, first

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


def over_http(appliance: Appliance) -> dict[str, Any]:
    """The server below the appliance's path, as the configuration that is printed names it."""
    printed = json.loads(appliance.command("mcp", "--print-config", "http").stdout)["mcpServers"]["appliance"]
    assert printed["type"] == "http"
    path = printed["url"].partition("://")[2].partition("/")[2]
    token = printed["headers"]["Authorization"].removeprefix("Bearer ")
    return {"url": f"http://127.0.0.1:{appliance.port}/{path}", "token": token}


@pytest.mark.parametrize(
    ("transport", "release"),
    first([(over_stdio, "mcp==2.3.0"), (over_http, "mcp==1.26.0")])
    + ([(over_stdio, "mcp==1.26.0"), (over_http, "mcp==2.3.0")] if THOROUGH else []),
)
def test_the_official_client_finds_an_error(
    start: Starting, project: Path, transport: Callable[[Appliance], dict[str, Any]], release: str
):
    """By the tools alone: an exception with the project's own line, a broken save, and that the next one is good."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    (project / ".env").write_text("API_KEY=sesame-opens\n", encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    with official_client(transport(appliance), release) as client:
        assert client.greeting["serverInfo"]["name"] == "wsgi-appliance"
        tools = {each["name"] for each in client.ask("tools/list")["tools"]}
        assert {"status", "last_errors", "wait_for_reload"} <= tools
        appliance.get("/order", **{"X-Key": "sesame-opens"})
        errors: list[dict[str, Any]] = []
        while not errors or errors[0]["request_number"] is None:  # until the recorder has begun
            errors = (client.ask("last_errors").get("structuredContent") or {}).get("errors", [])
            appliance.get("/")
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


def post(appliance: Appliance, **fields: str) -> tuple[int, bytes]:
    """The list of tools, asked for with these fields."""
    connection = HTTPConnection("127.0.0.1", appliance.port, timeout=30)
    usual = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    connection.request("POST", "/__appliance__/mcp", body, {**usual, **named})
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def test_a_client_without_the_token_gets_nothing(start: Starting, project: Path):
    """Without the token, with the pages' own, from another origin, or when it is off: no tool is listed."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    token = over_http(appliance)["token"]
    pages = next(each for each in appliance.events if each["event"] == "pages.started")["url"].partition("token=")[2]
    bearer = f"Bearer {token}"
    refused = [
        post(appliance),
        post(appliance, Authorization=f"Bearer {pages}"),
        post(appliance, Authorization=f"Basic {token}"),
        post(appliance, Cookie=f"appliance_token_{appliance.port}={pages}"),
        post(appliance, Authorization=bearer, Origin="https://evil.test"),
        post(appliance, Authorization=bearer, Origin="http://evil.test", Host="evil.test"),
    ]  # fmt: skip
    assert [status for status, _ in refused] == [401, 401, 401, 401, 403, 403]
    assert not [body for _, body in refused if b"last_errors" in body]
    assert appliance.get(f"/__appliance__/mcp?token={pages}")[0].status == 401
    status, body = post(appliance, Authorization=bearer)
    assert (status, b"last_errors" in body) == (200, True)
    appliance.get("/", Authorization=bearer, X_Printed=token)
    assert appliance.stop() == 0
    assert token not in json.dumps(appliance.events)
    again = start()
    again.wait_for("worker.ready")
    assert over_http(again)["token"] == token
    off = start(APPLIANCE_MCP="off")
    off.wait_for("worker.ready")
    assert post(off, Authorization=bearer)[0] == 404
    assert "APPLIANCE_MCP=read" in off.command("mcp", "--print-config", "http").stderr


def test_a_script_of_this_machine_gets_what_tools_tell_as_json(start: Starting, project: Path):
    """The same by GET as JSON, for a client of this machine; for another host there is nothing."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    assert json.loads(appliance.get("/__appliance__/status")[1])["state"] == "serving"
    told = json.loads(appliance.get("/__appliance__/tools/status")[1])
    assert (told["state"], told["project"]) == ("serving", str(project))
    assert appliance.get("/__appliance__/tools/nothing")[0].status == 404
    for path in ("status", "log", "stacks", "tools", "tools/status"):
        assert appliance.get(f"/__appliance__/{path}", Host="evil.test")[0].status == 403


@pytest.mark.whole
def test_a_client_outlives_the_appliance(start: Starting, project: Path):
    """While the appliance is killed and started again, each call has an answer, and the same client goes on."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    with official_client(over_stdio(appliance)) as client:
        assert client.call("status")["state"] == "serving"
        appliance.process.kill()
        appliance.process.wait()
        for tool in ("status", "list_requests", "wait_for_reload", "worker_stacks"):
            assert "No appliance answers" in client.ask(tool)["content"][0]["text"]
        again = start(APPLIANCE_STATUS_SOCKET=str(appliance.socket))
        again.wait_for("worker.ready")
        again.get("/order")
        while client.ask("last_errors").get("isError") or not client.call("last_errors")["errors"]:
            again.get("/")
        assert client.call("status")["generation"] == 1
