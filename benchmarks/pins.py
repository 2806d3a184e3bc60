"""From a save to the difference of a pinned request: ``python -m benchmarks.pins``.

A request is pinned, and a file is saved again and again so that the response changes. Measured from the rename of the
file to the event that the pages get, and with Chromium to the frame that shows the difference on the page of pins.
Projects: plain WSGI, and Django with queries on SQLite and PostgreSQL. What is not installed is left out: Chromium and
playwright (``make browser``), PostgreSQL. Writes ``results/pins.json``; ``benchmarks.document`` makes the table of it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from benchmarks.environments import python_of
from benchmarks.postgres import cluster, is_installed
from benchmarks.processes import free_port, running
from benchmarks.results import keep
from benchmarks.saves import save

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROJECTS = Path(__file__).with_name("projects")
_TITLES = {
    "plain": "plain WSGI",
    "sqlite": "Django, 20 queries, SQLite",
    "postgresql": "Django, 20 queries, PostgreSQL",
}
_FOLDERS = {"plain": "pins_plain"}
_SETTLE_S = 4.0  # until the packages are preloaded
_PAUSE_S = 0.7  # between two saves: a person's are further apart
_PATIENCE_S = 10.0
_LOOK_MS = 5
# The frame after the one in which the page changed is on the screen when its callback runs.
_WATCH = """
() => {
  window.shown = {};
  new MutationObserver(() => {
    const version = document.querySelector(".differences td:last-child")?.textContent;
    if (!version || version in shown) return;
    shown[version] = 0;
    const painted = () => { shown[version] = (performance.timeOrigin + performance.now()) / 1000; };
    requestAnimationFrame(() => requestAnimationFrame(painted));
  }).observe(document.body, {subtree: true, childList: true, characterData: true});
}
"""


def main(argv: list[str] | None = None) -> None:
    """Measure, print the table, keep the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pins", description=__doc__.splitlines()[0])
    parser.add_argument("--saves", type=int, default=30, help="how many saves of each project (default: 30)")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help=f"some of: {', '.join(_TITLES)}")
    parser.add_argument("--no-result", action="store_true", help="print only; keep the last result")
    options = parser.parse_args(argv)
    with ExitStack() as stack:
        browser = _browser(stack)
        names = [each for each in _TITLES if not options.only or each in options.only]
        if not is_installed():
            names = [each for each in names if each != "postgresql"]
        host = stack.enter_context(cluster()) if "postgresql" in names else ""
        figures = {name: _measure(name, host if name == "postgresql" else "", browser, options.saves) for name in names}
    result = {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "cpus": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "saves": options.saves,
        "figures": figures,
    }
    print(table(result), f"load of the machine: {result['load']}")
    if not options.no_result:
        keep("pins", result)


