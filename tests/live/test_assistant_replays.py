"""An assistant sends a recorded request again, at a real appliance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance
from tests.live.official_client import official_client
from tests.live.test_assistants import over_http, over_stdio

pytestmark = pytest.mark.whole

Starting = Callable[..., Appliance]
APP = """
sold = []
def app(environ, start_response):
    if environ["REQUEST_METHOD"] == "POST":
        sold.append(environ["wsgi.input"].read())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one book for %s, %d sold" % (environ["QUERY_STRING"].encode() or b"nobody", len(sold))]
"""


def test_an_assistant_sends_a_request_again(start: Starting, project: Path):
    """After a save, the difference is reported; an edit is sent; a POST is sent only once it is confirmed."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    appliance = start(APPLIANCE_MCP="write")
    appliance.wait_for("worker.ready")
    with official_client(over_http(appliance)) as client:
        while client.ask("list_requests").get("isError") or not client.call("list_requests")["requests"]:
            appliance.get("/?ann")
        number = client.call("list_requests", q="ann")["requests"][0]["number"]
        assert client.call("replay_request", number=number)["same"] is True
        attempt = client.call("status")["attempt"]
        appliance.edit("app.py", APP.replace("one book", "two books"))
        assert client.call("wait_for_reload", after_attempt=attempt)["good"] is True
        changed = client.call("replay_request", number=number)
        assert changed["same"] is False
        assert "two books for ann" in str(changed["differences"])
        assert client.call("get_request", number=changed["request_number"])["generation"] == 2
        edited = client.call("replay_request", number=number, target="/?bob")
        assert "two books for bob" in str(edited["after"])
        asked = client.call("replay_request", number=number, method="POST", body="x")
        assert asked["sent"] is False
        assert "POST may change data" in asked["next"]
        assert "0 sold" in str(client.call("replay_request", number=number)["after"])
        sent = client.call("replay_request", number=number, method="POST", body="x" * 5000, confirm=True)
        assert "1 sold" in str(sent["after"])
        assert "not kept" in client.ask("replay_request", number=99_999)["content"][0]["text"]


def test_nothing_is_sent_where_assistants_only_read(start: Starting, project: Path):
    """Sending a request again runs the project's code: that needs the setting."""
    appliance = start()
    appliance.wait_for("worker.ready")
    with official_client(over_stdio(appliance)) as client:
        assert "replay_request" not in {each["name"] for each in client.ask("tools/list")["tools"]}
        assert "APPLIANCE_MCP=write" in client.ask("replay_request", number=1)["content"][0]["text"]
