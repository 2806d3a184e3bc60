"""Another site in the same browser reaches nothing below /__appliance__/: in Chromium."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.live.live_appliance import HELLO, Appliance

Starting = Callable[..., Appliance]
Opening = Callable[..., Any]


class Attacker(BaseHTTPRequestHandler):
    """A page of another site."""

    def do_GET(self) -> None:
        """Any path is the page."""
        content = b"<!doctype html><html lang=en><title>other</title><h1>another site</h1></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def attacker() -> Iterator[int]:
    """The port of another site's server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Attacker)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def serving(start: Starting, project: Path) -> Appliance:
    """An appliance that serves a project."""
    (project / "app.py").write_text(HELLO.format(word="one"), encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    return appliance


# Attempts of a page of another site; each returns its result, or the name of the error.
ATTEMPTS = {
    "fetch": "fetch(url, {credentials: 'include'}).then(answer => answer.text())",
    "fetch without CORS": "fetch(url, {mode: 'no-cors'}).then(answer => answer.text())",
    "post": "fetch(url + 'browser-error', {method: 'POST', body: '{}'}).then(answer => answer.text())",
    "post without CORS": """fetch(url + 'browser-error', {method: 'POST', mode: 'no-cors', body: '{}'})
        .then(answer => answer.text())""",
    "events": """new Promise((yes, no) => { const s = new EventSource(url + 'events');
        s.addEventListener('state', yes); s.onerror = no })""",
    "script": """new Promise((yes, no) => { const s = document.createElement('script'); s.src = url + 'client.js';
        s.onload = () => yes('loaded'); s.onerror = no; document.head.append(s) })""",
}  # fmt: skip


def test_another_origin_gets_nothing(serving: Appliance, attacker: int, new_page: Opening):
    """A site of another name, and another port of this machine: neither reads, changes, nor runs anything."""
    url = f"http://localhost:{serving.port}/__appliance__/"
    page = new_page()
    for host in ("evil.localhost", "127.0.0.1", "localhost"):
        page.goto(f"http://{host}:{attacker}/")
        for name, attempt in ATTEMPTS.items():
            assert page.evaluate(f"url => ({attempt}).then(String, () => '')", url) == "", (host, name)
    serving.get("/")
    assert not any(event["event"] == "browser.error" for event in serving.events)


def test_no_page_is_shown_in_a_frame(serving: Appliance, attacker: int, new_page: Opening):
    """Neither another site nor another port may put a page of the appliance below its own buttons."""
    page = new_page()
    url = f"http://localhost:{serving.port}/__appliance__/"
    script = """url => new Promise(loaded => { const frame = document.createElement('iframe'); frame.src = url;
        frame.onload = () => loaded(); document.body.append(frame) })"""
    for host in ("evil.localhost", "localhost"):
        page.goto(f"http://{host}:{attacker}/")
        page.evaluate(script, url)
        assert "generation" not in " ".join(frame.content().lower() for frame in page.frames[1:])


def test_a_link_from_another_site_opens_a_page(serving: Appliance, attacker: int, new_page: Opening):
    """A person who follows a link, from a chat for example, sees the page."""
    page = new_page()
    page.goto(f"http://evil.localhost:{attacker}/")
    with page.expect_navigation():
        page.evaluate(f"location.href = 'http://localhost:{serving.port}/__appliance__/'")
    assert "Generation 1" in page.content()


def test_a_form_of_another_site_changes_nothing(serving: Appliance, attacker: int, new_page: Opening):
    """A form can navigate by POST from anywhere: it is refused."""
    page = new_page()
    page.goto(f"http://evil.localhost:{attacker}/")
    url = f"http://localhost:{serving.port}/__appliance__/browser-error"
    script = """url => { const form = document.createElement('form'); form.method = 'POST'; form.action = url;
        document.body.append(form); form.submit() }"""
    with page.expect_navigation() as navigation:
        page.evaluate(script, url)
    assert navigation.value.status == 403
