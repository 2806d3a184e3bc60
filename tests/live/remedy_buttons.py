"""Press the buttons of a running appliance's pages, as a browser without script does."""

from __future__ import annotations

import contextlib
import json
import re
from html import unescape
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from tests.live.live_appliance import Appliance

PATH = "/__appliance__/remedy"


def page_of(appliance: Appliance, path: str = "/") -> dict[str, Any]:
    """A failure's page as JSON, once it has remedies."""
    for _ in range(200):
        response, body = appliance.get(path, Accept="application/json")
        page: dict[str, Any] = json.loads(body) if "json" in response.headers.get("Content-Type", "") else {}
        if page.get("remedies"):
            return page
        appliance.next_event()
    raise AssertionError(f"no page with remedies: {body!r}")


def remedy_of(appliance: Appliance, remedy_id: str) -> dict[str, Any]:
    """Return the facts of a remedy."""
    response, body = appliance.get(f"{PATH}?id={remedy_id}", Accept="application/json")
    assert response.status == 200, body
    remedy: dict[str, Any] = json.loads(body)
    return remedy


def form_of(appliance: Appliance, remedy_id: str) -> dict[str, str]:
    """The hidden fields of the form on the remedy's page."""
    response, body = appliance.get(f"{PATH}?id={remedy_id}", Accept="text/html")
    assert response.headers["Referrer-Policy"] == "same-origin"  # else a browser's Origin would be "null"
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', body.decode())
    return {name: unescape(value) for name, value in fields}


def post(appliance: Appliance, form: dict[str, str], path: str = PATH, **headers: str) -> int:
    """Press a button: the status of the answer."""
    host = f"127.0.0.1:{appliance.port}"
    fields = {
        "Host": host,
        "Origin": f"http://{host}",
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/x-www-form-urlencoded",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    connection = HTTPConnection("127.0.0.1", appliance.port, timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", path, body=urlencode(form), headers={k: v for k, v in fields.items() if v})
        response = connection.getresponse()
        response.read()
        return response.status


def on_page(appliance: Appliance, path: str = "/", **headers: str) -> list[str]:
    """The ids of the remedies on a page that a framework has made."""
    _, body = appliance.get(path, Accept="text/html", **headers)
    found = re.findall(r"remedy\?id=([0-9a-f]{32})", body.decode())
    assert found, body.decode()
    return found


def press_on(appliance: Appliance, kind: str, path: str = "/", **headers: str) -> dict[str, Any]:
    """The same on a page that a framework has made."""
    remedies = [remedy_of(appliance, each) for each in on_page(appliance, path, **headers)]
    remedy = next(each for each in remedies if each["kind"] == kind)
    assert post(appliance, form_of(appliance, remedy["id"])) == 303
    assert appliance.wait_for("remedy.finished", within_s=60)["remedy"] == kind
    return remedy


def press(appliance: Appliance, kind: str, path: str = "/") -> dict[str, Any]:
    """Press the button of this kind on a page, and wait until it is done; what it has shown before."""
    remedy_id = next(each["id"] for each in page_of(appliance, path)["remedies"] if each["kind"] == kind)
    remedy = remedy_of(appliance, remedy_id)
    assert post(appliance, form_of(appliance, remedy_id)) == 303
    finished = appliance.wait_for("remedy.finished", within_s=60)
    assert finished["remedy"] == kind
    return remedy
