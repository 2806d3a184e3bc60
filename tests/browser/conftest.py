"""The fixtures of the browser's tests: one Chromium for all, and pages in it.

Theory of operation. Playwright's synchronous interface runs an event loop in this thread for the whole session, in a
greenlet. asyncio would refuse to run another one, so the loop is noted as running only during tests of this folder.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.site import LOGO, PROJECTS, STYLE, TEMPLATE, Site
from tests.browser.tools import ARGUMENTS, chromium_path, skip_or_fail
from tests.live.live_appliance import Appliance, cache, project, start

Starting = Callable[..., Appliance]
Opening = Callable[..., Any]

__all__ = ["cache", "project", "start"]

_HERE = f"{Path(__file__).parent}/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if str(item.path).startswith(_HERE):
            item.add_marker(pytest.mark.browser)
            # Playwright allocates much: what earlier tests have left is collected here, and would fail this test.
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))


@pytest.fixture(scope="session")
def _playwright() -> Iterator[tuple[Any, Any]]:
    skip_or_fail()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  not installed everywhere

    driver = sync_playwright().start()
    browser = driver.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
    loop = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield browser, loop
    asyncio._set_running_loop(loop)
    browser.close()
    driver.stop()


@pytest.fixture
def chromium(_playwright: tuple[Any, Any]) -> Iterator[Any]:
    """The browser (playwright's ``Browser``)."""
    browser, loop = _playwright
    asyncio._set_running_loop(loop)
    yield browser
    asyncio._set_running_loop(None)


@pytest.fixture
def new_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Open a page in a window of its own: its width, its colour scheme, options of playwright's ``new_context``."""
    contexts = []

    def opened(width: int = 800, scheme: str = "light", **options: Any) -> Any:
        size = {"width": width, "height": 900}
        contexts.append(chromium.new_context(viewport=size, color_scheme=scheme, **options))
        return contexts[-1].new_page()

    yield opened
    for context in contexts:
        for page in context.pages:
            _leave(page)
        context.close()


def _leave(page: Any) -> None:
    """Leave a page: Chromium never closes one whose next document arrives just then, and ours load themselves again."""
    from playwright.sync_api import Error  # noqa: PLC0415  not installed everywhere

    for _ in range(20):
        with contextlib.suppress(Error):  # the page has loaded itself again just then
            page.goto("about:blank")
            return


@pytest.fixture
def opened(start: Starting, project: Path, new_page: Opening) -> Callable[..., Site]:
    """Serve a kind of project, and open its page."""

    def site(kind: str = "identity", **settings: str) -> Site:
        source, requirement = PROJECTS[kind]
        for folder, name, text in (
            ("static", "site.css", STYLE.format(1)),
            ("static", "logo.svg", LOGO.format(10)),
            ("templates", "page.html", TEMPLATE),
        ):
            (project / folder).mkdir(exist_ok=True)
            (project / folder / name).write_text(text, encoding="utf-8")
        if requirement:
            (project / "requirements.txt").write_text(f"{requirement}\n", encoding="utf-8")
        (project / "app.py").write_text(source, encoding="utf-8")
        appliance = start(**settings)
        appliance.wait_for("worker.ready", within_s=60)
        return Site(appliance, new_page(), source)

    return site
