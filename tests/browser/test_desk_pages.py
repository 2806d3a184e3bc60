"""The desk in Chromium: the list follows the requests, filters and keys work, and every page is accessible."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.standin.desk_pages.sections.section_table import SECTIONS
from tests.browser.tools import in_looks, nu
from tests.live.live_appliance import Appliance

Starting = Callable[..., Appliance]
Opening = Callable[..., Any]
APP = """
import http.client, smtplib, sqlite3, time
MAIL = "Subject: Welcome\\nContent-Type: text/html\\n\\n<script>document.body.innerHTML = 'ran'</script><p>Hello</p>"

def effects():
    database = sqlite3.connect(":memory:")
    database.execute("SELECT name, price FROM (SELECT 'tea' AS name, 3 AS price) WHERE price < ?", (7,)).fetchall()
    with smtplib.SMTP("mail.example.invalid") as session:
        session.sendmail("a@example.org", ["b@example.org"], MAIL)
    try:
        http.client.HTTPConnection("127.0.0.1", 1).request("GET", "/refused")
    except OSError:
        pass

def app(environ, start_response):
    print("printed by", environ["PATH_INFO"])
    if environ["PATH_INFO"] == "/slow":
        time.sleep(0.05)
    if environ["PATH_INFO"] == "/raise":
        effects()
        raise ValueError("wrong")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one"]
"""
PAGES = (
    *("", "routes", "reloads", "errors", "processes", "settings", "packages"),
    *(f"requests/{{number}}/{name}".rstrip("/") for name in SECTIONS),
)


@pytest.fixture
def desk(start: Starting, project: Path, new_page: Opening) -> tuple[Appliance, Any, list[str]]:
    """An appliance that has answered two requests, its list of requests in a tab, and the browser's complaints."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    tab, said = new_page(), []
    tab.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    tab.on("pageerror", lambda error: said.append(str(error)))
    appliance.get("/first")
    appliance.get("/raise")
    tab.goto(f"http://localhost:{appliance.port}/__appliance__/")
    tab.wait_for_selector("#requests tr >> text=/raise")
    return appliance, tab, said


def test_the_list_follows_the_requests(desk: tuple[Appliance, Any, list[str]]):
    """A request appears at the top without loading again; a filter shows its own alone, also those that come later."""
    appliance, tab, said = desk
    appliance.get("/second?page=2")
    tab.wait_for_selector("#requests tr:first-child >> text=/second?page=2")
    assert tab.locator("#requests tr").count() == 3
    tab.fill("#q", "raise")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/?q=raise*")
    assert tab.locator("#requests tr").count() == 1
    appliance.get("/third")
    appliance.get("/raise?again")
    tab.wait_for_selector("#requests tr:first-child >> text=/raise?again")
    assert tab.locator("#requests tr").count() == 2
    assert said == []


