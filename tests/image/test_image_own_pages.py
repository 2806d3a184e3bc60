"""The appliance's own pages in a container: for the host that publishes its port, and for no other container."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("image")

# The attempts of another container on the network, with every host that it can name.
NEIGHBOUR = """
import json, sys, urllib.error, urllib.request
found = {}
for host in ("app:8000", "localhost:8000", "127.0.0.1:8000"):
    asked = urllib.request.Request("http://app:8000/__appliance__/client.js", headers={"Host": host})
    try:
        found[host] = urllib.request.urlopen(asked, timeout=20).status
    except urllib.error.HTTPError as error:
        found[host] = error.code
print(json.dumps(found))
"""


def test_the_host_alone_sees_own_pages(compose, project):
    """A browser on the host sees them, and Server-Timing, by the port that compose publishes; no other container."""
    compose.environment["PROJECT_DIR"] = str(project("shadowing"))  # which installs nothing
    compose("up", "--wait")
    app = compose.container()
    assert app.get("/__appliance__/client.js").status == 200
    assert app.get("/__appliance__/client.js", Host="evil.test").status == 403
    browser = {"Sec-Fetch-Mode": "navigate"}
    assert app.get("/", **browser).headers["Server-Timing"].startswith("queue;dur=")
    assert "Server-Timing" not in app.get("/").headers
    neighbour = json.loads(
        compose("run", "--rm", "--no-deps", "--entrypoint", "python", "app", "-c", NEIGHBOUR).stdout.splitlines()[-1]
    )
    assert set(neighbour.values()) == {403}
    assert app.events("pages.refused")[0]["client.address"].count(".") == 3
