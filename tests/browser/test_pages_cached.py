"""Open pages show what was saved, whatever the browser has in its cache: in Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.site import LOGO, STYLE, Site

pytestmark = pytest.mark.whole

COLOUR = "getComputedStyle(document.querySelector('h1')).color"


@pytest.mark.parametrize("kind", ["identity", "policy"])
def test_no_old_file_comes_from_the_cache(opened: Callable[..., Site], kind: str):
    """A style that a browser may keep for years is the saved one after a load of the page, in a new tab, and later."""
    site = opened(kind)
    site.appliance.edit("static/site.css", STYLE.format(77))
    site.until(f"{COLOUR} === 'rgb(77, 77, 77)'")
    site.save("two")
    site.shows("two")
    assert site.page.evaluate(COLOUR) == "rgb(77, 77, 77)"
    tab = site.page.context.new_page()
    tab.goto(site.url)
    assert tab.evaluate(COLOUR) == "rgb(77, 77, 77)"
    tab.close()
    site.page.goto("about:blank")  # no page is open now
    site.appliance.edit("static/site.css", STYLE.format(88))
    site.open()
    site.until(f"{COLOUR} === 'rgb(88, 88, 88)'")
    site.open()
    assert site.page.evaluate(COLOUR) == "rgb(88, 88, 88)"


RESPONSIVE = '<picture><source srcset="/static/logo.svg"><img alt="logo"></picture>'


def test_an_image_of_several_sources_is_the_saved_one(opened: Callable[..., Site]):
    """An image that the browser chooses from several sources loads the page again."""
    site = opened()
    site.source = site.source.replace('<img src="/static/logo.svg" alt="logo">', RESPONSIVE)
    site.save("two")
    site.shows("two")
    site.until("document.querySelector('img').naturalWidth === 10")
    site.appliance.edit("static/logo.svg", LOGO.format(33))
    site.until("document.querySelector('img')?.naturalWidth === 33")


def test_no_old_script_comes_from_the_cache(opened: Callable[..., Site], project: Path):
    """A script that a browser may keep for years, and a module that it imports, run as they were saved."""
    main, part = project / "static" / "main.js", project / "static" / "part.js"
    site = opened()
    for file, text in (
        (part, 'export const word = "one";'),
        (main, 'import {word} from "./part.js"; document.title = word;'),
    ):
        file.write_text(text, encoding="utf-8")
    site.source = site.source.replace("</body>", '<script type="module" src="/static/main.js"></script></body>')
    site.save("two")
    site.shows("two")
    site.until("document.title === 'one'")
    part.write_text('export const word = "two";', encoding="utf-8")
    site.until("document.title === 'two'")


UNCHANGED = """
WORD = "one"
def app(environ, start_response):
    fields = [("Content-Type", "text/html"), ("ETag", '"always"')]
    if "HTTP_IF_NONE_MATCH" in environ:
        start_response("304 Not Modified", fields)
        return []
    start_response("200 OK", fields)
    return [b"<!doctype html><html><head><title>page</title></head><body><h1>same</h1></body></html>"]
"""


def test_a_page_that_stays_the_same_is_loaded_once(opened: Callable[..., Site]):
    """A page that the browser has already (304) does not load again and again: once for each save."""
    site = opened()
    site.source = UNCHANGED
    site.save("two")
    site.until("document.querySelector('h1')?.textContent === 'same'")
    for word in ("three", "four"):
        loads = site.loads
        site.save(word)
        site.until_loaded_after(loads)
        site.appliance.edit("app.py", "def (\n")
        site.page.wait_for_selector("appliance-error", state="attached")
        assert site.loads == loads + 1
