"""The appliance's errors and notices over a page or inside of it, in Chromium: they can be read and used."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.site import FILLED, Site

MODAL = """
const dialog = document.createElement("dialog");
dialog.innerHTML = "<input id='inside'>";
document.body.append(dialog);
dialog.showModal();
document.getElementById("inside").focus();
"""
INSIDE = "document.activeElement?.tagName ?? ''"
FRAMED = """
def app(environ, start_response):
    if environ["PATH_INFO"] == "/inner":
        return [missing]
    start_response("200 OK", [("Content-Type", "text/html")])
    return [b"<!doctype html><title>outer</title><h1>one</h1><iframe name=inner src=/inner></iframe>"]
"""


def test_an_error_is_shown_over_an_open_dialog(opened: Callable[..., Site]):
    """The error lies over a modal dialog, keeps the keyboard, and gives the focus back; the dialog stays open."""
    site = opened()
    site.page.evaluate(MODAL)
    site.appliance.edit("app.py", "def (\n")
    site.page.wait_for_selector("appliance-error", state="attached")
    assert site.page.evaluate("document.elementFromPoint(400, 80).tagName") == "APPLIANCE-ERROR"
    for _ in range(6):
        assert site.page.evaluate(INSIDE) in {"APPLIANCE-ERROR", "BODY"}  # BODY: the browser's own controls
        site.page.keyboard.press("Tab")
    site.page.keyboard.press("Escape")
    site.page.wait_for_selector("appliance-error", state="detached")
    assert site.page.evaluate("[document.activeElement.id, document.querySelector('dialog').open]") == ["inside", True]


def test_what_was_typed_stays_at_a_pushed_address(opened: Callable[..., Site]):
    """A page that changed its address by a script keeps its form over a save; the first address gets none of it."""
    site = opened()
    site.page.evaluate("history.pushState({}, '', '/?tab=2')")
    site.fill()
    site.save("two")
    site.shows("two")
    assert site.filled() == FILLED
    site.open()
    assert site.page.evaluate("document.getElementById('name').value") == ""


def test_a_failure_inside_a_frame_is_shown_there(opened: Callable[..., Site]):
    """A frame of the project's own page shows the exception of its request."""
    site = opened()
    site.source = FRAMED
    site.save("one")
    frame = site.page.frame_locator("iframe")
    frame.get_by_role("heading", name="NameError").first.wait_for()


def test_what_was_typed_stays_in_a_page_that_comes_back(opened: Callable[..., Site]):
    """A page from the back/forward cache loads again, and keeps its form and its scroll position."""
    site = opened()
    site.fill()
    site.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    site.until_loaded_after(1)
    site.shows("one")
    assert site.filled() == FILLED
