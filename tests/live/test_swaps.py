"""Saves inside functions, served from a snapshot of the project; the interpreter of the project is Python 3.13."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.live.live_appliance import Start
from tests.live.swapped_project import SwappedProject, python
from tests.soak.crowd import Crowd
from tests.thorough import THOROUGH, one_in

EDITS = 100 if THOROUGH else 12

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux has snapshots")


@pytest.mark.parametrize("framework", one_in(2, ["plain", "flask", "django"]))
def test_a_save_inside_a_function_is_swapped(start: Start, project: Path, framework: str):
    """Each save inside a function is swapped, and verified when quiet; the log and the status say so."""
    served = SwappedProject(start, project, framework, python(framework))
    served.snapshot()
    assert [served.save(word)["how"] for word in ("two", "three")] == ["swapped", "swapped"]
    served.verified()
    assert served.save("four", more="number = 4; ")["how"] == "swapped"
    status = served.status()
    assert [each["how"] for each in status["reloads"]] == ["swapped"] * 3
    assert (status["snapshot"]["state"], status["snapshot"]["off"]) == ("ready", [])
    assert "swapped in" in served.appliance.command("status").stdout
    assert served.worst() == []


def test_other_changes_are_imported(start: Start, project: Path):
    """A change of a module's top, a new file and a removed one are imported, for a reason; then swaps go on."""
    served = SwappedProject(start, project, "plain", python())
    served.snapshot()
    declined = served.save("two", top="NUMBER = 1")
    assert (declined["how"], "shop.py" in declined["reason"] or declined["reason"] != "") == ("forked", True)
    served.snapshot()
    assert served.save("three", top="NUMBER = 1")["how"] == "swapped"
    (project / "extra.py").write_text("", encoding="utf-8")
    assert served.appliance.wait_for("reload.finished")["how"] == "forked"
    served.snapshot()
    (project / "extra.py").unlink()
    gone = served.appliance.wait_for("reload.finished")
    assert (gone["how"], gone["reason"]) == ("forked", "extra.py was removed")
    reloads = served.status()["reloads"]
    assert [each["how"] for each in reloads] == ["forked", "swapped", "forked", "forked"]


@pytest.mark.parametrize("framework", ["plain", "flask", "django"] if THOROUGH else ["plain"])
def test_swaps_under_load(start: Start, project: Path, framework: str):
    """Many saves under eight clients: no answer but 200, no connection fails, none is older than one seen."""
    served = SwappedProject(start, project, framework, python(framework), word="000000")
    served.snapshot()
    with Crowd(served.appliance.port) as crowd:
        hows = [served.save(f"{number:06}")["how"] for number in range(1, EDITS + 1)]
    assert crowd.failures == []
    assert crowd.answers.total() > EDITS
    assert hows == ["swapped"] * EDITS
    assert served.worst() == []
