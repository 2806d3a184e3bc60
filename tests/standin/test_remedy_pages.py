"""The pages of remedies: what they show, whom they answer, and that a browser's id goes to the supervisor as it is."""

from __future__ import annotations

import io
import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest

from appliance.protocol.page_messages import CancelRemedy, RemedyProgress, RunRemedy
from appliance.server.browser.own_paths import PREFIX
from appliance.standin.access_policy import AccessPolicy
from appliance.standin.event_stream import EventStream
from appliance.standin.own_pages import OwnPages
from appliance.standin.remedy_pages import RemedyPages
from appliance.standin.waiting_page import WaitingPage

PAGE = f"{PREFIX}/remedy"
ID = "a" * 32
REMEDY = {
    "id": ID, "kind": "make-folder", "label": "Make <b>", "why": "why & how", "command": "mkdir '<i>'", "diff": "",
    "runs": True, "shown": "s" * 32,
}  # fmt: skip


class Site:
    """The pages of one start, with one remedy."""

    def __init__(self, **options: Any) -> None:
        self.policy = AccessPolicy("t" * 43)
        self.sent: list[Any] = []
        self.stream = EventStream()
        self.remedies = RemedyPages(self.sent.append, self.stream, self.policy.page_value, **options)
        self.remedies.set([REMEDY])
        self.pages = OwnPages(
            self.policy,
            WaitingPage(),
            self.stream,
            lambda *_: None,
            lambda: {"status": 200, "title": ""},
            self.remedies,
        )

    def ask(self, path: str, *, form: dict[str, str] | None = None, **fields: str) -> tuple[int, dict[str, str], str]:
        """One request: status, fields, content."""
        path, _, query = path.partition("?")
        body = urlencode(form or {}).encode()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET" if form is None else "POST", "PATH_INFO": path, "QUERY_STRING": query,
            "wsgi.url_scheme": "http", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8000",
            "HTTP_ACCEPT": "text/html", "wsgi.input": io.BytesIO(body),
            **({} if form is None else {"CONTENT_TYPE": "application/x-www-form-urlencoded"}), **fields,
        }  # fmt: skip
        heads: list[tuple[str, list[tuple[str, str]]]] = []
        content = b"".join(self.pages.application(environ, lambda status, named: heads.append((status, named))))
        ((status, named),) = heads
        return int(status[:3]), dict(named), content.decode()

    def form(self) -> dict[str, str]:
        """The fields of the form, as the page has them."""
        return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', self.ask(f"{PAGE}?id={ID}")[2]))


OURS = {"HTTP_ORIGIN": "http://localhost:8000", "HTTP_SEC_FETCH_SITE": "same-origin"}


def test_a_page_shows_exactly_what_is_run():
    """The page shows exactly what is run, each text inert, and a form whose Origin a browser will send."""
    status, fields, page = Site().ask(f"{PAGE}?id={ID}")
    assert status == 200
    assert "mkdir &#x27;&lt;i&gt;&#x27;" in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "why &amp; how" in page
    assert fields["Referrer-Policy"] == "same-origin"
    assert "script-src 'self'" in fields["Content-Security-Policy"]
    assert f'<form method="post" action="{PAGE}">' in page


def test_a_pressed_button_leads_to_its_output():
    """The form's id goes to the supervisor, and the browser is led to the page that shows the output."""
    site = Site()
    status, fields, _ = site.ask(PAGE, form=site.form(), **OURS)
    assert (status, fields["Location"]) == (303, f"{PAGE}?id={ID}")
    assert site.ask(f"{PAGE}/cancel", form=site.form(), **OURS)[0] == 303
    assert site.sent == [RunRemedy(remedy=ID, shown="s" * 32), CancelRemedy(remedy=ID)]


def test_the_page_after_the_button_refreshes_itself():
    """The page that a browser is led to refreshes itself, even if the supervisor has not answered yet."""
    site = Site()
    site.ask(PAGE, form=site.form(), **OURS)
    assert 'http-equiv="refresh"' in site.ask(f"{PAGE}?id={ID}")[2]


