"""The page of the bundled example in a browser: it looks as the appliance's own pages do, and is as accessible."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.tools import in_looks, nu

EXAMPLE = Path(__file__).parents[2] / "examples" / "hello" / "wsgi.py"
ENVIRON = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "localhost:8000",
    "HTTP_USER_AGENT": "Mozilla/5.0 " + "x" * 200,
    "wsgi.url_scheme": "http",
}


@pytest.fixture(scope="module")
def page() -> str:
    """The document."""
    application = runpy.run_path(str(EXAMPLE))["application"]
    return b"".join(application(dict(ENVIRON), lambda *_: None)).decode()


def test_the_example_is_accessible(page: str, new_page: Callable[..., Any]):
    """axe-core finds nothing at any width in either scheme, folded or open, and no width needs a scroll bar."""
    tab = new_page(320)
    tab.set_content(page)
    tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320
    assert in_looks(tab) == []


@pytest.mark.usefixtures("chromium")
def test_the_example_is_valid(page: str, tmp_path: Path):
    """The Nu HTML checker finds nothing in it."""
    assert nu({"example": page}, tmp_path) == []
