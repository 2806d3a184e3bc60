"""An appliance behind a workspace's own proxy: its names, their scheme, and who sees the appliance's pages there."""

import contextlib
import json
import re
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

APP = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']} {environ['REMOTE_ADDR']}".encode()]
"""
HOST = "8000--main--shop--kim.coder.test"
# As Go's ReverseProxy sends it, which Coder is built on.
PROXY = {"Host": HOST, "X-Forwarded-For": "203.0.113.7"}


@pytest.fixture
def workspace(project, start):
    """An appliance in a workspace of Coder, whose project is served."""
    (project / "app.py").write_text(APP)
    started = start(VSCODE_PROXY_URI=f"https://{HOST.replace('8000', '{{port}}')}")
    started.wait_for("worker.ready")
    return started


def report(appliance, **headers):
    """The status of a report of an error, as an open page of the appliance sends it."""
    body = json.dumps({"kind": "error", "text": "none"})
    with contextlib.closing(HTTPConnection("127.0.0.1", appliance.port, timeout=30)) as connection:
        connection.request(
            "POST",
            "/__appliance__/browser-error",
            body=body,
            headers={**PROXY, "Sec-Fetch-Site": "same-origin", **headers},
        )
        return connection.getresponse().status


def test_the_forwarded_name_is_served_with_its_scheme(workspace):
    """Under its forwarded name the project is asked by https; under another one it is not served."""
    response, body = workspace.get(**PROXY)
    assert (response.status, body) == (200, f"https://{HOST} 127.0.0.1".encode())
    response, _ = workspace.get(Host=HOST.replace("kim", "eve"), **{"X-Forwarded-For": "203.0.113.7"})
    assert response.status == 403
    response, body = workspace.get()
    assert body.startswith(b"http://127.0.0.1:")


def test_the_pages_need_the_token_behind_the_proxy(workspace):
    """The proxy's connection comes from this machine, and opens no page of the appliance without the token."""
    started = next(event for event in workspace.events if event["event"] == "pages.started")
    shown = urlsplit(started["url"])
    assert shown.netloc == HOST.replace("8000", str(workspace.port))
    for host in (HOST, "localhost"):
        response, _ = workspace.get("/__appliance__/", **{**PROXY, "Host": host})
        assert response.status == 403
    response, _ = workspace.get(f"{shown.path}?{shown.query}", **PROXY)
    cookie = response.headers["Set-Cookie"]
    assert (response.status, "Secure" in cookie) == (303, True)
    mine = {"Cookie": cookie.partition(";")[0]}
    response, _ = workspace.get("/__appliance__/", **{**PROXY, **mine})
    assert response.status == 200
    _, script = workspace.get("/__appliance__/client.js", **{**PROXY, **mine})
    found = re.search(r'pageValue = "([0-9a-f]+)"', script.decode())
    assert found is not None
    mine["X-Appliance-Page"] = found[1]
    assert report(workspace, Origin=f"https://{HOST}", **mine) == 204
    assert report(workspace, Origin=f"http://{HOST}", **mine) == 403
    assert report(workspace, Origin="https://evil.example", **mine) == 403