def test_a_script_that_presses_the_button_gets_no_page():
    """A script sends the page's value in a field of its own, and gets no page."""
    site = Site()
    given = {"HTTP_X_APPLIANCE_PAGE": site.policy.page_value, "HTTP_ACCEPT": "application/json", **OURS}
    assert site.ask(PAGE, form={"id": ID, "shown": "seen"}, **given)[0] == 202
    assert site.sent == [RunRemedy(remedy=ID, shown="seen")]


@pytest.mark.parametrize(
    "fields",
    [
        {"HTTP_ORIGIN": "http://evil.example"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_ORIGIN": "http://localhost:8001"},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_DEST": "iframe"},
        {"HTTP_HOST": "rebound.example:8000", "HTTP_ORIGIN": "http://rebound.example:8000"},
        {"REMOTE_ADDR": "172.18.0.7"},
        {"CONTENT_TYPE": "text/plain"},
    ],
)
@pytest.mark.parametrize("end", ["", "/cancel"])
def test_foreign_requests_are_refused(fields: dict[str, str], end: str):
    """A foreign origin, a rebound host, a frame, another machine, a body that is not a form: nothing is sent."""
    site = Site()
    assert site.ask(f"{PAGE}{end}", form=site.form(), **{**OURS, **fields})[0] == 403
    assert site.sent == []


@pytest.mark.parametrize("value", ["", "0" * 64, "é"])
def test_a_form_without_the_pages_token_runs_nothing(value: str):
    """A form that does not come from a page of ours runs nothing."""
    site = Site()
    assert site.ask(PAGE, form={"id": ID, "page_value": value}, **OURS)[0] == 403
    assert site.sent == []


def test_an_endless_form_has_no_fields():
    """A form that is too long, or has too many fields, has none."""
    site = Site()
    long = {**site.form(), "more": "x" * 20_000}
    assert site.ask(PAGE, form=long, **OURS)[0] == 403
    many = {**site.form(), **{f"f{number}": "x" for number in range(50)}}
    assert site.ask(PAGE, form=many, **OURS)[0] == 403


def test_output_is_shown_while_it_runs():
    """Output is shown while it runs, on a page that refreshes itself; then how it has ended."""
    site = Site()
    site.remedies.progress(RemedyProgress(remedy=ID, state="running", lines=["<one>"]))
    site.remedies.progress(RemedyProgress(remedy=ID, state="running", lines=["two"]))
    _, _, page = site.ask(f"{PAGE}?id={ID}")
    assert "&lt;one&gt;\ntwo" in page
    assert 'http-equiv="refresh"' in page
    assert f'action="{PAGE}/cancel"' in page
    site.remedies.progress(RemedyProgress(remedy=ID, state="failed", reason="exit status 1"))
    _, _, page = site.ask(f"{PAGE}?id={ID}")
    assert "It failed: exit status 1" in page
    assert f'action="{PAGE}"' in page
    site.remedies.progress(RemedyProgress(remedy=ID, state="done"))
    _, _, page = site.ask(f"{PAGE}?id={ID}")
    assert "<form" not in page
    assert "http-equiv" not in page


def test_a_script_gets_the_page_as_json():
    """A script gets what the page shows."""
    site = Site()
    told = json.loads(site.ask(f"{PAGE}?id={ID}", HTTP_ACCEPT="application/json")[2])
    assert told == {**REMEDY, "run": {}, "page_value": site.policy.page_value}


def test_an_unknown_id_is_not_found():
    """An id that the supervisor has not named is not found."""
    status, _, page = Site(wait_s=0.0).ask(f"{PAGE}?id=%3Cscript%3E")
    assert status == 404
    assert "<script" not in page


def test_advice_has_no_button():
    """A remedy that only the host can run has no form."""
    site = Site()
    site.remedies.set([{**REMEDY, "runs": False}])
    assert "<form" not in site.ask(f"{PAGE}?id={ID}")[2]


def test_the_pages_style_and_script_are_typed_and_hold_no_secret():
    """The style and the script are typed, so that a browser takes them; the script holds no secret."""
    site = Site()
    status, fields, script = site.ask(f"{PAGE}.js")
    assert (status, fields["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert site.policy.page_value not in script
    assert site.ask(f"{PAGE}.css")[1]["Content-Type"] == "text/css; charset=utf-8"
    assert site.ask(f"{PAGE}.js", HTTP_SEC_FETCH_SITE="cross-site", HTTP_SEC_FETCH_MODE="no-cors")[0] == 403
