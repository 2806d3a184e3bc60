"""Open pages follow the code: in Chromium, with real projects."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.browser.site import FILLED, LOGO, PROJECTS, STYLE, Site
from tests.live.live_appliance import Appliance
from tests.thorough import THOROUGH, first, one_in

TABS = 50 if THOROUGH else 10  # a browser opens six connections to a host: each tab's own stream would use them up
Starting = Callable[..., Appliance]
Opening = Callable[..., Any]


@pytest.mark.parametrize("kind", first(one_in(2, PROJECTS)))
def test_a_page_follows_what_is_saved(opened: Callable[..., Site], kind: str):
    """Styles and images change in place; the page follows code, an error, its correction; form and scroll stay."""
    site = opened(kind)
    site.fill()
    assert site.filled() == FILLED
    site.appliance.edit("static/site.css", STYLE.format(77))
    site.until("getComputedStyle(document.querySelector('h1')).color === 'rgb(77, 77, 77)'")
    site.appliance.edit("static/logo.svg", LOGO.format(33))
    site.until("document.querySelector('img').naturalWidth === 33")
    assert (site.loads, site.filled()) == (1, FILLED)
    site.save("two")
    site.shows("two")
    assert (site.loads, site.filled()) == (2, FILLED)
    site.appliance.edit("app.py", "def (\n")
    site.page.wait_for_selector("appliance-error", state="attached")
    assert "SyntaxError" in site.page.evaluate("document.querySelector('appliance-error').shadowRoot.textContent")
    assert site.loads == 2
    site.save("three")
    site.shows("three")
    assert (site.loads, site.filled()) == (3, FILLED)
    assert site.errors == []


NO_WORKERS = "for (const [of, name] of [[window, 'SharedWorker'], [Navigator.prototype, 'locks']]) delete of[name]"


@pytest.mark.whole
def test_a_page_follows_without_workers_and_locks(opened: Callable[..., Site]):
    """A browser that has neither, as Chrome on a phone over plain HTTP, follows by a stream of each tab's own."""
    site = opened()
    site.page.add_init_script(NO_WORKERS)
    site.open()
    assert site.page.evaluate("[typeof SharedWorker, typeof navigator.locks]") == ["undefined", "undefined"]
    site.save("two")
    site.shows("two")
    assert site.errors == []


def test_an_odd_address_does_not_end_the_following(opened: Callable[..., Site]):
    """A percent sign that encodes nothing, in the address of any file of the page, leaves the others as they are."""
    site = opened()
    site.page.evaluate("new Promise((ended) => Object.assign(new Image(), { onerror: ended, src: '/100%.png' }))")
    site.appliance.edit("static/site.css", STYLE.format(78))
    site.until("getComputedStyle(document.querySelector('h1')).color === 'rgb(78, 78, 78)'")
    assert site.errors == []


@pytest.mark.whole
@pytest.mark.parametrize("kind", ["identity", "flask"])
def test_the_page_of_a_failed_request_follows_too(opened: Callable[..., Site], kind: str):
    """An exception has its page, whether a framework catches it or the server does; the corrected code replaces it."""
    site = opened(kind)
    broken = {"identity": ("body = (BODY % WORD)", "body = (BODY % missing)"), "flask": ("word=WORD", "word=missing")}
    site.appliance.edit("app.py", site.source.replace(*broken[kind]))
    site.until("document.querySelector('h1')?.textContent.startsWith('NameError')")
    site.save("two")
    site.shows("two")


HELLO = """
WORD = "one"
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html")])
    return [f"<h1>{WORD}</h1>".encode()]
"""


@pytest.mark.whole
def test_a_first_page_follows_too(opened: Callable[..., Site]):
    """A page without a doctype, as tutorials begin with, follows the code, and so does the error over it."""
    site = opened()
    site.source = HELLO
    for word in ("two", "three"):
        site.save(word)
        site.shows(word)
    site.appliance.edit("app.py", "def (\n")
    site.page.wait_for_selector("appliance-error", state="attached")
    site.save("four")
    site.shows("four")


@pytest.mark.whole
def test_a_page_follows_the_next_run_too(opened: Callable[..., Site], start: Starting):
    """A page that stays open while the appliance starts again follows it, though generations count from 1 once more."""
    site = opened()
    for word in ("two", "three"):
        site.save(word)
        site.shows(word)
    port = site.appliance.port
    site.appliance.stop()
    site.save("four")
    site.appliance = start(APPLIANCE_PORT=str(port))
    site.shows("four")
    site.save("five")
    site.shows("five")


