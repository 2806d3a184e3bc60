"""A browser against a running appliance: Chromium, without a window, does on one page what pages do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.browser.tools import ADDRESS_BAR
from tests.certificates import make_certificate
from tests.live.clients import program
from tests.live.live_appliance import Appliance
from tests.soak.load import SOAKED

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-sync", "--ignore-certificate-errors", "--remote-debugging-port=0",
    f"--disable-features={ADDRESS_BAR}",
]  # fmt: skip


@pytest.mark.parametrize("scheme", ["http", "https"])
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
    command = [
        chromium,
        *FLAGS,
        f"--user-data-dir={tmp_path / 'chromium'}",
        f"{scheme}://localhost:{appliance.port}/page",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
        try:
            verdict = appliance.wait_for("request.finished", within_s=90, **{"url.path": "/verdict"})
        finally:
            browser.kill()
    assert unquote(verdict["url.query"]) == "well"
    appliance.stop()  # the WebSocket's line comes when it has ended, which may be after the verdict
    paths = {event["url.path"] for event in appliance.events if "url.path" in event}
    assert {"/form", "/upload", "/websocket", "/redirect"} <= paths
    if "/events" not in paths:  # that the browser has left it is seen at the next event
        appliance.wait_for("request.aborted", within_s=30, **{"url.path": "/events"})