@pytest.mark.whole
def test_empty_pages_show_what_comes(start: Starting, project: Path, new_page: Opening):
    """A page that was opened before there was anything to show follows, too: errors, routes, and pins."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    tabs = {}
    for name, nothing in (("errors", "No exception"), ("routes", "No request yet"), ("pins", "Nothing is pinned")):
        tabs[name] = new_page()
        tabs[name].goto(f"http://localhost:{appliance.port}/__appliance__/{name}")
        tabs[name].wait_for_selector(f"p >> text={nothing}")
    appliance.get("/raise")
    tabs["errors"].wait_for_selector("tbody a >> text=ValueError: wrong")
    tabs["routes"].wait_for_selector("tbody a >> text=/raise")
    tabs["errors"].click("tbody a >> text=ValueError: wrong")
    tabs["errors"].click("button >> text=Pin")
    tabs["pins"].wait_for_selector("section.pin h2 >> text=/raise")


@pytest.mark.whole
def test_keys_choose_and_open_a_request(desk: tuple[Appliance, Any, list[str]]):
    """J and k choose, Enter opens, / goes to the search; the page of a request shows what it printed and raised."""
    _, tab, said = desk
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.id") == "q"
    tab.keyboard.press("Tab")
    tab.evaluate("document.activeElement.blur()")
    for key in ("j", "j", "k"):
        tab.keyboard.press(key)
    assert tab.locator("tr.chosen").inner_text().split("\t")[2] == "/raise"
    tab.keyboard.press("Enter")
    tab.wait_for_selector("h1 >> text=GET /raise")
    tab.wait_for_load_state()  # its script takes the keys
    shown = {
        "exception": "ValueError: wrong",
        "request": "Accept-Encoding",
        "response": "Content-Type",
        "queries": "SELECT name, price",
        "outgoing": "Connection refused",
        "mail": "Kept, and not sent",
        "log": "printed by /raise",
    }
    for name, text in shown.items():  # the order of the tabs
        tab.keyboard.press("l")
        tab.wait_for_url(f"**/{name}")
        assert text in tab.locator(".tab").inner_text()
    tab.keyboard.press("j")
    tab.wait_for_selector("h1 >> text=GET /first")
    assert "printed by /first" in tab.locator(".tab").inner_text()
    tab.keyboard.press("u")
    tab.wait_for_selector("#requests tr")
    assert said == []


@pytest.mark.whole
def test_a_save_is_compared_while_the_page_is_open(desk: tuple[Appliance, Any, list[str]]):
    """The plot of a route and the change of its median follow a save and its requests, without loading again."""
    appliance, tab, said = desk
    for _ in range(6):
        appliance.get("/slow")
    appliance.edit("app.py", APP.replace("0.05", "0"))
    appliance.wait_for("reload.finished")
    tab.goto(f"http://localhost:{appliance.port}/__appliance__/routes")
    tab.evaluate("document.body.dataset.loaded = 'once'")
    for _ in range(6):
        appliance.get("/slow")
    row = tab.locator("tr", has_text="/slow")
    row.locator("text=faster").wait_for()
    assert "6 requests before the save" in row.locator("svg.plot").get_attribute("aria-label")
    assert row.locator("svg.plot rect.after").count() == 6
    assert tab.evaluate("document.body.dataset.loaded") == "once"
    tab.goto(f"http://localhost:{appliance.port}/__appliance__/reloads")
    assert "imported" in tab.locator("tbody tr").first.inner_text()
    tab.locator("tbody tr a").first.click()
    tab.wait_for_url("**/?generation=2")
    tab.wait_for_selector("#requests tr >> text=/slow")
    assert "/raise" not in tab.locator("#requests").inner_text()
    assert said == []


@pytest.mark.whole
def test_the_processes_are_current(desk: tuple[Appliance, Any, list[str]]):
    """The page shows a worker that was started after it was opened, without loading again."""
    appliance, tab, said = desk
    tab.goto(f"http://localhost:{appliance.port}/__appliance__/processes")
    tab.evaluate("document.body.dataset.loaded = 'once'")
    appliance.edit("app.py", f"{APP}# saved")
    pid = appliance.wait_for("worker.ready", generation=2)["pid"]
    tab.wait_for_selector(f"#processes td >> text={pid}")
    assert tab.evaluate("document.body.dataset.loaded") == "once"
    assert said == []


@pytest.mark.whole
def test_the_desk_is_accessible(desk: tuple[Appliance, Any, list[str]], tmp_path: Path):
    """axe-core finds nothing on any page at any width in either scheme; no page is too wide; the HTML is valid."""
    appliance, tab, _ = desk
    number = tab.locator("#requests tr:first-child").get_attribute("data-id")
    documents: dict[str, str] = {}
    base = f"http://localhost:{appliance.port}/__appliance__/"
    for name in PAGES:
        tab.goto(base + name.format(number=number))
        assert in_looks(tab) == [], name
        content = appliance.get(f"/__appliance__/{name.format(number=number)}", Accept="text/html")[1]
        documents[name.format(number=number).replace("/", "-") or "list"] = content.decode()
    assert nu(documents, tmp_path) == []


def test_the_html_of_a_mail_runs_nothing(desk: tuple[Appliance, Any, list[str]]):
    """A mail is shown as a page, and its scripts are not run."""
    appliance, tab, _ = desk
    tab.click("#requests tr >> text=/raise")
    number = tab.url.rpartition("/")[2].partition("?")[0]
    tab.goto(f"http://localhost:{appliance.port}/__appliance__/requests/{number}/mail")
    with tab.expect_popup() as opened:
        tab.click("text=The HTML as a page")
    opened.value.wait_for_selector("p >> text=Hello")
    assert opened.value.evaluate("self.origin") == "null"


@pytest.mark.whole
def test_the_open_list_says_that_nothing_is_recorded(desk: tuple[Appliance, Any, list[str]]):
    """A database that can't be written shows itself on a page that is open already."""
    appliance, tab, said = desk
    assert tab.locator("[role=alert]").inner_text() == ""
    folder = Path(json.loads(appliance.command("status", "--json").stdout)["desk"]).parent
    folder.rename(folder.with_name("moved"))  # at once: the recorder may write meanwhile
    folder.write_text("in the way", encoding="utf-8")
    appliance.get("/third")
    appliance.wait_for("desk.failed")
    tab.wait_for_selector("[role=alert] >> text=New requests are not recorded now")
    assert said == []
