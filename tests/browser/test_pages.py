"""Every page of the appliance in a browser: accessible, valid, within the width, and within its policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.environment.failures.uv_errors import failure
from appliance.errors import ApplicationError
from appliance.server.http.refusal import HostRefused
from appliance.server.pages.error_page import report, response
from appliance.server.pages.host_page import described
from appliance.supervisor.lifecycle_events import Phase
from appliance.supervisor.reporting import standin_pages
from appliance.supervisor.reporting.progress_page import ProgressPage
from tests.browser.tools import SCHEMES, WIDTHS, axe, in_looks, nu
from tests.supervisor.fakes import FakeLoop

Page = dict[str, Any]

SOURCE = """
def load(path, token="secret"):
    values = {"api_key": "abc", "sizes": list(range(30)), "a_name_that_is_rather_long_for_a_narrow_page": "x" * 300}
    return values[path] + 1, "this line is far longer than a telephone is wide: it scrolls, and the keyboard reaches it"


def view(environ):
    try:
        return load("sizes")
    except TypeError as error:
        errors = [ValueError("first"), error]
        found = ExceptionGroup("several things went wrong", errors)
        found.__notes__ = ["Look at the sizes.", "And at the paths."]
        raise found from error
"""
ENVIRON = {
    "REQUEST_METHOD": "POST",
    "REQUEST_URI": "/shop/baskets/1?size=" + "9" * 200,
    "QUERY_STRING": "size=" + "9" * 200,
    "HTTP_COOKIE": "session=abc",
    "HTTP_USER_AGENT": "Mozilla/5.0 " + "x" * 200,
    "appliance.form": [("name", "bob"), ("password", "abc")],
}
DIFF = ["@@ -2,3 +2,3 @@", ' def load(path, token="secret"):', "-    return 1", "+    return values[path] + 1", "     "]


def raised_page(root: Path) -> Page:
    """The page of an exception with everything that a page can show."""
    file = root / "shop.py"
    file.write_text(SOURCE, encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "shop"}
    exec(compile(SOURCE, str(file), "exec"), namespace)
    context = {
        "editor": {"name": "vscode", "folder": "/home/me/shop"},
        "log": ["a line", "another one \x1b[31m" + "y" * 300],
        "saved": {"files": [{"file": str(file), "what": "changed", "diff": DIFF}], "more": 1},
    }
    try:
        namespace["view"]({})
    except Exception as error:  # noqa: BLE001  whatever it is
        return {"status": 500, **report(error, root=str(root), kind="request", environ=ENVIRON, context=context)}
    raise AssertionError("nothing was raised")


def broken_page(root: Path) -> Page:
    """The page of a project that can't be imported."""
    file = root / "broken.py"
    file.write_text("import os\n\n\ndef app(environ, start_response:\n    return []\n", encoding="utf-8")
    try:
        compile(file.read_text(encoding="utf-8"), str(file), "exec")
    except SyntaxError as error:
        return standin_pages.of_report(report(error, root=str(root), kind="import"))
    raise AssertionError("nothing was raised")


def failed_page(root: Path) -> Page:
    """The page of a worker that did not end its import."""
    (root / "loop.py").write_text("import time\n\nwhile True:\n    time.sleep(1)\n", encoding="utf-8")
    stacks = f'Current thread 0x00007f (most recent call first):\n  File "{root}/loop.py", line 4 in <module>'
    page = standin_pages.of_timeout(60, ["a line of output"] * 30 + ["z" * 200], stacks, str(root))
    return {**page, "root": str(root), "remedies": []}  # the supervisor makes remedies of these needs


def dead_page(root: Path) -> Page:
    """The page of a worker that ended, of which nothing is known but its output."""
    return standin_pages.of_death("signal SIGKILL", ["a line of output", "z" * 200], str(root), serving=True)


def missing_page(_root: Path) -> Page:
    """The page of a project without an application, with what the rules looked at."""
    rules = ("FLASK_APP", "Usual file names", "A rule with a rather_long_name_in_it_that_does_not_wrap")
    findings = [{"rule": rule, "outcome": "nothing", "looked_at": "src/" * 30, "found": "none"} for rule in rules]
    error = ApplicationError(
        "no WSGI application found", expected="one", action="`appliance check` tells more.", findings=findings
    )
    return standin_pages.of_error(error)


def install_page(_root: Path) -> Page:
    """The page of an installation that failed."""
    words = "No solution found: Because there is no version of flask==99.0 and you require flask==99.0, we can't go on."
    return standin_pages.of_error(failure([f"error: {words}"], 1, ""))


