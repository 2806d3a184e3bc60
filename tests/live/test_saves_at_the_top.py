"""Saves at the top of a module, served from checkpoints of the import; the project has Python 3.12 or 3.13."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.live.live_appliance import Event, Start
from tests.live.swapped_project import SwappedProject, python
from tests.thorough import THOROUGH

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux has snapshots")

SAVES = 20 if THOROUGH else 3


def edited(start: Start, project: Path, framework: str = "plain", version: str = "3.13") -> SwappedProject:
    """A project whose module was edited at its top, so that the import has paused before it."""
    (project / "first.py").write_text("NUMBER = 1\n", encoding="utf-8")
    served = SwappedProject(start, project, framework, python(framework, version), top="import first")
    served.snapshot()
    assert served.save("two", top="import first, os")["how"] == "forked"
    assert served.appliance.wait_for("checkpoint.ready")["file"] == "shop.py"
    has_snapshot(served)
    assert [each["file"] for each in served.status()["snapshot"]["checkpoints"]] == ["shop.py"]
    return served


def has_snapshot(served: SwappedProject) -> None:
    """Wait until there is a snapshot of what was saved last: each save here has ended the one before."""
    while served.status()["snapshot"]["state"] != "ready":
        served.snapshot()


def resumed(reload: Event) -> bool:
    """Whether this save was served from a checkpoint, or would have been on a machine that is less busy."""
    return reload["how"] == "checkpoint" or "does not answer" in reload["reason"]


@pytest.mark.parametrize(
    ("framework", "version"),
    [("plain", "3.12"), ("flask", "3.13"), ("django", "3.13")] if THOROUGH else [("flask", "3.13")],
)
def test_saves_at_the_top_of_a_module_are_served_from_the_checkpoint(
    start: Start, project: Path, framework: str, version: str
):
    """Each further save at the top is served from the checkpoint; then functions are swapped again."""
    served = edited(start, project, framework, version)
    for number in range(SAVES):
        saved = served.save(f"word {number}", top=f"import first, os\nNUMBER = {number}")
        assert (resumed(saved), saved["forked"], "reason" in saved) == (True, True, True)
    has_snapshot(served)
    last = served.save("last", top=f"import first, os\nNUMBER = {SAVES - 1}")
    assert (last["how"], last.get("reason")) == ("swapped", None)
    assert served.status()["snapshot"]["off"] == []
    assert served.worst() == []


@pytest.mark.whole
def test_a_save_before_the_checkpoint_is_imported_from_the_preloader(start: Start, project: Path):
    """A save of a module that the checkpoint has read is imported from the preloader, with its new state."""
    served = edited(start, project)
    app = (project / "app.py").read_text(encoding="utf-8")
    served.appliance.edit(
        "app.py", app.replace("import shop", "import shop\nMORE = '!'").replace("shop.word()", "(shop.word() + MORE)")
    )
    reload = served.appliance.wait_for("reload.finished")
    assert (reload["how"], served.appliance.get()[1]) == ("forked", b"two!")


@pytest.mark.whole
def test_a_corrected_file_is_served_from_the_checkpoint(start: Start, project: Path):
    """A syntax error is shown at once; the corrected file is served from the checkpoint."""
    served = edited(start, project)
    served.appliance.edit("shop.py", "def word(:\n")
    failed = served.appliance.wait_for("worker.failed")
    assert "shop.py" in failed["traceback"]
    saved = served.save("four", top="import first, os\nNUMBER = 4")
    assert (resumed(saved), served.appliance.get()[1]) == (True, b"four")


@pytest.mark.whole
def test_a_new_file_ends_the_use_of_a_checkpoint(start: Start, project: Path):
    """A new file may hide what was found before: everything is imported, and it is found."""
    served = edited(start, project)
    (project / "json.py").write_text("WORD = 'hidden'\n", encoding="utf-8")
    reload = served.appliance.wait_for("reload.finished")
    assert (reload["how"], served.status()["snapshot"]["checkpoints"]) == ("forked", [])
    assert served.appliance.get()[1] == b"two"


@pytest.mark.whole
def test_the_last_of_saves_faster_than_imports_is_served(start: Start, project: Path):
    """If saves come faster than workers, the last one is served, whatever served those before."""
    served = edited(start, project)
    for number in range(12):
        served.write(f"word {number}", top=f"import first, os\nNUMBER = {number}")
    served.settles("word 11")
    assert served.worst() == []


@pytest.mark.whole
def test_a_project_that_starts_a_thread_has_a_checkpoint_before_it(start: Start, project: Path):
    """A project without a snapshot, since a module starts a thread, has a checkpoint before that module."""
    top = "import threading\nthreading.Thread(target=print, daemon=True).start()\nNUMBER = {number}"
    served = SwappedProject(start, project, "plain", python(), top=top.format(number=0))
    served.appliance.wait_for("snapshot.refused")
    assert served.save("two", top=top.format(number=1))["how"] == "forked"
    served.appliance.wait_for("checkpoint.ready")
    assert resumed(served.save("three", top=top.format(number=2)))
    assert served.worst() == []
