"""The application below /__appliance__/, as a WSGI callable."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from appliance.standin.access_policy import FIELDS, AccessPolicy
from appliance.standin.event_stream import EventStream
from appliance.standin.own_pages import OwnPages
from appliance.standin.remedy_pages import RemedyPages
from appliance.standin.waiting_page import WaitingPage

TOKEN = "t" * 43
STATUS = {"status": 200, "title": "The appliance", "lead": "Generation 1 serves."}


class Site:
    """The pages of one start, and what they have logged."""

    def __init__(self) -> None:
        self.logged: list[tuple[str, dict[str, object]]] = []
        self.policy = AccessPolicy(TOKEN)
        stream = EventStream()
        self.sent: list[Any] = []
        self.remedies = RemedyPages(self.sent.append, stream, self.policy.page_value)
        self.pages = OwnPages(
            self.policy,
            WaitingPage(),
            stream,
            lambda _, event, fields: self.logged.append((event, fields)),
            lambda: STATUS,
            self.remedies,
        )

    def ask(self, path: str, *, body: bytes = b"", **fields: str) -> tuple[str, dict[str, str], bytes]:
        """One request: status, fields, content."""
        path, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "wsgi.url_scheme": "http",
            "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8000", "wsgi.input": io.BytesIO(body), **fields,
        }  # fmt: skip
        heads: list[tuple[str, list[tuple[str, str]]]] = []
        content = b"".join(self.pages.application(environ, lambda status, named: heads.append((status, named))))
        ((status, named),) = heads
        return status[:3], dict(named), content

    def post(self, path: str, body: bytes, **fields: str) -> tuple[str, dict[str, str], bytes]:
        """A press of a button on one of the pages."""
        usual = {
            "REQUEST_METHOD": "POST", "HTTP_ORIGIN": "http://localhost:8000", "HTTP_SEC_FETCH_SITE": "same-origin",
            "HTTP_X_APPLIANCE_PAGE": self.policy.page_value,
        }  # fmt: skip
        return self.ask(path, body=body, **{**usual, **fields})


@pytest.fixture
def site() -> Site:
    """The pages, and nothing logged yet."""
    return Site()


ERROR = json.dumps({"kind": "error", "text": "x"}).encode()


def test_each_answer_has_the_fields_of_the_model(site: Site):
    """Pages, scripts, refusals and what does not exist: the same fields keep each in its place."""
    for path, status in (("", "200"), ("/", "200"), ("/client.js", "200"), ("/events.js", "200"), ("/nothing", "404")):
        answered, fields, _ = site.ask(f"/__appliance__{path}")
        assert answered == status
        assert fields.items() >= dict(FIELDS).items()


def test_a_refusal_is_shown_in_no_frame(site: Site):
    """A page that renders as the project's own errors do is not framed, even by the project."""
    _, fields, _ = site.ask("/__appliance__/nothing", HTTP_ACCEPT="text/html")
    assert fields["Content-Security-Policy"].endswith("frame-ancestors 'none'")


def test_the_script_knows_the_value_that_changes_need(site: Site):
    """The script can send what it has seen; a page of another site can't read it."""
    _, fields, script = site.ask("/__appliance__/client.js")
    assert site.policy.page_value.encode() in script
    assert b"{page-value}" not in script
    assert fields["Content-Type"].startswith("text/javascript")


def test_a_browser_reports_an_error(site: Site):
    """The report of a page is one event."""
    assert site.post("/__appliance__/browser-error", ERROR)[0] == "204"
    assert [event for event, _ in site.logged] == ["browser.error"]


@pytest.mark.parametrize(
    "fields",
    [
        {"HTTP_ORIGIN": "https://evil.test"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
        {"HTTP_HOST": "evil.test:8000", "HTTP_ORIGIN": "http://evil.test:8000"},
        {"HTTP_X_APPLIANCE_PAGE": ""},
        {"HTTP_X_APPLIANCE_PAGE": "0" * 64},
        {"REMOTE_ADDR": "172.17.0.9"},
    ],
)
def test_only_the_users_own_page_changes_anything(site: Site, fields: dict[str, str]):
    """Another origin, a rebound host, a guessed value, another container: refused, with one line in the log."""
    assert site.post("/__appliance__/browser-error", ERROR, **fields)[0] == "403"
    assert [event for event, _ in site.logged] == ["pages.refused"]


def test_refusals_do_not_fill_the_log(site: Site):
    """Many refusals in a second are one line."""
    for _ in range(50):
        assert site.ask("/__appliance__/", HTTP_HOST="evil.test")[0] == "403"
    assert len(site.logged) == 1


@pytest.mark.parametrize(("body", "status"), [(b"nonsense", "400"), (b"x" * 20_000, "413")])
def test_a_report_that_cannot_be_read_is_refused(site: Site, body: bytes, status: str):
    """A body that can't be read, or is too long, is refused."""
    assert site.post("/__appliance__/browser-error", body)[0] == status


def test_each_path_has_its_methods(site: Site):
    """POST to a page, and GET of what takes POST, are 405."""
    assert site.post("/__appliance__/client.js", b"")[0] == "405"
    assert site.ask("/__appliance__/browser-error")[0] == "405"


def test_the_token_becomes_a_cookie(site: Site):
    """The URL of the log leads to the same page without the token; its cookie opens the pages from another machine."""
    away: dict[str, Any] = {"REMOTE_ADDR": "192.168.1.20", "HTTP_HOST": "192.168.1.5:8000"}
    assert site.ask("/__appliance__/", **away)[0] == "403"
    status, fields, _ = site.ask(f"/__appliance__/?a=1&token={TOKEN}", **away)
    assert (status, fields["Location"]) == ("303", "/__appliance__/?a=1")
    cookie = fields["Set-Cookie"].partition(";")[0]
    assert site.ask("/__appliance__/", HTTP_COOKIE=cookie, **away)[0] == "200"
    assert TOKEN not in str(site.logged)
