"""A request that came over HTTPS is sent again over HTTPS, and pinned, whatever name the certificate has."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.certificates import make_certificate
from tests.live.desk_client import connected, newest, pins_as_they_come
from tests.live.live_appliance import Appliance

APP = """
word = "one"
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.url_scheme"].encode() + b" " + word.encode()]
"""


def asked(appliance: Appliance, page: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    """A page of the appliance as JSON; with a form it is a POST of one of its own pages."""
    connection = connected(appliance, appliance.project / "localhost.pem")
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
    certificate = project / "localhost.pem"
    number = newest(appliance, "/first", certificate=certificate)
    place = f"/__appliance__/requests/{number}"
    form = asked(appliance, f"{place}/replay")
    assert f"https://localhost:{appliance.port}/first" in form["copies"]["curl"]
    value = {"page_value": form["page_value"]}
    assert asked(appliance, f"{place}/replay", value)["after"]["content"] == "https one"
    with pins_as_they_come(appliance, certificate) as pins:
        asked(appliance, f"{place}/pin", value)
        assert next(pins)["state"] == "first"
    appliance.edit("app.py", APP.replace('"one"', '"two"'))
    assert appliance.wait_for("replay.changed")["count"] == 1
