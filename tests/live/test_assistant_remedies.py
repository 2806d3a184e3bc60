"""An assistant runs a remedy of a real project: what it was shown, once, and only where that is allowed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.protocol.status_question import ask_supervisor
from tests.live.live_appliance import HELLO, Appliance
from tests.live.official_client import OfficialClient, official_client
from tests.live.remedy_projects import VARIABLE, write
from tests.live.test_assistants import over_stdio

Start = Callable[..., Appliance]


def remedy_of(client: OfficialClient) -> str:
    """The id of the remedy that sets the variable, once it is known."""
    while not (found := [each for each in client.call("list_remedies")["remedies"] if each["label"] == "Set GREETING"]):
        continue
    return str(found[0]["remedy"])


@pytest.mark.whole
def test_an_assistant_sets_a_missing_variable(start: Start, project: Path):
    """The change is shown as a diff, made once confirmed, and then the project is served."""
    write(project, app__py=VARIABLE + HELLO.format(word="mended"), __env__example="GREETING=hello there\n")
    write(project, __env="API_TOKEN=abcdefgh12345678\n")
    appliance = start(APPLIANCE_MCP="write")
    with official_client(over_stdio(appliance)) as client:
        remedy = remedy_of(client)
        assert client.call("last_errors")["broken_now"]["place"] == "app.py:3"
        attempt = client.call("status")["attempt"]
        shown = client.call("run_remedy", remedy=remedy)
        assert shown["ran"] is False
        assert "+GREETING=hello there" in shown["diff"]
        assert "abcdefgh" not in json.dumps(shown)
        assert (project / ".env").read_text() == "API_TOKEN=abcdefgh12345678\n"
        confirm = shown["next"].rpartition(" ")[2]
        done = client.call("run_remedy", remedy=remedy, confirm=confirm)
        assert (done["state"], done["reason"]) == ("done", "")
        assert client.call("wait_for_reload", after_attempt=attempt)["good"] is True
        assert client.ask("run_remedy", remedy=remedy, confirm=confirm)["isError"]
    assert "GREETING=hello there" in (project / ".env").read_text()
    assert appliance.get()[1] == b"mended"
    assert appliance.wait_for("remedy.asked")["remedy"] == "set-variable"


@pytest.mark.whole
def test_the_supervisor_refuses_where_assistants_only_read(start: Start, project: Path):
    """The tool is refused, and so is the question that the tool would ask."""
    write(project, app__py=VARIABLE + HELLO.format(word="mended"), __env__example="GREETING=hello there\n")
    appliance = start()
    with official_client(over_stdio(appliance)) as client:
        remedy = remedy_of(client)
        assert "APPLIANCE_MCP=write" in client.ask("run_remedy", remedy=remedy)["content"][0]["text"]
    known = ask_supervisor(str(appliance.socket), "remedies")["remedies"]
    shown = next(each["shown"] for each in known if each["id"] == remedy)
    asked = json.dumps({"remedy": remedy, "shown": shown})
    for question in (f"run-remedy {asked}", f"cancel-remedy {asked}", "run-remedy", "run-remedy []", "run-remedy {"):
        assert ask_supervisor(str(appliance.socket), question)["error"].startswith(
            "APPLIANCE_MCP is not write. Ask the person"
        )
    assert not (project / ".env").exists()
