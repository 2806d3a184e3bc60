"""A scripted client finds and names bugs by the tools alone; it reads neither the log nor the files."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.live.bug_finder import all_requests, find
from tests.live.live_appliance import Appliance
from tests.live.official_client import OfficialClient, official_client
from tests.live.seeded_projects import ALL, Seeded
from tests.live.test_assistants import over_http, over_stdio
from tests.releases import environment
from tests.thorough import THOROUGH

pytestmark = pytest.mark.whole

Starting = Callable[..., Appliance]


def ask(appliance: Appliance, asked: str) -> None:
    """One request; ``POST /x`` for another method than GET."""
    method, _, path = asked.rpartition(" ")
    connection = HTTPConnection("127.0.0.1", appliance.port, timeout=60)
    with contextlib.suppress(OSError, EOFError, HTTPException), contextlib.closing(connection):
        connection.request(method or "GET", path, headers={"Accept": "text/plain"})
        connection.getresponse().read()


def wait_until_recorded(client: OfficialClient, count: int) -> None:
    """Wait until so many requests are recorded: the recorder begins after the project is served."""
    while client.ask("list_requests").get("isError") or len(list(all_requests(client))) < count:
        continue


def show(appliance: Appliance, client: OfficialClient, seeded: Seeded) -> None:
    """Use the project as its developer does, until every bug has shown itself."""
    for path in seeded.paths:
        ask(appliance, path)
    for edited, after in ((seeded.edit, seeded.after),):
        if edited is not None:
            attempt = client.call("status")["attempt"]
            appliance.edit(*edited)
            assert client.call("wait_for_reload", after_attempt=attempt)["good"] is True
            for path in after:
                ask(appliance, path)
    wait_until_recorded(client, len(seeded.paths) + len(seeded.after))
    for path in seeded.hangs:
        threading.Thread(target=ask, args=(appliance, path), daemon=True).start()
        while not client.call("worker_stacks")["requests_that_still_run"]:
            continue
    if seeded.breaks is not None:
        attempt = client.call("status")["attempt"]
        appliance.edit(*seeded.breaks)
        assert client.call("wait_for_reload", after_attempt=attempt)["good"] is False


@pytest.mark.parametrize("name", list(ALL) if THOROUGH else ["plain"])
def test_each_seeded_bug_is_named(start: Starting, project: Path, name: str):
    """Each bug is a finding of its kind with its place, and nothing else is accused."""
    seeded = ALL[name]
    for file, text in seeded.files.items():
        (project / file).parent.mkdir(exist_ok=True)
        (project / file).write_text(text, encoding="utf-8")
    settings = dict(seeded.settings)
    if seeded.pins:
        python = environment("3.13", *seeded.pins, project="") / "bin" / "python"
        settings |= {"APPLIANCE_INSTALL": "off", "APPLIANCE_PYTHON": str(python)}
    appliance = start(**settings)
    appliance.wait_for("worker.ready")
    transport = over_http if name in {"plain", "flask"} else over_stdio
    with official_client(transport(appliance)) as client:
        show(appliance, client, seeded)
        findings = find(client)
    said = [(each.kind, f"{each.place} {each.text}") for each in findings]
    bugs = seeded.named()
    assert [bug for bug, (kind, text) in bugs.items() if not any(k == kind and text in each for k, each in said)] == []
    explained = [*(text for _, text in bugs.values()), *seeded.consequences]
    assert [each for each in said if not any(text in each[1] for text in explained)] == []
