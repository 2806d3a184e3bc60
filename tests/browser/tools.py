"""The tools of the browser's tests: Chromium, axe-core and the Nu HTML checker, which `make browser` installs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.thorough import THOROUGH

WIDTHS = (360, 800, 1400)  # pixels: a phone, half a screen, a screen
SCHEMES = ("light", "dark")

# Pages of the browser's own, which each new window loads for its address bar: two thirds of the CPU time of a test.
ADDRESS_BAR = "WebUIOmniboxPopup,WebUIOmniboxAimPopup"
# Playwright's own list (1.50 and newer), which a further --disable-features replaces.
_PLAYWRIGHTS = (
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,"
    "OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch"
)
ARGUMENTS = [
    "--no-sandbox", "--disable-dev-shm-usage", "--ignore-certificate-errors",
    "--disable-gpu",  # else Chromium computes one
    f"--disable-features={_PLAYWRIGHTS},{ADDRESS_BAR}",
]  # fmt: skip

# Read before the tests' environment is cleared of the appliance's names (tests/conftest.py).
_REQUIRED = os.environ.get("APPLIANCE_TESTS_BROWSER") == "required"
_NPM = Path(sys.prefix) / "browser" / "node_modules"
_AXE = _NPM / "axe-core" / "axe.min.js"
_VNU = _NPM / "vnu-jar" / "build" / "dist" / "vnu.jar"


def lacking() -> str:
    """Return the missing programs and packages that these tests need; "" if nothing is missing."""
    programs = [name for name, found in (("chromium", chromium_path()), ("java", shutil.which("java"))) if not found]
    packages = [path.name for path in (_AXE, _VNU) if not path.exists()]
    try:
        import playwright.sync_api  # noqa: F401, PLC0415  only to see whether it is there
    except ImportError:
        packages.append("playwright")
    return ", ".join(programs + packages)


def skip_or_fail() -> None:
    """Skip a test if something is missing; fail it where CI has promised that nothing is."""
    if missing := lacking():
        if _REQUIRED:
            pytest.fail(f"{missing} is not installed, and APPLIANCE_TESTS_BROWSER=required")
        pytest.skip(f"not run: there is no {missing}; `make browser` installs what is not a program of the system")


def chromium_path() -> str | None:
    """The browser's program."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def looks(*, every: bool) -> list[tuple[int, str]]:
    """The widths and schemes in which axe-core looks at a page; not ``every``: a phone in light, a screen in dark.

    What it finds depends on the width by the layout, and on the scheme by the contrast, and not on both together.
    """
    return list(product(WIDTHS, SCHEMES)) if every else [(WIDTHS[0], SCHEMES[0]), (WIDTHS[-1], SCHEMES[1])]


def too_narrow(page: Any) -> list[int]:
    """The widths in which an open page needs a scroll bar; it has its own width again afterwards."""
    found, own = [], page.viewport_size
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(width)
    page.set_viewport_size(own)
    return found


def axe(page: Any) -> list[str]:
    """Return axe-core's findings on an open page: a line for each violated rule, with the first place.

    It is evaluated by the debugger, so a Content-Security-Policy does not keep it out.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {each['help']} ({len(each['nodes'])} places; {each['nodes'][0]['html'][:200]})"
        for each in result["violations"]
    ]


def in_looks(page: Any) -> list[str]:
    """Return axe-core's findings on an open page in each look, and the widths in which it needs a scroll bar."""
    found = []
    for width, scheme in looks(every=THOROUGH):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        found += [f"{width} {scheme}: {each}" for each in axe(page)]
    return found + [f"too wide for {width}" for width in too_narrow(page)]


def nu(documents: Mapping[str, str], folder: Path) -> list[str]:
    """Return the Nu HTML checker's findings in documents, by their names; one run for all, as Java starts slowly."""
    files = []
    for name, text in documents.items():
        files.append(folder / f"{name}.html")
        files[-1].write_text(text, encoding="utf-8")
    java = ["java", "-XX:TieredStopAtLevel=1", "-Xss4m", "-jar", str(_VNU)]
    command = [*java, "--format", "json", "--stdout", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    messages = json.loads(done.stdout)["messages"]
    return [
        f"{Path(each.get('url', '')).stem}:{each.get('lastLine', '')}: {each['message']}"
        for each in messages
        if each["type"] == "error" or each.get("subType") == "warning"
    ]
