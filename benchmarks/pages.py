"""From a save to what an open page shows, in Chromium, ours and the peers': ``python -m benchmarks.pages``.

Each round saves a style, then code with a syntax error, then correct code, and looks at the page until it shows each.
Beside it: whether the text in a form and the scroll position are still there at the end of the round. Needs what
``make browser`` installs, and npm for Vite. Writes ``results/pages.json``; ``benchmarks.document`` makes the page of
it.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.environments import FOLDER, python_of
from benchmarks.processes import free_port, running
from benchmarks.results import keep
from benchmarks.saves import with_version, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Browser, Page

_PROJECTS = Path(__file__).with_name("projects")
_VITE = "vite@8.4.0"
_PATIENCE_S = 3.0  # a peer that shows no error by then shows none
_SETTLE_S = 2.0
_PAUSE_S = 0.5  # between two saves
_LOOK_MS = 2  # between two looks at the page
_BROKEN = "def (\n"
_STEPS = ("style", "error", "corrected")


@dataclass(frozen=True)
class Server:
    """A server, and the project that it serves.

    Attributes:
        title: its name for readers.
        project: the folder of the project below ``projects``; its page and style are in ``pages_shared``.
        argv: the program; ``{port}`` and ``{folder}`` stand for what they say.
        error: what lies over the page, or takes its place, while the code is broken; a CSS selector.
        environment: variables of its own.
        edited: the file with the code.
    """

    title: str
    project: str
    argv: Sequence[str]
    error: str = "appliance-error"
    environment: dict[str, str] = field(default_factory=dict)
    edited: str = "app.py"


def _servers() -> dict[str, Server]:
    """Ours with four kinds of page, then the peers; their environments are made if need be."""
    python = str(python_of("pages"))
    ours = (
        *(sys.executable, "-I", "-m", "appliance", "serve", "--project", "{folder}", "--app", "app:app"),
        *("--port", "{port}", "--python", python, "--install", "off", "--log-format", "json"),
    )
    return {
        "flask": Server("the appliance: Flask", "pages_flask", ours),
        "django": Server("the appliance: Django with GZipMiddleware", "pages_django", ours, edited="views.py"),
        "policy": Server("the appliance: plain, with a strict policy", "pages_plain", ours),
        "stream": Server("the appliance: plain, streamed", "pages_plain", ours, environment={"PAGE": "stream"}),
        "runserver": Server(
            "runserver with django-browser-reload",
            "pages_django",
            (python, "manage.py", "runserver", "127.0.0.1:{port}"),
            environment={"FOLLOWS": "1"},
            edited="views.py",
        ),
        "vite": Server(
            "Vite, JavaScript",
            "pages_vite",
            (str(_vite()), "--port", "{port}", "--strictPort", "--host", "127.0.0.1"),
            error="vite-error-overlay",
            edited="main.js",
        ),
    }


def _vite() -> Path:
    folder = FOLDER / "vite"
    program = folder / "node_modules" / ".bin" / "vite"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--prefix", folder, _VITE], check=True)
    return program


def main(argv: list[str] | None = None) -> None:
    """Measure, print the table, keep the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10, help="how many rounds of each (default: 10)")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="servers, by their keys")
    parser.add_argument("--no-result", action="store_true", help="print only; keep the last result")
    options = parser.parse_args(argv)
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415  not installed everywhere
    except ImportError:
        parser.error("there is no playwright here; `make browser` installs it")
    servers = {key: each for key, each in _servers().items() if not options.only or key in options.only}
    figures = {}
    with sync_playwright() as driver:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        for key, server in servers.items():
            print(server.title, file=sys.stderr)
            figures[key] = {"title": server.title, **_measure(server, browser, options.rounds)}
        browser.close()
    result = {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "cpus": len(os.sched_getaffinity(0)),
        "rounds": options.rounds,
        "figures": figures,
    }
    print(table(result))
    if not options.no_result:
        keep("pages", result)


def _measure(server: Server, browser: Browser, rounds: int) -> dict[str, Any]:
    port = free_port()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        folder = scratch / "project"
        for part in ("pages_shared", server.project):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(_PROJECTS / part, folder, ignore=ignored, dirs_exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],  # noqa: TID251  programs of their own
            "HOME": str(scratch),
            "APPLIANCE_CACHE": str(scratch / "cache"),
            **server.environment,
        }
        argv = [part.format(port=port, folder=folder) for part in server.argv]
        stack.enter_context(
            running(
                argv, port, cpus=os.sched_getaffinity(0), folder=folder, output=scratch / "log", environment=environment
            )
        )
        page = stack.enter_context(browser.new_context()).new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        _pause(_SETTLE_S)
        seen = _Seen(page, folder, server)
        for number in range(1, rounds + 1):
            seen.round(number)
    return {"served_s": seen.served_s, "missed": seen.missed, "kept": seen.kept}


class _Seen:
    """An open page, and what it has shown.

    Attributes:
        served_s: of each step, seconds from each save to what it shows.
        missed: of each step, how many saves were not seen in time.
        kept: rounds after which the form and the scroll position were as before.
    """

    def __init__(self, page: Page, folder: Path, server: Server) -> None:
        self._page = page
        self._code, self._style = folder / server.edited, folder / "static" / "site.css"
        self._error = server.error
        from playwright.sync_api import Error  # noqa: PLC0415  as above

        self._left = Error
        self.served_s: dict[str, list[float]] = {step: [] for step in _STEPS}
        self.missed = dict.fromkeys(_STEPS, 0)
        self.kept = 0

    def round(self, number: int) -> None:
        """A style, an error, its correction: each saved, and looked for."""
        self._page.fill("[name=name]", "typed")
        self._page.evaluate("scrollTo(0, 1200)")
        text = self._style.read_text()
        saved = write(self._style, text.replace(f"order: {number - 1} ", f"order: {number} "))
        self._look("style", saved, f"getComputedStyle(document.querySelector('h1')).order === '{number}'")
        good = self._code.read_text()
        self._look("error", write(self._code, _BROKEN), f"!!document.querySelector({self._error!r})")
        saved = write(self._code, with_version(good, number))
        shows = f"document.querySelector('h1')?.textContent === '{number}' && !document.querySelector({self._error!r})"
        self._look("corrected", saved, shows)
        self.kept += self._holds("document.forms[0][0].value === 'typed' && scrollY === 1200")

    def _look(self, step: str, since: float, script: str) -> None:
        while not self._holds(script):
            if time.monotonic() > since + _PATIENCE_S:
                self.missed[step] += 1
                return
            self._page.wait_for_timeout(_LOOK_MS)
        self.served_s[step].append(round(time.monotonic() - since, 4))
        _pause(_PAUSE_S)

    def _holds(self, script: str) -> bool:
        try:
            return bool(self._page.evaluate(script))
        except self._left:  # the document that was asked has gone
            return False


def _pause(seconds: float) -> None:
    time.sleep(seconds)  # noqa: TID251  what a person does between two saves


def table(result: dict[str, Any]) -> str:
    """The result as Markdown: medians, and the longest, in milliseconds."""
    lines = [
        "| server | style, ms | longest | error, ms | longest | corrected, ms | longest | form and scroll kept |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for seen in result["figures"].values():
        cells = []
        for step in _STEPS:
            served = seen["served_s"][step]
            cells += (
                [f"{statistics.median(served) * 1000:.0f}", f"{max(served) * 1000:.0f}"] if served else ["never", ""]
            )
        lines.append(f"| {seen['title']} | {' | '.join(cells)} | {seen['kept']} of {result['rounds']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
