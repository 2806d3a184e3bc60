"""The checks of the other tests here find what they are there to find."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.tools import SCHEMES, WIDTHS, axe, in_looks, looks, nu, too_narrow

GOOD = '<!doctype html><html lang="en"><head><title>Good</title></head><body><main><h1>Good</h1></main></body></html>\n'


def test_axe_finds_a_picture_without_a_text(new_page: Callable[..., Any]):
    """axe-core finds nothing on a good page, and a picture without a text on another, whatever the page's policy is."""
    page = new_page()
    policy = {"Content-Security-Policy": "default-src 'none'"}
    page.route("**/*", lambda route: route.fulfill(content_type="text/html", body=GOOD, headers=policy))
    page.goto("http://localhost/")
    assert axe(page) == []
    page.set_content(GOOD.replace("</main>", "<img src='data:,'></main>"))
    assert [line for line in axe(page) if line.startswith("image-alt: ")]


def test_the_scheme_and_the_width_are_the_pages(new_page: Callable[..., Any]):
    """A page has the width and the colour scheme that it was opened with."""
    page = new_page(360, "dark")
    assert page.evaluate("[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]") == [360, True]


def test_a_page_that_is_too_wide_is_found(new_page: Callable[..., Any]):
    """A page with something of 600 pixels needs a scroll bar on a phone alone, and keeps its width."""
    page = new_page(800, "light")
    page.set_content("<body style='margin: 0'><p style='width: 600px'>wide")
    assert too_narrow(page) == [360]
    assert page.evaluate("innerWidth") == 800


def test_a_fault_of_one_scheme_is_found(new_page: Callable[..., Any]):
    """A text that can't be read in the dark alone is found there, whatever the scheme was when the page was opened."""
    dark = "<style>@media (prefers-color-scheme: dark) { h1 { background: black; color: #222 } }</style></head>"
    page = new_page(800, "light")
    page.set_content(GOOD.replace("</head>", dark))
    assert axe(page) == []
    found = in_looks(page)
    assert found
    assert all(" dark: color-contrast: " in line for line in found)


def test_every_look_is_in_the_long_form():
    """The short form has each scheme once; the long form has each of them in each width."""
    assert [scheme for _, scheme in looks(every=False)] == list(SCHEMES)
    assert set(looks(every=False)) < set(looks(every=True))
    assert len(set(looks(every=True))) == len(WIDTHS) * len(SCHEMES)


@pytest.mark.whole
def test_the_nu_checker_finds_what_is_not_html(chromium: Any, tmp_path: Path):
    """The checker finds nothing in a good document, and names the one that is not valid."""
    found = nu({"good": GOOD, "bad": GOOD.replace("<h1>", "<h1 colour=red>")}, tmp_path)
    assert [line.partition(":")[0] for line in found] == ["bad"]


@pytest.mark.usefixtures("_playwright")
def test_other_tests_may_run_a_loop():
    """The browser's session leaves asyncio to the tests of other folders."""

    async def answer() -> int:
        return 1

    assert asyncio.run(answer()) == 1
