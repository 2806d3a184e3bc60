"""The desk's pages, as HTML and as JSON."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from appliance.desk.filters import Filters
from appliance.desk.store import Store
from appliance.desk.table_rows import rows
from appliance.standin.access_policy import POLICY, AccessPolicy
from appliance.standin.desk_pages.desk import Desk
from appliance.standin.desk_pages.machine.machine_pages import MachinePages
from appliance.standin.desk_pages.page_frame import PageAnswers
from appliance.standin.desk_pages.request_stream import new_requests
from appliance.standin.desk_pages.sections.section_table import SECTIONS
from appliance.standin.event_stream import EventStream
from appliance.standin.own_pages import OwnPages
from appliance.standin.remedy_pages import RemedyPages
from appliance.standin.waiting_page import WaitingPage
from tests.desk.log_lines import START, line, request

Ask = Callable[..., tuple[str, dict[str, str], bytes]]
HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\u202e"
PAGES = ["", "requests", *(f"requests/1/{name}".rstrip("/") for name in SECTIONS), "routes", "reloads", "errors"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database in which every text is hostile."""
    hostile = {"http.route": HOSTILE, "url.query": HOSTILE, "user_agent.original": HOSTILE, "request_id": HOSTILE}
    lines = [
        line("output", START, text=HOSTILE, request_id=HOSTILE, generation=1),
        line("application.failed", START, error=HOSTILE, file=HOSTILE, line=1, traceback=HOSTILE, request_id=HOSTILE),
        request(f"/{HOSTILE}", START, status=500, **hostile),
        line("reload.started", START, files=[HOSTILE]),
        line("worker.failed", START, generation=2, error=HOSTILE),
    ]
    store = Store(tmp_path / "desk.sqlite3")
    store.add(rows(lines, "run"))
    store.close()
    return tmp_path / "desk.sqlite3"


@pytest.fixture
def ask(path: Path) -> Ask:
    """Ask for a page, as a browser does or with another Accept field."""
    return asking(path, records=True)


