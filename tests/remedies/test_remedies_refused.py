"""Every remedy, asked for by somebody who may not: by HTTP, through the real pages, policy and supervisor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import pytest

from appliance.protocol.remedy_kinds import ROWS
from appliance.server.browser.own_paths import PREFIX
from appliance.standin.access_policy import AccessPolicy
from appliance.standin.event_stream import EventStream
from appliance.standin.own_pages import OwnPages
from appliance.standin.remedy_pages import RemedyPages
from appliance.standin.waiting_page import WaitingPage
from tests.remedies.examples import EXAMPLES, example_facts
from tests.server.served import Served
from tests.supervisor.scenes import Scene

PAGE = f"{PREFIX}/remedy"
EVIL = "http://evil.example"


class Wire:
    """One remedy and its pages, and a server in front of them."""

    def __init__(self, folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self.root = folder / "project"
        self.scene = Scene(self.root, monkeypatch)
        known = example_facts(self.root, kind)
        monkeypatch.setattr(self.scene.remedies, "_facts", lambda: known)
        (self.id,) = self.scene.offer({"kind": kind, **EXAMPLES[kind].need})
        gate, lock, stream = AccessPolicy("t" * 43), Lock(), EventStream()

        def send(message: Any) -> None:
            with lock:
                self.scene.send(self.scene.standin, message)

        remedies = RemedyPages(send, stream, gate.page_value)
        self.shown = self.scene.shown(self.id)
        remedies.set([self.shown])
        pages = OwnPages(gate, WaitingPage(), stream, lambda *_: None, dict, remedies)
        self.port = Served(pages.application, stack).address[1]
        self.before = self.tree()
        self.form = {"id": self.id, "shown": str(self.shown["shown"]), "page_value": gate.page_value}

    def tree(self) -> dict[str, bytes]:
        """Every file of the project and of the cache."""
        files = (path for path in self.root.parent.rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in files}

    def ask(
        self,
        method: str = "POST",
        path: str = PAGE,
        form: dict[str, str] | None = None,
        fields: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[int, str]:
        """One request as our own page sends it, except for what is given; an empty field is left out."""
        host = f"127.0.0.1:{self.port}"
        sent = {
            "Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/x-www-form-urlencoded",
            **{name.replace("_", "-"): value for name, value in fields.items()},
        }  # fmt: skip
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        with closing(connection):
            body = urlencode(self.form if form is None else form)
            kept = {name: value for name, value in sent.items() if value}
            connection.request(method, path, body=body, headers=kept)
            response: HTTPResponse = connection.getresponse()
            return response.status, response.read().decode()

    def started(self) -> list[str]:
        """The kinds of the remedies that were started."""
        return [fields["remedy"] for fields in self.scene.log.named("remedy.started")]


@pytest.fixture
def wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Wire]]:
    """Makes the wire of one kind."""
    with ExitStack() as stack:
        yield lambda kind: Wire(tmp_path, kind, monkeypatch, stack)


FOREIGN: dict[str, dict[str, str]] = {
    "another origin": {"Origin": EVIL},
    "no origin": {"Origin": ""},
    "an opaque origin": {"Origin": "null"},
    "another port": {"Origin": "http://127.0.0.1:1"},
    "another site": {"Sec_Fetch_Site": "cross-site"},
    "another host of the site": {"Sec_Fetch_Site": "same-site"},
    "no Fetch Metadata": {"Sec_Fetch_Site": ""},
    "a frame": {"Sec_Fetch_Dest": "iframe"},
    "a rebound host": {"Host": "rebound.example:8000", "Origin": "http://rebound.example:8000"},
    "a proxy that is not trusted": {"X_Forwarded_For": "203.0.113.5"},
    "a body that is no form": {"Content_Type": "text/plain"},
}


def test_each_row_has_an_example():
    """A new kind of remedy is refused here too, as soon as it has an example."""
    assert set(EXAMPLES) == set(ROWS)


@pytest.mark.parametrize("kind", ROWS)
def test_foreign_requests_run_no_remedy(wire: Callable[[str], Wire], kind: str):
    """Nothing runs and no file changes for another origin, host, site, frame or method, or without the page's value."""
    site = wire(kind)
    for case, fields in FOREIGN.items():
        assert (case, site.ask(fields=fields)[0]) == (case, 403)
    form = site.form
    assert site.ask(form={**form, "page_value": ""})[0] == 403
    assert site.ask(form={**form, "page_value": "0" * 64})[0] == 403
    assert site.ask(form={"id": form["id"], "shown": form["shown"]})[0] == 403
    query = f"{PAGE}?{urlencode(form)}"
    assert site.ask(path=query, form={})[0] == 403  # the value counts in the body alone
    for method, status in (("GET", 200), ("HEAD", 200), ("PUT", 405), ("DELETE", 405), ("OPTIONS", 405)):
        assert (method, site.ask(method, query)[0]) == (method, status)
    for method, fields in (("GET", FOREIGN["a rebound host"]), ("GET", {"Sec_Fetch_Dest": "iframe"})):
        assert site.ask(method, f"{PAGE}?id={site.id}", fields=fields)[0] == 403  # nor is it shown
    assert site.started() == []
    assert site.scene.spawned == []
    assert site.tree() == site.before


@pytest.mark.parametrize("kind", ROWS)
def test_only_what_was_shown_is_run(wire: Callable[[str], Wire], kind: str):
    """The page itself runs the remedy, once; with another digest, or another id, nothing runs."""
    site = wire(kind)
    page = json.loads(site.ask("GET", f"{PAGE}?id={site.id}", fields={"Accept": "application/json"})[1])
    assert page["command"] or page["diff"] or page["why"]
    for wrong in ({"shown": ""}, {"shown": "0" * 32}, {"id": "0" * 32}):
        site.ask(form={**site.form, **wrong})
        assert site.started() == []
        assert site.tree() == site.before
    assert site.ask()[0] == 303
    assert site.started() == ([kind] if page["runs"] else [])
    assert site.ask()[0] == 303  # pressed twice
    assert site.started() == ([kind] if page["runs"] else [])
