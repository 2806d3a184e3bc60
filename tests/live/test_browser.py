"""A browser against a running appliance: Chromium, without a window, does on one page what pages do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import DEVNULL
from urllib.parse import unquote

import pytest

from tests.browser.tools import ADDRESS_BAR
from tests.certificates import make_certificate
from tests.live.clients import program
from tests.live.live_appliance import Appliance
from tests.soak.load import SOAKED
from tests.thorough import first

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-sync", "--ignore-certificate-errors", "--remote-debugging-port=0",
    f"--disable-features={ADDRESS_BAR}",
]  # fmt: skip
_ATTEMPTS = 10
_NETWORK_CHANGED = '"net_error":-21'


@pytest.mark.parametrize("scheme", first(["http", "https"]))
def test_chromium_uses_each_request(start: Callable[..., Appliance], project: Path, tmp_path: Path, scheme: str):
    """Kept connections, forms, uploads, redirects, an abort, an event stream and a WebSocket all work in a page."""
    chromium = program("chromium", "chromium-browser", "google-chrome")
    shutil.copytree(SOAKED, project, dirs_exist_ok=True)
    settings = {}
    if scheme == "https":
        certificate, key = make_certificate(project)
        settings = {"APPLIANCE_TLS_CERT": certificate.name, "APPLIANCE_TLS_KEY": key.name}
    appliance = start(**settings)
    appliance.wait_for("worker.ready")
    verdict = _verdict(appliance, chromium, f"{scheme}://localhost:{appliance.port}/page", tmp_path)
    assert verdict == "well"
    appliance.stop()  # the WebSocket's line comes when it has ended, which may be after the verdict
    paths = {event["url.path"] for event in appliance.events if "url.path" in event}
    assert {"/form", "/upload", "/websocket", "/redirect"} <= paths
    if "/events" not in paths:  # that the browser has left it is seen at the next event
        appliance.wait_for("request.aborted", within_s=30, **{"url.path": "/events"})


def _verdict(appliance: Appliance, chromium: str, url: str, folder: Path) -> str:
    """Return the page's report of its steps: "well", or each step that failed.

    Chromium fails every request that is open when a network interface comes or goes (net::ERR_NETWORK_CHANGED), as
    it does whenever a container starts beside this test; its own log tells, and then the page is opened again.
    """
    said = ""
    for attempt in range(_ATTEMPTS):
        log = folder / f"network-{attempt}.json"
        command = [chromium, *FLAGS, f"--user-data-dir={folder / f'chromium-{attempt}'}", f"--log-net-log={log}"]
        with subprocess.Popen([*command, f"{url}?{attempt}"], stdout=DEVNULL, stderr=DEVNULL) as browser:
            try:
                ended = appliance.wait_for("request.finished", within_s=60, **{"url.path": f"/verdict{attempt}"})
                said = unquote(ended["url.query"])
            except AssertionError as failure:
                said = str(failure)
            finally:
                browser.kill()
        if said == "well" or _NETWORK_CHANGED not in log.read_text(encoding="utf-8", errors="replace"):
            break
    return said
