"""A request that came over HTTPS is sent again over HTTPS, and pinned, whatever name the certificate has."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.certificates import make_certificate
from tests.live.live_appliance import Appliance

APP = """
word = "one"
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.url_scheme"].encode() + b" " + word.encode()]
"""


def asked(appliance: Appliance, page: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    """A page of the appliance as JSON; with a form it is a POST of one of its own pages."""
    context = ssl.create_default_context(cafile=str(appliance.project / "localhost.pem"))
    connection = HTTPSConnection("localhost", appliance.port, timeout=60, context=context)
    origin = {"Origin": f"https://localhost:{appliance.port}", "Sec-Fetch-Site": "same-origin"}
    if form is None:
        connection.request("GET", page, headers={"Accept": "application/json"})
    else:
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        connection.request("POST", page, body=urlencode(form), headers={**origin, **kind})
    content = connection.getresponse().read()
    connection.close()
    found: dict[str, Any] = json.loads(content) if content[:1] == b"{" else {}
    return found


def test_a_request_over_https_is_sent_again(start: Callable[..., Appliance], project: Path):
    """The project sees HTTPS again; a pin of it shows the next save; a copied command has the scheme."""
    make_certificate(project)
    (project / "app.py").write_text(APP, encoding="utf-8")
    appliance = start(APPLIANCE_TLS_CERT="localhost.pem", APPLIANCE_TLS_KEY="localhost-key.pem")
    appliance.wait_for("worker.ready")
    asked(appliance, "/first")
    number = 0
    while not number:
        found = asked(appliance, "/__appliance__/requests?limit=500").get("requests", [])
        number = next((each["id"] for each in found if each["path"] == "/first"), 0)
    place = f"/__appliance__/requests/{number}"
    form = asked(appliance, f"{place}/replay")
    assert f"https://localhost:{appliance.port}/first" in form["copies"]["curl"]
    value = {"page_value": form["page_value"]}
    assert asked(appliance, f"{place}/replay", value)["after"]["content"] == "https one"
    asked(appliance, f"{place}/pin", value)
    while asked(appliance, "/__appliance__/pins")["pins"][0]["state"] == "running":
        time.sleep(0.02)
    appliance.edit("app.py", APP.replace('"one"', '"two"'))
    assert appliance.wait_for("replay.changed")["count"] == 1
