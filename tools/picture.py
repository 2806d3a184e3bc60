"""``python -m tools.picture docs/pictures/save.png``: make the picture of the README from a running appliance.

It serves a copy of the bundled example with the Python of the image, and saves it twice, the second time with an
undefined name in a function. The picture shows the log beside the browser's page. The copy's folder is shown as
/workspace. It needs port 8000, Python 3.13, and Chromium or the program that ``CHROMIUM`` names.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
WIDTH, HEIGHT = 1640, 600
SGR = re.compile(r"\x1b\[([0-9;]*)m")
COLOURS = {
    "1": "font-weight:600", "2": "color:#7d8590", "31": "color:#ff7b72", "1;31": "color:#ff7b72;font-weight:600",
    "32": "color:#7ee787", "33": "color:#e3b341", "34": "color:#79c0ff", "35": "color:#d2a8ff", "36": "color:#76e3ea",
}  # fmt: skip
FRAME = """<!doctype html><meta charset=utf-8><style>
body{{margin:0;display:grid;grid-template-columns:1fr 1fr;gap:20px;padding:20px;background:#dfe3e8}}
h1{{font-family:system-ui}}
section{{height:{height}px;border-radius:10px;overflow:hidden;background:#0d1117;box-shadow:0 6px 22px #0004}}
h1{{margin:0;padding:9px 16px;background:#24292f;color:#c9d1d9;font-size:13px;font-weight:500}}
pre{{margin:0;padding:16px;color:#e6edf3;font:12.5px/1.6 "DejaVu Sans Mono",monospace;white-space:pre-wrap}}
iframe{{border:0;width:100%;height:100%;background:#fff}}
</style><section><h1>docker compose up</h1><pre>{log}</pre></section>
<section><h1>{url}</h1><iframe srcdoc="{page}"></iframe></section>"""


def main() -> None:
    """Write the picture to the path in the only argument."""
    target = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "hello"
        shutil.copytree(ROOT / "examples" / "hello", project, ignore=shutil.ignore_patterns("__pycache__"))
        (project / ".python-version").write_text("3.13\n", encoding="utf-8")
        shown = (text.replace(str(project), "/workspace") for text in take(project, Path(scratch) / "cache"))
        log, url, page = shown
        frame = Path(scratch) / "frame.html"
        words = FRAME.format(height=HEIGHT - 40, log=coloured(log), url=url, page=html.escape(page))
        frame.write_text(words, encoding="utf-8")
        target.parent.mkdir(parents=True, exist_ok=True)
        photograph(frame, target)


def take(project: Path, cache: Path) -> tuple[str, str, str]:
    """Return the log of two saves, the address, and the page after the second save."""
    source = project / "wsgi.py"
    with appliance(project, cache) as lines:
        start = until(lines, "snapshot.ready")
        found = re.search(r"http://localhost:[0-9]+", SGR.sub("", start))
        if not found:
            sys.exit(f"No address was found in the log: {start}")
        url = found[0]
        shown = re.compile(r"project\.found|worker\.ready")
        log = "".join(line for line in start.splitlines(keepends=True) if shown.search(line))
        page = fetch(url)
        log += until(lines, "GET ")
        for old, new in (("It comes up.", "Saved, and served."), ("escape(GREETING)", "escape(GRETING)")):
            source.write_text(source.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
            saved = until(lines, "reload.finished")
            page = fetch(url)
            saved += until(lines, "GET ")
            log += saved
            if "snapshot.ready" not in saved:
                until(lines, "snapshot.ready")
    return "".join(line for line in log.splitlines(keepends=True) if " debug " not in SGR.sub("", line)), url, page


@contextmanager
def appliance(project: Path, cache: Path) -> Iterator[Iterator[str]]:
    """Run an appliance, and yield its lines of output."""
    command = [sys.executable, "-I", "-m", "appliance", "serve", "--project", str(project), "--port", "8000"]
    own = {"APPLIANCE_LOG_FORMAT": "console", "FORCE_COLOR": "1", "APPLIANCE_CACHE": str(cache)}
    own["APPLIANCE_LOG_LEVEL"] = "debug"  # says when the project is imported ahead
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | own)
    try:
        yield iter(process.stdout or [])
    finally:
        process.terminate()
        process.communicate()


def until(lines: Iterator[str], word: str) -> str:
    """Return the next lines, up to the first that contains this word."""
    log = ""
    for line in lines:
        log += line
        if word in line:
            return log
    sys.exit(f"The appliance ended before {word!r}: {log}")


def fetch(url: str) -> str:
    """Return the page that a browser gets, with any status."""
    try:
        with urlopen(Request(url, headers={"Accept": "text/html"})) as response:
            return str(response.read().decode())
    except HTTPError as error:
        return error.read().decode()


def coloured(text: str) -> str:
    """Convert a terminal's text to HTML: each SGR sequence opens or closes a span."""
    escaped = html.escape(text, quote=False)
    return SGR.sub(lambda code: f'<span style="{COLOURS.get(code[1], "")}">' if code[1] != "0" else "</span>", escaped)


def photograph(page: Path, target: Path) -> None:
    """Take a screenshot of a local page."""
    browser = os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium"
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={WIDTH},{HEIGHT}"]
    subprocess.run([browser, *options, f"--screenshot={target}", page.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    main()
