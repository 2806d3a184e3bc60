"""The rhythm of saves: however fast they come, from the first answer on, reloads are forked as soon as they can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import HELLO, Appliance

Start = Callable[..., Appliance]

SAVES_MAX = 2000
SLOW = "import threading\nthreading.Event().wait(0.05)\n"
# Imports until it is told to go on.
WAITS = """
import os, slow, threading
print("imports", flush=True)
while not os.path.exists({go!r}):
    threading.Event().wait(0.01)
"""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Installed packages: one is slow to import, and one is not fit to be preloaded."""
    folder = tmp_path / "lib" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "slow.py").write_text(SLOW, encoding="utf-8")
    (folder / "threaded.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n", encoding="utf-8"
    )
    return folder


def preloads(appliance: Appliance) -> bool:
    """Whether a preloader has been ready, as far as the log was read."""
    return any(event["event"] == "preload.ready" for event in appliance.events)


def generations(appliance: Appliance, event: str) -> list[int]:
    """The generations of these events that came after the preloader was ready."""
    names = [each["event"] for each in appliance.events]
    return [each["generation"] for each in appliance.events[names.index("preload.ready") :] if each["event"] == event]


def test_saves_without_a_pause_still_get_forked_workers(start: Start, project: Path, packages: Path, tmp_path: Path):
    """Saves that follow each answer at once, from the first on, keep no preloader away; what starts then is forked."""
    text = "import slow, threaded\n" + HELLO
    (project / "app.py").write_text(text.replace("{word}", "first"), encoding="utf-8")
    appliance = start(PYTHONPATH=str(packages), APPLIANCE_CACHE=str(tmp_path / "cache"))
    appliance.wait_for("worker.ready")
    for number in range(SAVES_MAX):
        appliance.edit("app.py", text.replace("{word}", f"{number:05}"))
        appliance.wait_for("reload.finished")
        assert appliance.get()[1] == f"{number:05}".encode()
        if preloads(appliance) and len(generations(appliance, "worker.started")) > 5:
            break
    later = generations(appliance, "worker.started")
    reloads = [each for each in appliance.events if each["event"] == "reload.finished" and each["generation"] in later]
    assert len(reloads) > 5
    assert [each["forked"] for each in reloads] == [True] * len(reloads)


@pytest.mark.whole
def test_workers_are_forked_though_saves_overtake_each_import(
    start: Start, project: Path, packages: Path, tmp_path: Path
):
    """Even if every save comes before the last import has ended, from the start on, workers are forked."""
    text = WAITS.format(go=str(tmp_path / "go")) + HELLO
    (project / "app.py").write_text(text.replace("{word}", "first"), encoding="utf-8")
    appliance = start(PYTHONPATH=str(packages), APPLIANCE_CACHE=str(tmp_path / "cache"))
    for number in range(SAVES_MAX):
        generation = appliance.wait_for("output", text="imports")["generation"]
        if any(event["event"] == "worker.started" and event["forked"] for event in appliance.events):
            break
        appliance.edit("app.py", text.replace("{word}", f"{number:05}"))
    (tmp_path / "go").touch()
    appliance.wait_for("worker.ready", generation=generation)
    assert [event for event in appliance.events if event["event"] == "worker.ready"][:-1] == []
    assert appliance.get()[1] == f"{number - 1:05}".encode()


@pytest.mark.whole
def test_a_package_added_between_quick_saves_is_preloaded(start: Start, project: Path, packages: Path, tmp_path: Path):
    """A package that is imported from one save on is preloaded, though saves follow each other at once."""
    (packages / "added.py").write_text("import os\nborn = os.getpid()\n", encoding="utf-8")
    appliance = start(PYTHONPATH=str(packages), APPLIANCE_CACHE=str(tmp_path / "cache"))
    appliance.wait_for("preload.ready")
    known = len(appliance.events)
    for number in range(SAVES_MAX):
        appliance.edit(
            "app.py",
            f"import added, os  # {number}\n" + HELLO.replace('b"{word}"', "str(added.born == os.getpid()).encode()"),
        )
        appliance.wait_for("reload.finished")
        if appliance.get()[1] == b"False":
            break
    assert any(event["event"] == "preload.ready" for event in appliance.events[known:])