@pytest.mark.whole
@pytest.mark.parametrize("script", ["", NO_WORKERS], ids=["one stream for all tabs", "a stream of its own"])
def test_a_page_follows_after_an_error_in_place_of_its_stream(
    opened: Callable[..., Site], start: Starting, script: str
):
    """A page whose stream was answered by an error, while the appliance stopped, follows the next run."""
    site = opened()
    if script:
        site.page.add_init_script(script)
        site.open()
    site.save("two")
    site.shows("two")
    port = site.appliance.port
    site.appliance.stop()
    refused = threading.Event()

    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(503)
            if self.path.endswith("/events"):
                refused.set()

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Refuses) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        site.until_true(refused.is_set)
        server.shutdown()
        serving.join()
    site.save("three")
    site.appliance = start(APPLIANCE_PORT=str(port))
    site.shows("three")


def test_escape_closes_the_error(opened: Callable[..., Site]):
    """The page below stays usable; what is broken is shown again at the next state that is broken."""
    site = opened()
    site.appliance.edit("app.py", "def (\n")
    site.page.wait_for_selector("appliance-error", state="attached")
    site.page.keyboard.press("Escape")
    site.page.wait_for_selector("appliance-error", state="detached")
    site.appliance.edit("app.py", "import nothing_here\n")
    site.page.wait_for_selector("appliance-error", state="attached")


def test_what_an_error_says_is_text(opened: Callable[..., Site]):
    """A message that looks like markup is shown as it is."""
    site = opened()
    site.appliance.edit(
        "app.py", 'raise ValueError("<img src=x onerror=document.title=1><script>document.title=2</script>")\n'
    )
    site.page.wait_for_selector("appliance-error", state="attached")
    overlay = "document.querySelector('appliance-error').shadowRoot"
    assert site.page.evaluate(f"{overlay}.querySelectorAll('img, script').length") == 0
    assert "<img src=x" in site.page.evaluate(f"{overlay}.textContent")
    assert site.page.title() == "page"


def test_errors_of_a_page_are_in_the_log(opened: Callable[..., Site]):
    """An uncaught exception, a rejected promise and console.error: with the page, and the place in the source."""
    site = opened()
    site.page.evaluate("setTimeout(() => missing.thing)")
    assert "missing is not defined" in site.appliance.wait_for("browser.error", type="error")["message"]
    site.page.evaluate("setTimeout(() => Promise.reject(new TypeError('rejected')))")
    assert "rejected" in site.appliance.wait_for("browser.error", type="unhandledrejection")["message"]
    site.page.evaluate("console.error('written', {a: 1})")
    event = site.appliance.wait_for("browser.error", type="console.error")
    assert (event["message"], event["page"]) == ('written {"a":1}', site.url)


@pytest.mark.whole
def test_tabs_share_one_connection(opened: Callable[..., Site]):
    """More tabs than a browser has connections to a host hold one event stream, and all of them follow."""
    site = opened()
    context = site.page.context
    tabs = [context.new_page() for _ in range(TABS - 1)]
    for tab in tabs:
        tab.goto(site.url, wait_until="commit")
    for tab in tabs:
        tab.wait_for_load_state()
    site.save("two")
    for tab in [site.page, *tabs]:
        tab.wait_for_function("document.querySelector('h1')?.textContent === 'two'")
    # A stream whose client has left ends when it is written to.
    status = "fetch('/__appliance__/').then(response => response.text())"
    for number in range(1, 20):
        site.appliance.edit("static/site.css", STYLE.format(number))
        site.until(f"getComputedStyle(document.querySelector('h1')).color.startsWith('rgb({number},')")
        if "1 browser has a page of it open." in site.page.evaluate(status):
            break
    assert "1 browser has a page of it open." in site.page.evaluate(status)


def test_a_page_of_the_history_is_not_old(opened: Callable[..., Site]):
    """Back to a page that the browser kept, after a save: it shows the new code."""
    site = opened()
    site.page.goto(f"{site.url}elsewhere")
    site.save("two")
    site.appliance.wait_for("reload.finished")
    site.page.go_back()
    site.shows("two")


@pytest.mark.parametrize("address", ["/static/site.css", "/nothing", "/static/logo.svg"])
def test_what_is_not_a_page_has_no_script(opened: Callable[..., Site], address: str):
    """A style, an image or a text that a person opens is shown as it is."""
    site = opened()
    response = site.page.goto(site.url.rstrip("/") + address)
    assert b"__appliance__" not in response.body()