def waiting_page() -> Page:
    """The page of an installation that has fetched a part."""
    shown: list[Page] = []
    loop: Any = FakeLoop()
    lifecycle: Any = SimpleNamespace(state=SimpleNamespace(phase=Phase.INSTALLING))
    page = ProgressPage(loop, shown.append, lifecycle, str)
    page.begin(Phase.INSTALLING)
    page.installs(
        {
            "step": "fetching", "total": 11, "fetched": 7, "installed": 0, "bytes": 24_000_000,
            "bytes_fetched": 8_000_000, "busy": ["numpy"], "bytes_unpacked": 3_000_000,
        }
    )  # fmt: skip
    page.output(Phase.INSTALLING, [b"Downloading numpy (16.0MiB)"])
    return page.page()


REMEDIES = [
    {"id": "1", "label": "Apply the migrations", "why": "A table is missing.", "command": "python manage.py migrate"},
    {"id": "2", "label": "Set GREETING", "diff": "--- a/.env\n+++ b/.env\n@@ -1 +1,2 @@\n A=1\n+GREETING=hello"},
    {"id": "3", "label": "Start the service", "command": "docker compose up -d db", "runs": False},
]

PAGES: dict[str, Callable[[Path], Page]] = {
    "exception": raised_page,
    "syntax": broken_page,
    "waiting": lambda _: {**waiting_page(), "version": 1},
    "remedies": lambda _: {**standin_pages.of_timeout(60, [], "", "/x"), "remedies": REMEDIES},
    "timeout": failed_page,
    "dead": dead_page,
    "missing": missing_page,
    "install": install_page,
    "host": lambda _: described(HostRefused("shop.test")),
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    """Each page, by its name."""
    folder = tmp_path_factory.mktemp("project")
    return {name: make(folder) for name, make in PAGES.items()}


def opened(new_page: Callable[..., Any], page: Page, width: int, scheme: str, said: list[str], **options: Any) -> Any:
    """The page in a browser; ``said`` collects what its console says."""
    fields, body = response(page, "text/html")
    tab = new_page(width, scheme, **options)
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))

    def answer(route: Any) -> None:
        if "/__appliance__/" not in route.request.url:  # that one waits
            route.fulfill(body=body, headers=dict(fields))

    tab.route("**/*", answer)
    tab.goto("http://localhost/")
    return tab


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_accessible(pages: dict[str, Page], new_page: Callable[..., Any], name: str):
    """axe-core finds nothing at any width, in either scheme; no page is too wide, none breaks its policy."""
    said: list[str] = []
    tab = opened(new_page, pages[name], WIDTHS[0], SCHEMES[0], said)
    tab.set_viewport_size({"width": 320, "height": 900})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320
    assert in_looks(tab) == []
    assert said == []


def test_everything_opened_is_accessible(pages: dict[str, Page], new_page: Callable[..., Any]):
    """axe-core finds nothing in what is folded, and it is not wider than a narrow window."""
    tab = opened(new_page, pages["exception"], 320, "dark", [])
    tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320
    assert axe(tab) == []
    tab.emulate_media(color_scheme="light")
    assert axe(tab) == []


@pytest.mark.usefixtures("chromium")
def test_pages_are_valid(pages: dict[str, Page], tmp_path: Path):
    """The Nu HTML checker finds nothing in any page."""
    documents = {name: response(page, "text/html")[1].decode() for name, page in pages.items()}
    assert nu(documents, tmp_path) == []


def test_the_innermost_frame_is_seen_without_a_script(pages: dict[str, Page], new_page: Callable[..., Any]):
    """Without a script the message, the place and its source are there, and everything else opens by a click."""
    tab = opened(new_page, pages["exception"], 800, "light", [], java_script_enabled=False)
    assert tab.locator("h1").inner_text() == "ExceptionGroup: several things went wrong (2 sub-exceptions)"
    assert tab.get_by_text("raise found from error").first.is_visible()
    assert not tab.get_by_role("button", name="Copy").is_visible()
    assert not tab.get_by_text("Python", exact=True).is_visible()
    tab.get_by_text("Versions").first.click()
    assert tab.get_by_text("Python", exact=True).is_visible()


def test_the_keyboard_reaches_the_source(pages: dict[str, Page], new_page: Callable[..., Any]):
    """The source of the open frame is reached by Tab, and scrolls with the arrow keys."""
    tab = opened(new_page, pages["exception"], 360, "light", [])
    reached = "document.activeElement.classList.contains('source')"
    for _ in range(8):
        tab.keyboard.press("Tab")
        if tab.evaluate(reached):
            break
    assert tab.evaluate(reached)


def test_the_text_for_an_assistant_is_copied(pages: dict[str, Page], new_page: Callable[..., Any]):
    """The button puts the Markdown into the clipboard, and says so."""
    tab = opened(new_page, pages["exception"], 800, "light", [], permissions=["clipboard-read", "clipboard-write"])
    tab.get_by_role("button", name="Copy for an assistant").click()
    tab.get_by_role("button", name="Copied").wait_for()
    text = tab.evaluate("navigator.clipboard.readText()")
    assert text.startswith("# ExceptionGroup: several things went wrong")
    assert "## Saved last: shop.py" in text
    assert "secret" not in text.replace('token="secret"', "")
