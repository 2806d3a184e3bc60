"""Requests that a real appliance sends again."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.live.desk_client import asked, newest, posted
from tests.live.live_appliance import Appliance

Starting = Callable[..., Appliance]
APP = """
import json
word = "one"
def app(environ, start_response):
    body = environ["wsgi.input"].read()
    said = {key: value for key, value in environ.items() if key.startswith("HTTP_")}
    start_response("200 OK", [("Content-Type", "application/json"), ("X-Word", word)])
    return [json.dumps({"word": word, "fields": sorted(said), "seen": environ.get("HTTP_AUTHORIZATION", "")[-3:],
        "method": environ["REQUEST_METHOD"], "query": environ["QUERY_STRING"], "size": len(body),
        "length": environ.get("CONTENT_LENGTH")}).encode()]
"""


def sent(appliance: Appliance, method: str, target: str, body: bytes | None = None, **fields: str) -> None:
    """Send a request to the project."""
    connection = HTTPConnection("127.0.0.1", appliance.port, timeout=30)
    connection.request(method, target, body=body, headers=fields)
    assert connection.getresponse().read()
    connection.close()


@pytest.fixture
def appliance(start: Starting, project: Path) -> Appliance:
    """An appliance with a project that says what it has received."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    made = start()
    made.wait_for("worker.ready")
    return made


def test_a_request_is_sent_again_over_a_save(appliance: Appliance):
    """The project gets the same bytes with the secrets, sees no mark; the difference and the new record are shown."""
    sent(appliance, "GET", "/a?b=1", Authorization="Bearer sesame", Cookie="sid=poppy")
    number = newest(appliance, "/a")
    form = asked(appliance, f"requests/{number}/replay")
    assert ["Authorization", "Bearer ********"] in form["fields"]
    assert "sesame" not in json.dumps(form)
    assert "poppy" not in json.dumps(form)
    value = {"page_value": form["page_value"]}
    status, result = posted(appliance, f"requests/{number}/replay", value)
    assert (status, result["differences"]) == (200, [])
    assert json.loads(result["after"]["content"])["seen"] == "ame"  # its end, which the server does not mask
    repeated = asked(appliance, f"requests/{result['replayed']}")
    assert repeated["details"]["replay_of"] == number
    appliance.edit("app.py", APP.replace('"one"', '"two"'))
    appliance.wait_for("reload.finished")
    _, result = posted(appliance, f"requests/{number}/replay", value)
    changes = {(each["what"], each.get("name"), each.get("path")): each["after"] for each in result["differences"]}
    assert changes == {("field", "x-word", None): "two", ("content", None, "$.word"): '"two"'}
    status, copied = posted(appliance, f"requests/{number}/copy", value)
    assert "Authorization: Bearer sesame" in copied["copies"]["curl"]


def test_an_edited_request_is_confirmed_once(appliance: Appliance):
    """POST is sent again after one confirmation; what was edited is sent, and masked values are filled in."""
    body = b'{"password": "hunter22", "n": 1}'
    sent(appliance, "POST", "/form", body, **{"Content-Type": "application/json"})
    number = newest(appliance, "/form")
    form = asked(appliance, f"requests/{number}/replay")
    value = {"page_value": form["page_value"]}
    assert posted(appliance, f"requests/{number}/replay", value)[0] == 409
    status, result = posted(appliance, f"requests/{number}/replay", {**value, "confirmed": "1"})
    assert (status, result["differences"]) == (200, [])
    edited = {**value, "body": form["body"].replace("1", "1000"), "target": "/form?x=%20"}
    status, result = posted(appliance, f"requests/{number}/replay", edited)
    assert status == 200
    answer = json.loads(result["after"]["content"])
    assert (answer["size"], answer["query"]) == (len(body) + 3, "x=%20")
    assert posted(appliance, f"requests/{number}/replay", {**value, "target": "/__appliance__/"})[0] == 422


def test_only_the_appliances_own_pages_send_again(appliance: Appliance):
    """Another origin, another site, another host or a page of an earlier start sends nothing."""
    sent(appliance, "GET", "/a")
    number = newest(appliance, "/a")
    page_value = asked(appliance, f"requests/{number}/replay")["page_value"]
    for page in ("replay", "copy"):
        place, form = f"requests/{number}/{page}", {"page_value": page_value}
        assert posted(appliance, place, form, Origin="http://evil.example")[0] == 403
        assert posted(appliance, place, form, **{"Sec-Fetch-Site": "cross-site"})[0] == 403
        assert posted(appliance, place, form, Host="evil.example", Origin="http://evil.example")[0] == 403
        assert posted(appliance, place, {"page_value": "0" * 64})[0] == 403
        assert posted(appliance, place, {})[0] == 403
    reading = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    assert appliance.get(f"/__appliance__/requests/{number}/replay", **reading)[0].status == 403
    paths = [each["path"] for each in asked(appliance, "requests")["requests"]]
    assert paths.count("/a") == 1