def asking(path: Path, *, records: bool) -> Ask:
    """Ask for a page of an appliance that records, or does not."""
    policy, stream = AccessPolicy("t" * 43), EventStream()
    remedies = RemedyPages(lambda _: None, stream, policy.page_value)
    answers = PageAnswers(lambda: HOSTILE, records=records)
    desk = Desk(str(path), answers, "/workspace") if records else None
    machine = MachinePages(str(path.with_name("none.sock")), answers)
    pages = OwnPages(policy, WaitingPage(), stream, lambda *_: None, dict, remedies, machine=machine, desk=desk)

    def ask(place: str, accept: str = "text/html", **fields: str) -> tuple[str, dict[str, str], bytes]:
        place, _, query = place.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET", "PATH_INFO": f"/__appliance__/{place}", "QUERY_STRING": query,
            "wsgi.url_scheme": "http", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost", "HTTP_ACCEPT": accept,
            **fields,
        }  # fmt: skip
        heads: list[tuple[str, list[tuple[str, str]]]] = []
        content = b"".join(pages.application(environ, lambda status, named: heads.append((status, named))))
        ((status, named),) = heads
        return status[:3], dict(named), content

    return ask


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str | None] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the attributes and the scripts of the page."""
        self.attributes |= {name for name, _ in attrs}
        if tag == "script":
            self.scripts.append(dict(attrs).get("src"))


@pytest.mark.parametrize("page", PAGES)
def test_no_recorded_text_becomes_an_element(ask: Ask, page: str):
    """Any text of a client or a project is text on every page, under the content policy of all pages."""
    status, fields, content = ask(page)
    assert (status, fields["Content-Type"]) == ("200", "text/html; charset=utf-8")
    assert fields["Content-Security-Policy"] == POLICY
    found = _Elements()
    found.feed(content.decode())
    assert found.scripts == ["/__appliance__/desk.js"]
    assert not {name for name in found.attributes if name.startswith("on") or name == "style"}
    assert b"<script>alert" not in content
    assert not re.search("[\x00-\x08\x1b\u202e]", content.decode())


@pytest.mark.parametrize("page", PAGES[1:])
def test_a_script_gets_json(ask: Ask, page: str):
    """A client that does not ask for HTML gets the same as JSON."""
    status, fields, content = ask(page, "*/*")
    assert (status, fields["Content-Type"]) == ("200", "application/json")
    assert json.loads(content)


def test_a_request_that_is_not_kept_is_404(ask: Ask):
    """The page says so, and leads back to the list."""
    status, _, content = ask("requests/99")
    assert status == "404"
    assert b"All requests" in content
    assert ask("requests/99", "*/*")[0] == "404"
    assert ask("requests/1x")[0] == "404"
    assert ask("requests/1/other")[0] == "404"
    assert ask("requests/1/log/2")[0] == "404"
    assert ask(f"requests/{'9' * 40}")[0] == "404"


def test_the_desk_is_empty_before_the_recorder(tmp_path: Path, ask: Ask, path: Path):
    """Without a database each page is there, and says that there is nothing yet."""
    path.unlink()
    assert {page: ask(page)[0] for page in PAGES} == {
        page: "404" if page.startswith("requests/") else "200" for page in PAGES
    }
    assert b"No request yet" in ask("")[2]


def test_a_list_that_is_empty_says_why(ask: Ask):
    """A filter that lets nothing through says so, and an older page leads back to the newest requests."""
    assert b"No request matches" in ask("?q=nothing-like-that")[2]
    assert b"Newest requests" in ask("?before=1")[2]
    assert b"Newest requests" not in ask("")[2]


def test_the_other_pages_are_there_without_a_recorder(path: Path):
    """If nothing is recorded, the first page shows the processes, and links only to the pages that need no recorder."""
    ask = asking(path, records=False)
    status, _, content = ask("")
    assert (status, b"<h1>Processes</h1>" in content, b"/__appliance__/settings" in content) == ("200", True, True)
    assert b"/__appliance__/routes" not in content
    assert ask("routes")[0] == ask("requests")[0] == "404"


def test_another_machine_gets_nothing(ask: Ask):
    """The pages pass the access policy as all others do."""
    assert {ask(page, REMOTE_ADDR="192.0.2.7")[0] for page in PAGES} == {"403"}
    assert {ask(page, HTTP_HOST="evil.example")[0] for page in PAGES} == {"403"}


def test_new_requests_come_through_the_stream(path: Path):
    """A stream tells what is newer than what its client has seen, as it is stored, until it is closed."""
    closed = threading.Event()
    parts = new_requests(path, Filters(after=1, q="new"), closed)
    assert next(parts).startswith(b"retry")
    store = Store(path)
    store.add(rows([request("/other"), request("/new-1"), request("/new-2")], "run"))
    told = next(parts).decode()
    assert re.search(r"^id: 4$", told, re.MULTILINE)
    found = json.loads(told.partition("data: ")[2])
    assert [each["path"] for each in found] == ["/new-2", "/new-1"]
    closed.set()
    assert list(parts) == []
    store.close()


def test_a_stream_tells_all_that_was_stored_before(path: Path):
    """More than fit into one event come in several, without a new request; a stream ends with its database."""
    store = Store(path)
    store.add(rows([request(f"/{number}") for number in range(10)], "run"))
    store.close()
    parts = new_requests(path, Filters(limit=4), threading.Event())
    next(parts)
    told = [json.loads(next(parts).decode().partition("data: ")[2]) for _ in range(3)]
    assert [each["id"] for part in told for each in part[::-1]] == list(range(1, 12))
    path.unlink()
    assert list(parts) == []


def test_ids_of_a_removed_database_mean_nothing(path: Path):
    """A page that has seen more requests than there are now gets those that are there."""
    parts = new_requests(path, Filters(after=99), threading.Event())
    next(parts)
    assert b'"id": 1,' in next(parts)


def test_the_list_says_what_was_not_recorded(path: Path):
    """If lines of the shown time were left out, the page and the JSON contain their number; later, neither."""
    store = Store(path)
    store.add(rows([line("desk.incomplete", START + 1, count=4), line("desk.incomplete", START + 2, count=3)], "run"))
    ask = asking(path, records=True)
    assert b"7 lines of the log are not recorded" in ask("")[2]
    assert json.loads(ask("requests", accept="application/json")[2])["left_out"] == {"at": START + 2, "count": 7}
    store.add(rows([request("/later", START + 3)], "run"))
    store.close()
    assert b"not recorded" not in ask("?limit=1")[2]