def _browser(stack: ExitStack) -> Any:
    """Chromium; None without it."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415  not installed everywhere
    except ImportError:
        return None
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = stack.enter_context(sync_playwright())
    return driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])


def _measure(name: str, host: str, browser: Any, saves: int) -> dict[str, list[float]]:
    print(_TITLES[name], file=sys.stderr)
    port = free_port()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        folder = scratch / "project"
        shutil.copytree(_PROJECTS / _FOLDERS.get(name, "pins_django"), folder)
        environment = {
            "PATH": os.environ["PATH"],  # noqa: TID251  programs of their own
            "HOME": str(scratch), "APPLIANCE_CACHE": str(scratch / "cache"), "DATABASE_HOST": host,
        }  # fmt: skip
        argv = [
            sys.executable, "-I", "-m", "appliance", "serve", "--project", str(folder), "--app", "app:app", "--port",
            str(port), "--python", str(python_of("pins")), "--install", "off", "--log-format", "json",
        ]  # fmt: skip
        stack.enter_context(
            running(
                argv, port, cpus=os.sched_getaffinity(0), folder=folder, output=scratch / "log", environment=environment
            )
        )
        _pin(port)
        page = None
        if browser is not None:
            page = stack.enter_context(browser.new_context()).new_page()
            page.goto(f"http://127.0.0.1:{port}/__appliance__/pins")
            page.evaluate(_WATCH)
        _pause(_SETTLE_S)
        return _save_again_and_again(folder, port, page, saves)


def _pin(port: int) -> None:
    """Send a request, and pin it; wait until the pin has run."""
    while "books" not in _ask(port, "/"):  # until the project serves
        _pause(0.05)
    found: list[dict[str, Any]] = []
    while not found:  # until it is recorded
        found = [each for each in _ask(port, "/__appliance__/requests")["requests"] if each["status"] == 200]
    value = _ask(port, "/__appliance__/pins")["page_value"]
    fields = {
        "Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/x-www-form-urlencoded",
    }  # fmt: skip
    place = f"/__appliance__/requests/{found[0]['id']}/pin"
    _ask(port, place, urlencode({"page_value": value}), fields)
    while _ask(port, "/__appliance__/pins")["pins"][0]["state"] == "running":
        _pause(0.05)


def _save_again_and_again(folder: Path, port: int, page: Any, saves: int) -> dict[str, list[float]]:
    """Return the seconds from each save to the event, and to the frame that shows it."""
    told: dict[str, float] = {}
    listening = threading.Thread(target=_listen, args=(port, told), daemon=True)
    listening.start()
    event_s, shown_s = [], []
    edited = folder / "app.py" if (folder / "app.py").read_text().startswith("VERSION") else folder / "views.py"
    for number in range(1, saves + 1):
        _pause(_PAUSE_S)
        began = save(edited, number)
        wall = time.time() - (time.monotonic() - began)
        while str(number) not in told and time.monotonic() < began + _PATIENCE_S:
            _pause(0.001)
        event_s.append(told.get(str(number), began + _PATIENCE_S) - began)
        if page is not None:
            while not (shown := page.evaluate(f"window.shown['{number}']")):
                page.wait_for_timeout(_LOOK_MS)
            shown_s.append(shown - wall)
    return {"event_s": [round(each, 4) for each in event_s], "shown_s": [round(each, 4) for each in shown_s]}


def _listen(port: int, told: dict[str, float]) -> None:
    """Note when the stream of the pages tells of each version."""
    for pin in _pins(port):
        for each in pin.get("differences", ()):
            if str(each.get("path")) == "$.version":
                told.setdefault(str(each["after"]), time.monotonic())


def _pins(port: int) -> Iterator[dict[str, Any]]:
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", "/__appliance__/events")
        response = connection.getresponse()
        name = b""
        while line := response.readline():
            if line.startswith(b"event: "):
                name = line[7:].strip()
            elif line.startswith(b"data: ") and name == b"pin":
                yield json.loads(line[6:])


def _ask(port: int, path: str, body: str | None = None, fields: dict[str, str] | None = None) -> dict[str, Any]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(
            "GET" if body is None else "POST", path, body, {"Accept": "application/json", **(fields or {})}
        )
        found: dict[str, Any] = json.loads(connection.getresponse().read() or b"{}")
        return found


def _pause(seconds: float) -> None:
    time.sleep(seconds)  # noqa: TID251  what a person does between two saves


def table(result: dict[str, Any]) -> str:
    """The result as Markdown: medians, 95th percentiles and the longest, in milliseconds."""
    lines = [
        "| project | told to pages, ms | 95 % | longest | in Chromium, ms | 95 % | longest |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, seen in result["figures"].items():
        cells = [cell for kind in ("event_s", "shown_s") for cell in _cells(seen[kind])]
        lines.append(f"| {_TITLES[name]} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cells(seen: list[float]) -> list[str]:
    if not seen:
        return ["not measured", "", ""]
    ordered = sorted(seen)
    shown = (statistics.median(seen), ordered[-(-len(ordered) * 95 // 100) - 1], ordered[-1])
    return [f"{each * 1000:.0f}" for each in shown]


if __name__ == "__main__":
    main()
