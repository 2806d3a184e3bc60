"""The pages of replays: who may press, what is asked first, and that each text of a request is inert."""

from __future__ import annotations

import io
import json
import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from appliance.protocol.page_messages import RecorderAnswers
from appliance.standin.access_policy import AccessPolicy
from appliance.standin.desk_pages.desk import Desk
from appliance.standin.desk_pages.page_frame import PageAnswers
from appliance.standin.event_stream import EventStream
from appliance.standin.own_pages import OwnPages
from appliance.standin.remedy_pages import RemedyPages
from appliance.standin.replay_pages import replay_routes
from appliance.standin.replay_pages.recorder_link import RecorderLink
from appliance.standin.replay_pages.replay_routes import ReplayPages
from appliance.standin.waiting_page import WaitingPage

HOSTILE = "<script>alert(1)</script>\"'&"
PLACE = "/__appliance__/requests/17/replay"
OURS = {"HTTP_ORIGIN": "http://localhost:8000", "HTTP_SEC_FETCH_SITE": "same-origin"}
RESPONSE = {
    "status": 200, "fields": [[HOSTILE, HOSTILE]], "content": HOSTILE, "content_note": HOSTILE, "size": 1, "queries": 1,
    "duration_s": 0.1, "request_id": HOSTILE,
}  # fmt: skip
ANSWERS: dict[str, dict[str, Any]] = {
    "recording": {"failure": HOSTILE},
    "form": {
        "number": 17, "method": HOSTILE, "target": HOSTILE, "fields": [[HOSTILE, HOSTILE]], "body": HOSTILE,
        "has_body": True, "body_note": HOSTILE, "in_memory": True, "safe": True,
        "copies": dict.fromkeys(("curl", "httpie", "requests"), HOSTILE),
    },
    "copy": {"copies": {"curl": HOSTILE}},
    "replay": {
        "number": 17, "replayed": 18, "method": "POST", "left_out": [HOSTILE], "notes": [], "before": RESPONSE,
        "after": RESPONSE,
        "differences": [
            {"what": "field", "name": HOSTILE, "before": None, "after": HOSTILE},
            {"what": "content", "lines": [["+", HOSTILE]], "removed": 0, "added": 1},
        ],
    },
}  # fmt: skip


class Site:
    """The pages of one start, and what was asked of the recorder."""

    def __init__(self) -> None:
        self.policy, stream = AccessPolicy("t" * 43), EventStream()
        self.asked: list[dict[str, Any]] = []
        self.answers = ANSWERS
        self._link = RecorderLink(self._send)
        answers = PageAnswers(lambda: "state", records=True)
        replays = ReplayPages(self._link, self.policy.page_value, answers)
        desk = Desk("/nowhere", answers, "", replays)
        remedies = RemedyPages(lambda _: None, stream, self.policy.page_value)
        self._pages = OwnPages(self.policy, WaitingPage(), stream, lambda *_: None, dict, remedies, desk=desk)

    def _send(self, message: Any) -> None:
        self.asked.append(message.question)
        answer = self.answers[message.question["ask"]]
        if message.question["ask"] == "replay" and not message.question["confirmed"]:
            answer = {"unconfirmed": "POST"}
        self._link.answered(RecorderAnswers(number=message.number, answer=answer))

    def ask(self, place: str, form: dict[str, str] | None = None, **fields: str) -> tuple[int, dict[str, str], str]:
        """One request: status, fields, content; with a form it is a POST."""
        place, _, query = place.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET" if form is None else "POST", "PATH_INFO": place, "QUERY_STRING": query,
            "wsgi.url_scheme": "http", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8000",
            "HTTP_ACCEPT": "text/html", "wsgi.input": io.BytesIO(urlencode(form or {}).encode()),
            "CONTENT_TYPE": "application/x-www-form-urlencoded", **fields,
        }  # fmt: skip
        heads: list[tuple[str, list[tuple[str, str]]]] = []
        content = b"".join(self._pages.application(environ, lambda status, named: heads.append((status, named))))
        ((status, named),) = heads
        return int(status[:3]), dict(named), content.decode()

    def press(self, form: dict[str, str] | None = None, place: str = PLACE, **fields: str) -> tuple[int, Any, str]:
        """Post a form as a page of ours does."""
        return self.ask(place, {"page_value": self.policy.page_value, **(form or {})}, **OURS, **fields)


def test_the_form_leads_to_the_result():
    """A method that is not safe is asked for once; the press leads to a page that can be loaded again."""
    site = Site()
    status, fields, page = site.ask(PLACE)
    assert (status, fields["Referrer-Policy"]) == (200, "same-origin")
    edit = {"method": "POST", "target": "/a", "fields": "A: b", "body": "x" * 200_000}
    status, _, page = site.press(edit)
    assert status == 200
    assert "Send POST again" in page
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    status, fields, _ = site.press(hidden)
    assert status == 303
    assert site.asked[-1] == {"ask": "replay", "number": 17, "edit": edit, "confirmed": True}
    assert "The response now" in site.ask(fields["Location"])[2]
    assert site.press(edit)[0] == 303  # asked once


