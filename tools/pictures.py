"""``make pictures``: photograph each page of the appliance, made by a running one, for docs/pages.md.

It serves small projects, breaks them, and takes what a browser shows, in both colour schemes. It needs Chromium, what
``make browser`` installs, and an index of packages.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.slow_index import requirements, slow_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures" / "pages"
WIDTH, HEIGHT = 900, 640
LIMIT_S = 120  # for one project: an event that never comes must not hold up the pictures
SHOP = '''"""A shop."""

import logging

PRICES = {"tea": 4, "cup": 9}


def total(basket):
    discount = 1
    return sum(PRICES[name] * count for name, count in basket.items()) - discount


def app(environ, start_response):
    basket = {"tea": 2, "cup": 1}
    logging.warning("a basket of %d kinds", len(basket))
    amount = total(basket)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(amount).encode()]
'''
WRONG = SHOP.replace("    discount = 1\n", '    discount = "1"\n')
BROKEN = SHOP.replace("def total(basket):", "def total(basket:")
# Each waits until its picture is taken.
HELD = """
import pathlib, time

while not pathlib.Path("go").exists():
    time.sleep(0.05)
"""
MIGRATE = """
print("Operations to perform:\\n  Apply all migrations: admin, auth, shop\\nRunning migrations:")
for name in ("auth.0001_initial", "admin.0001_initial", "shop.0001_initial", "shop.0002_prices"):
    print(f"  Applying {name}... OK", flush=True)
"""


class Served:
    """A running appliance and its project."""

    def __init__(self, project: Path, lines: Iterator[str]) -> None:
        self.project = project
        self._lines = lines
        self.url = f"http://localhost:{self.wait('appliance.started')['address'].rpartition(':')[2]}"

    def wait(self, *events: str) -> dict[str, Any]:
        """Return the next of these events."""
        for line in self._lines:
            event: dict[str, Any] = json.loads(line)
            if event["event"] in events:
                return event
        sys.exit(f"The appliance ended before {events}.")

    def save(self, text: str, name: str = "app.py") -> None:
        """Save a file of the project, as editors do."""
        aside = self.project / f".{name}.new"
        aside.write_text(text, encoding="utf-8")
        aside.replace(self.project / name)


@contextmanager
def served(cache: Path, files: dict[str, str], **settings: str) -> Iterator[Served]:
    """Serve a project of these files; its folder is named as in the image."""
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "workspace"
        project.mkdir()
        for name, text in files.items():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(text, encoding="utf-8")
        own = {
            "APPLIANCE_LOG_FORMAT": "json",
            "APPLIANCE_LOG_LEVEL": "debug",
            "APPLIANCE_PORT": "0",
            "APPLIANCE_CACHE": str(cache),
            **settings,
        }
        own["APPLIANCE_STATUS_SOCKET"] = str(Path(scratch) / "status.sock")
        command = [sys.executable, "-I", "-m", "appliance", "serve", "--project", str(project)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | own)
        limit = threading.Timer(LIMIT_S, process.kill)
        limit.start()
        try:
            yield Served(project, iter(process.stdout or []))
        finally:
            limit.cancel()
            process.terminate()
            process.communicate()


def exception(cache: Path, take: Callable[..., None]) -> None:
    """A save that raises in a request, and one that can't be imported."""
    with served(cache, {"app.py": SHOP}, APPLIANCE_EDITOR="vscode", APPLIANCE_INSTALL="off") as shop:
        shop.wait("worker.ready")
        shop.save(WRONG)
        shop.wait("reload.finished")
        take("exception", f"{shop.url}/basket?coupon=1")
        shop.save(BROKEN)
        shop.wait("worker.failed")
        take("syntax", shop.url)


def others(cache: Path, take: Callable[..., None]) -> None:
    """A project without an application, a version that does not exist, another host, the example."""
    with served(cache, {"src/thing.py": "print(1)\n"}) as project:
        project.wait("application.missing")
        take("missing", project.url)
    with served(cache, {"app.py": SHOP, "requirements.txt": "flask==99.0\n"}) as project:
        project.wait("install.failed")
        take("install", project.url)
    with served(cache, {"app.py": SHOP}, APPLIANCE_INSTALL="off") as project:
        project.wait("worker.ready")
        take("host", project.url.replace("localhost", "shop.test"))
    example = {name: (ROOT / "examples" / "hello" / name).read_text("utf-8") for name in ("wsgi.py", "page.html")}
    with served(cache, example, APPLIANCE_INSTALL="off") as project:
        project.wait("worker.ready")
        take("example", project.url)


def waiting(cache: Path, take: Callable[..., None]) -> None:
    """An installation that has fetched a part, a command of BEFORE_START, an import that takes long."""
    files = {"app.py": SHOP, "requirements.txt": "flask\n"}
    with slow_index(cache) as (variables, released), served(cache, files, **variables) as shop:
        shop.wait("worker.ready")  # there is a last time now
        for downloads in cache.glob("*/uv"):
            shutil.rmtree(downloads)
        shop.save(requirements(), "requirements.txt")
        shop.wait("install.started")
        take("waiting", shop.url, until=("11 of them downloaded", "MB of them unpacked", "Last time", "s so far"))
        released.set()
        shop.wait("worker.ready")
    files = {"app.py": "import prices\n" + SHOP, "prices.py": HELD, "migrate.py": MIGRATE + HELD}
    settings = {"APPLIANCE_INSTALL": "off", "APPLIANCE_BEFORE_START": "python migrate.py"}
    with served(cache, files, **settings) as shop:
        shop.wait("preparation.started")
        take("before-start", shop.url, until=("0002_prices", "s so far"))
        shop.save("", "go")
        shop.wait("preparation.finished")
        (shop.project / "go").unlink()
        take("import", shop.url, until=("prices.py:", "s so far"))
        shop.save("", "go")
        shop.wait("worker.ready")


def main() -> None:
    """Write all pictures."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  `make browser` installs it

    FOLDER.mkdir(parents=True, exist_ok=True)
    arguments = ["--no-sandbox", "--host-resolver-rules=MAP shop.test 127.0.0.1"]
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as cache:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)

        def take(name: str, url: str, until: tuple[str, ...] = ()) -> None:
            for scheme in ("light", "dark"):
                tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
                tab.goto(url)
                for text in until:  # a page that changes in place
                    tab.get_by_text(text).first.wait_for()
                content = tab.evaluate("document.body.getBoundingClientRect().height")
                tab.set_viewport_size({"width": WIDTH, "height": min(HEIGHT, round(content))})
                tab.screenshot(path=FOLDER / f"{name}-{scheme}.png")
                tab.close()

        waiting(Path(cache), take)
        exception(Path(cache), take)
        others(Path(cache), take)
        browser.close()


if __name__ == "__main__":
    main()
