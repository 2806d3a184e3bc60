"""Sending a request again in Chromium: by key and by button, edited, asked first, copied; each page is accessible."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.tools import axe, in_looks, nu
from tests.live.desk_client import newest
from tests.live.live_appliance import Appliance

Starting = Callable[..., Appliance]
Opening = Callable[..., Any]
APP = """
import json
word = "one"
def app(environ, start_response):
    body = environ["wsgi.input"].read().decode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"word": word, "query": environ["QUERY_STRING"], "body": body}).encode()]
"""


@pytest.fixture
def opened(start: Starting, project: Path, new_page: Opening) -> tuple[Appliance, Any, list[str], str]:
    """An appliance with a recorded request, a tab, the browser's complaints, and the address of the request's page."""
    (project / "app.py").write_text(APP, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    tab, said = new_page(), []
    tab.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    tab.on("pageerror", lambda error: said.append(str(error)))
    appliance.get("/first?a=1", Authorization="Basic abc")
    place = f"http://localhost:{appliance.port}/__appliance__/requests/{newest(appliance, '/first')}"
    tab.goto(place)
    return appliance, tab, said, place


def test_a_request_is_sent_again_by_key(opened: tuple[Appliance, Any, list[str], str]):
    """The key R sends a request again; a save shows the difference; an edited, unsafe method is asked for once."""
    appliance, tab, said, place = opened
    tab.keyboard.press("r")
    tab.wait_for_selector("#result >> text=No difference.")
    appliance.edit("app.py", APP.replace('"one"', '"two"'))
    appliance.wait_for("reload.finished")
    tab.goto(place)
    tab.click("button >> text=Send again")
    tab.wait_for_selector("#result tr:has-text('$.word') >> text=two")
    tab.fill("[name=target]", "/second?b=2")
    tab.fill("[name=method]", "PUT")
    tab.fill("[name=body]", "typed\nhere")
    tab.click("#edit button")
    tab.wait_for_selector("h1 >> text=Send PUT again?")
    tab.click("main button")
    tab.wait_for_selector("#result tr:has-text('$.body') >> text=typed\\nhere")
    tab.click("#edit button")  # asked once
    tab.wait_for_selector("#result tr:has-text('$.query') >> text=b=2")
    tab.click("#result >> text=as it was recorded now")
    tab.wait_for_selector("dd >> text=repeats")
    assert said == []


def test_the_list_sends_the_chosen_request_again(opened: tuple[Appliance, Any, list[str], str]):
    """R on the list sends the chosen request, asks first where the method is not safe, and does nothing without one."""
    _, tab, said, place = opened
    listed = place.partition("requests")[0]
    tab.goto(listed)
    tab.evaluate("fetch('/second', {method: 'POST', body: 'typed'})")
    tab.wait_for_selector("#requests tr:first-child >> text=/second")
    for key in ("r", "j", "r"):
        tab.keyboard.press(key)
    tab.wait_for_selector("h1 >> text=Send POST again?")
    tab.goto(listed)
    for key in ("j", "j", "r"):
        tab.keyboard.press(key)
    tab.wait_for_selector("#result >> text=No difference.")
    tab.click("text=The request")
    tab.wait_for_selector("h1 >> text=GET /first")
    assert said == []


def test_secrets_are_copied_when_asked_for(opened: tuple[Appliance, Any, list[str], str]):
    """The commands have names for masked values until the button for the secrets is pressed; a button copies one."""
    _, tab, said, _ = opened
    tab.click("text=Edit, or copy as a command")
    assert "Basic <Authorization>" in tab.locator("#copy-curl").inner_text()
    tab.click("button >> text=Show them with the secrets")
    tab.wait_for_selector("#copies >> text=secrets included")
    assert "Basic abc" in tab.locator("#copy-requests").inner_text()
    tab.click("button >> text=Copy curl")
    tab.wait_for_selector("[data-copy]:has-text('Copied'), [data-copy]:has-text('Selected')")
    assert said == []


@pytest.mark.whole
def test_the_pages_of_a_replay_are_accessible(
    opened: tuple[Appliance, Any, list[str], str], new_page: Opening, tmp_path: Path
):
    """axe-core finds nothing on the form and the result, none is too wide on a phone, and the HTML is valid."""
    appliance, tab, _, place = opened
    appliance.edit("app.py", APP.replace('"one"', '"two"'))
    appliance.wait_for("reload.finished")
    tab.keyboard.press("r")
    tab.wait_for_selector("#result tr")
    result = tab.url
    page = new_page()
    for address in (f"{place}/replay", result):
        page.goto(address)
        assert in_looks(page) == [], address
    path = result.partition(str(appliance.port))[2]
    assert nu({"result": appliance.get(path, Accept="text/html")[1].decode()}, tmp_path) == []


@pytest.mark.whole
def test_a_pinned_request_shows_each_save(
    opened: tuple[Appliance, Any, list[str], str], new_page: Opening, tmp_path: Path
):
    """A save shows its difference, and what is left out of it, on the open page by itself; unpinned, it is empty."""
    appliance, tab, said, place = opened
    tab.click("button >> text=Pin")
    tab.wait_for_selector(".pin .state >> text=It has run once")
    own = new_page()
    own.goto(place)
    own.wait_for_selector("#pin-note .state >> text=It has run once")
    timed = APP.replace('"word": word', '"word": word, "at": __import__("time").time_ns()')
    appliance.edit("app.py", timed.replace('"one"', '"two"'))
    tab.wait_for_selector(".pin tr:has-text('$.word') >> text=two")
    tab.wait_for_selector(".pin .notes >> text=differs from one response to the next: $.at")
    own.wait_for_selector("#pin-note .state >> text=/^It has changed.$/")
    own.wait_for_selector("#pin-note >> text=The difference")
    page = new_page()
    for address in (tab.url, place):
        page.goto(address)
        assert in_looks(page) == [], address
    page.click("main >> text=The difference")  # of the request's own page
    page.wait_for_url(tab.url)
    page.context.close()
    assert axe(tab) == []  # as the script has made it
    paths = {"pins": "/__appliance__/pins", "request": place.partition(str(appliance.port))[2]}
    pages = {name: appliance.get(path, Accept="text/html")[1].decode() for name, path in paths.items()}
    assert nu(pages, tmp_path) == []
    appliance.edit("app.py", APP + "(")
    tab.wait_for_selector(".pin .state >> text=the project does not start")
    tab.click("button >> text=Unpin")
    tab.wait_for_selector("text=Nothing is pinned")
    own.wait_for_selector("button >> text=/^Pin$/")
    assert said == []


@pytest.mark.whole
def test_a_request_is_written_as_a_test(
    opened: tuple[Appliance, Any, list[str], str], project: Path, new_page: Opening, tmp_path: Path
):
    """The test is shown, then written where the person says; the page is accessible; a second press writes nothing."""
    appliance, tab, said, _ = opened
    tab.click("text=Write as a test")
    assert "FILL_IN" in tab.locator("#test").inner_text()
    page = new_page()
    page.goto(tab.url)
    assert in_looks(page) == []
    path = tab.url.partition(str(appliance.port))[2]
    assert nu({"test": appliance.get(path, Accept="text/html")[1].decode()}, tmp_path) == []
    tab.fill("[name=file]", "test_first.py")
    tab.click("button >> text=Write the file")
    tab.wait_for_selector("[role=status] >> text=test_first.py")
    assert "wsgi" in (project / "test_first.py").read_text(encoding="utf-8")
    assert said == []
