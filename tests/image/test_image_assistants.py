"""An assistant in front of a container: over stdio by ``docker compose exec -T``, and over HTTP with the token."""

import json
import subprocess

import pytest

pytestmark = pytest.mark.usefixtures("image")

# The attempts of another container on the network, with and without the token.
NEIGHBOUR = """
import json, sys, urllib.error, urllib.request
found = []
for fields in ({}, {"Authorization": "Bearer " + "x" * 43}, {"Authorization": "Bearer " + sys.argv[1]}):
    asked = urllib.request.Request(
        "http://app:8000/__appliance__/mcp", data=b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}',
        headers={"Content-Type": "application/json", "Accept": "application/json, text/event-stream", **fields},
    )
    try:
        found.append([200, len(json.load(urllib.request.urlopen(asked, timeout=20))["result"]["tools"])])
    except urllib.error.HTTPError as error:
        found.append([error.code, 0])
print(json.dumps(found))
"""


def test_an_assistant_reaches_a_container(compose, project):
    """The command of the documentation serves an assistant; another container needs the token that it prints."""
    compose.environment["PROJECT_DIR"] = str(project("shadowing"))  # which installs nothing
    compose("up", "--wait")
    app = compose.container()
    app.get("/")
    said = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18"}},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "status"}},
    ]
    lines = "".join(json.dumps(each) + "\n" for each in said)
    served = subprocess.run(
        ["docker", "exec", "-i", app.name, "appliance", "mcp"],
        input=lines, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    answers = {each["id"]: each["result"] for each in map(json.loads, served.stdout.splitlines())}
    assert answers[1]["serverInfo"]["name"] == "wsgi-appliance"
    assert answers[2]["structuredContent"]["project"] == "/workspace"
    printed = json.loads(compose("exec", "-T", "app", "appliance", "mcp", "--print-config", "http").stdout)
    token = printed["mcpServers"]["appliance"]["headers"]["Authorization"].removeprefix("Bearer ")
    neighbour = compose("run", "--rm", "--no-deps", "--entrypoint", "python", "app", "-c", NEIGHBOUR, token).stdout
    assert json.loads(neighbour.splitlines()[-1]) == [[401, 0], [401, 0], [200, 10]]
    assert app.events("pages.refused")[0]["reason"] == "the request has no token"
    assert token not in "".join(app.lines())