def test_a_form_sends_what_was_received():
    """No character of a request becomes an escape in a form, which would be sent in its place."""
    site, odd = Site(), "soft\xadhyphen\u200b\x1b &amp; \ufeff"
    form = {**ANSWERS["form"], "method": "POST", "target": "/a", "fields": [["X-A", odd]], "body": odd}
    site.answers = {**ANSWERS, "form": form}
    shown = [unescape(each) for each in re.findall(r"<textarea [^>]*>\n([^<]*)<", site.ask(PLACE)[2])]
    assert shown == [f"X-A: {odd}", odd]
    page = site.press({"fields": f"X-A: {odd}\r\nB: c", "body": odd})[2]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert [unescape(hidden[name]) for name in ("fields", "body")] == [f"X-A: {odd}\r\nB: c", odd]


@pytest.mark.parametrize("page", ["form", "result", "question", "copy"])
def test_no_text_of_a_request_becomes_an_element(page: str):
    """Any text of a request or an answer is text on every page."""
    site = Site()
    if page == "result":
        content = site.ask(site.press({"confirmed": "1"})[1]["Location"])[2]
    elif page == "question":
        content = site.press({"body": HOSTILE})[2]
    else:
        content = site.ask(PLACE)[2] if page == "form" else site.press(place=PLACE.replace("replay", "copy"))[2]
    assert "&lt;script&gt;alert(1)" in content
    assert "<script>alert" not in content


def test_a_script_gets_json_and_must_confirm():
    """Without HTML the answers are JSON; a method that is not safe is 409 until it is confirmed."""
    site = Site()
    assert json.loads(site.ask(PLACE, HTTP_ACCEPT="*/*")[2])["page_value"] == site.policy.page_value
    status, _, content = site.press(HTTP_ACCEPT="*/*")
    assert (status, json.loads(content)["unconfirmed"]) == (409, "POST")
    status, _, content = site.press({"confirmed": "1"}, HTTP_ACCEPT="*/*")
    assert (status, json.loads(content)["replayed"]) == (200, 18)


def test_the_list_says_why_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch):
    """A reason is on the page as text; a recorder that is well, or does not answer in time, changes nothing else."""
    site = Site()
    page = site.ask("/__appliance__/")[2]
    assert "New requests are not recorded now: &lt;script&gt;" in page
    for answer in ({"failure": ""}, {"error": "The recorder does not run now."}):  # it may start just now
        site.answers = {**ANSWERS, "recording": answer}
        assert "not recorded now" not in site.ask("/__appliance__/")[2]
    monkeypatch.setattr(replay_routes, "_ABSENT_S", 0.0)
    assert "not recorded now: The recorder does not run now." in site.ask("/__appliance__/")[2]


def test_the_list_has_a_form_for_its_key():
    """The script fills in which request is sent; the form has the page's value."""
    site = Site()
    page = site.ask("/__appliance__/")[2]
    ((value,),) = [re.findall(r'<form id="again" method="post" hidden><input[^>]* value="(\w+)"', page)]
    assert value == site.policy.page_value


def test_a_refusal_of_the_recorder_is_a_page():
    """An error of the recorder is a page with its words, status 422."""
    site = Site()
    site.answers = {key: {"error": HOSTILE} for key in ANSWERS}
    for status, _, content in (site.ask(PLACE), site.press({"confirmed": "1"})):
        assert status == 422
        assert "&lt;script&gt;" in content


def test_only_the_users_own_page_can_press():
    """Another origin, another site, a wrong page value, another machine, GET: nothing is asked of the recorder."""
    site, form = Site(), {"page_value": Site().policy.page_value, "confirmed": "1"}
    for end in ("replay", "copy"):
        place = f"/__appliance__/requests/17/{end}"
        for wrong in (
            {"HTTP_ORIGIN": "http://evil.example"}, {"HTTP_ORIGIN": "null"}, {"HTTP_SEC_FETCH_SITE": "cross-site"},
            {"HTTP_SEC_FETCH_SITE": ""}, {"REMOTE_ADDR": "192.0.2.7"}, {"HTTP_SEC_FETCH_DEST": "iframe"},
        ):  # fmt: skip
            assert site.ask(place, form, **{**OURS, **wrong})[0] == 403, wrong
        assert site.ask(place, {**form, "page_value": ""}, **OURS)[0] == 403
    assert site.ask("/__appliance__/requests/17/copy")[0] == 404
    assert site.asked == []
