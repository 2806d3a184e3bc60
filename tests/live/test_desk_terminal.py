"""The desk in a terminal: a recorded request is sent again, and its difference shown. And what says that it fails."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

from tests.live.desk_client import asked, newest
from tests.live.live_appliance import Appliance

Starting = Callable[..., Appliance]
APP = """
word = "one"
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [word.encode() + environ["wsgi.input"].read()]
"""


def post(appliance: Appliance, path: str) -> None:
    """Send a form."""
    connection = HTTPConnection("127.0.0.1", appliance.port, timeout=30)
    connection.request("POST", path, "?")
    connection.getresponse().read()
    connection.close()


def test_a_request_is_sent_again_from_a_terminal(start: Starting, project: Path):
    """The exit code says whether the response differs; a method that is not safe needs a confirmation."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    appliance.get("/get")
    post(appliance, "/post")
    number, posted = newest(appliance, "/get"), newest(appliance, "/post")
    same = appliance.command("requests", str(number), "--replay")
    assert (same.returncode, same.stdout.splitlines()[-1]) == (0, "No difference.")
    refused = appliance.command("requests", str(posted), "--replay")
    assert (refused.returncode, refused.stdout) == (8, "")
    assert "POST may change data of the project" in refused.stderr
    assert len([each for each in asked(appliance, "requests")["requests"] if each["path"] == "/post"]) == 1
    appliance.edit("app.py", APP.replace('"one"', '"two"'))
    appliance.wait_for("reload.finished")
    told = appliance.command("requests", str(posted), "--replay", "--yes")
    assert (told.returncode, told.stdout.splitlines()[-3:]) == (
        1, ["content: 1 line removed, 1 added", "  -one?", "  +two?"],
    )  # fmt: skip
    found = json.loads(appliance.command("requests", str(number), "--replay", "--json").stdout)
    assert asked(appliance, f"requests/{found['replayed']}")["details"]["replay_of"] == number
    parts = asked(appliance, f"requests/{number}")["timing"]
    assert sorted(parts) == ["application_s", "queue_s", "send_s"]
    for wrong, code, text in (
        (["9999", "--replay"], 8, "not kept"),
        (["--replay"], 2, "need the number"),
        (["--yes"], 2, "need the"),
    ):
        done = appliance.command("requests", *wrong)
        assert (done.returncode, text in done.stderr) == (code, True)
    gone = appliance.command("requests", "9999", "--replay").stderr
    assert "do this:" in gone.splitlines()[2]
    assert gone.count("from the list") == 1


def test_the_list_says_that_nothing_is_recorded(start: Starting, project: Path):
    """A database that can't be written is on the page and in the JSON, with its reason; requests are answered."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    appliance.get("/a")
    newest(appliance, "/a")
    assert asked(appliance, "requests")["not_recorded"] == ""
    assert appliance.command("requests").stderr == ""
    folder = Path(json.loads(appliance.command("status", "--json").stdout)["desk"]).parent
    while folder.exists():  # the recorder may be writing there
        shutil.rmtree(folder, ignore_errors=True)
    folder.write_text("in the way", encoding="utf-8")
    assert appliance.get("/b")[0].status == 200
    reason = str(appliance.wait_for("desk.failed")["reason"])
    assert asked(appliance, "requests")["not_recorded"] == reason
    page = appliance.get("/__appliance__/", Accept="text/html")[1].decode()
    assert f"New requests are not recorded now: {reason}." in page


def test_the_pages_say_that_recording_is_off(start: Starting, project: Path):
    """Without a recorder the pages that are left say so."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    appliance = start(APPLIANCE_RECORD="off")
    appliance.wait_for("worker.ready")
    page = appliance.get("/__appliance__/", Accept="text/html")[1].decode()
    assert "Requests are not recorded: APPLIANCE_RECORD is off" in page
