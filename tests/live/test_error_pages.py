"""The page of an exception, served: its parts come from where they are known, and no secret is on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.live.live_appliance import HELLO, Start

FAILING = """
import logging

def app(environ, start_response):
    print("a printed line")
    logging.getLogger("shop").warning("a logged line")
    return price(environ)

def price(environ):
    pin, amount = "Tr0ub4dor", 3
    return amount["one"]
"""


def test_the_page_of_an_exception_shows_request_output_and_save(start: Start, project: Path) -> None:
    """The page has the request, the lines of output, the last save with the failing line, and the editor's link."""
    (project / ".env").write_text("DOOR_CODE=Tr0ub4dor\n", encoding="utf-8")
    (project / "app.py").write_text(FAILING.replace('"one"', '"two"'), encoding="utf-8")
    appliance = start(APPLIANCE_EDITOR="vscode", APPLIANCE_EDITOR_FOLDER="/home/me/shop")
    appliance.wait_for("worker.ready")
    appliance.get("/first")
    appliance.edit("app.py", FAILING)
    appliance.wait_for("reload.finished")
    response, body = appliance.get("/boom?x=1", Accept="application/json", Cookie="session=abc")
    page: dict[str, Any] = json.loads(body)
    assert (response.status, page["detail"]) == (500, "TypeError: 'int' object is not subscriptable")
    assert page["lead"] == "Your application raised an exception in GET /boom"
    assert page["request"]["query"] == [["x", "1"]]
    assert "a printed line" in page["log"]
    assert "a logged line" in str(page["log"])
    (saved,) = page["saved"]["files"]
    assert (Path(saved["file"]).name, saved["what"]) == ("app.py", "changed")
    assert saved["diff"][-2:] == ['-    return amount["two"]', '+    return amount["one"]']
    html = appliance.get("/boom", Accept="text/html")[1].decode()
    assert 'href="vscode://file/home/me/shop/app.py:11:12"' in html
    assert '<span class="l add here">+    return amount[' in html
    assert "Tr0ub4dor" not in html + body.decode()
    assert dict(page["exception"]["frames"][-1]["locals"])["amount"] == "3"


def test_a_broken_save_shows_its_line_and_what_it_changed(start: Start) -> None:
    """A save that can't be imported shows the broken line, and what the save changed."""
    appliance = start()
    appliance.wait_for("worker.ready")
    appliance.edit("app.py", HELLO.replace("environ, start_response):", "environ, start_response:"))
    appliance.wait_for("worker.failed")
    response, body = appliance.get(Accept="text/html")
    html = body.decode()
    assert response.status == 500
    assert '<h1><span class="kind">SyntaxError</span>' in html
    assert "<mark>" in html
    assert "What was saved last" in html
    assert '<span class="l add here">+def app(environ, start_response:</span>' in html
    policy = response.getheader("Content-Security-Policy", "")
    assert "unsafe" not in policy
    assert "sha256-" in policy
