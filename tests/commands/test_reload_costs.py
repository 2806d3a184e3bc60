"""The description that ``appliance check --reload`` makes of an appliance's answer."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from appliance.commands.reload_costs import costs_of, described
from tests import releases
from tests.live.launcher import run

pytestmark = pytest.mark.whole

READY = {"state": "ready", "why": None, "refused": None}
PRELOADED = {"state": "ready", "why": None}


def answer(
    snapshot: dict[str, Any], preload: dict[str, Any] = PRELOADED, *checkpoints: str, **files: str
) -> dict[str, Any]:
    known = {f"{name}.py": why for name, why in files.items()}
    return {"snapshot": snapshot, "preload": preload, "files": known, "checkpoints": list(checkpoints)}


def test_modules_that_can_be_swapped_are_counted() -> None:
    """Only the modules that can't be swapped are listed, with the reason, unless all are asked for."""
    costs = costs_of(answer(READY, app="", views="app.views reads its own source"))
    lines = described(costs, verbose=False)
    assert lines[0] == "swapped    1 module: a save needs no import, if only functions change"
    assert lines[1] == "forked     1 module: a save imports the project's own modules"
    assert [line.split() for line in lines[3:4]] == [
        ["forked", "views.py", *["app.views", "reads", "its", "own", "source"]]
    ]
    assert len(described(costs, verbose=True)) > len(lines) - 2
    assert any("app.py" in line for line in described(costs, verbose=True))


def test_a_module_that_cannot_be_swapped_uses_a_checkpoint() -> None:
    """A module that can't be swapped is imported from a checkpoint if there is one, also without a snapshot."""
    blocked = {"views": "app.views reads its own source", "urls": "app.urls reads its own source"}
    lines = described(costs_of(answer(READY, PRELOADED, "views.py", "app.py", app="", **blocked)), verbose=False)
    assert lines[1] == "checkpoint 1 module: a save imports what comes after a checkpoint"
    assert [line.split()[:2] for line in lines[4:6]] == [["checkpoint", "views.py"], ["forked", "urls.py"]]
    refused = {"state": "none", "why": "x", "refused": "app, line 2, forks"}
    lines = described(costs_of(answer(refused, PRELOADED, "views.py")), verbose=False)
    assert lines[0].startswith("checkpoint 1 module")
    assert lines[2].split() == ["checkpoint", "views.py", "app,", "line", "2,", "forks"]


@pytest.mark.parametrize(
    ("given", "saves", "why"),
    [
        (answer({"state": "none", "why": "x", "refused": "app, line 2, forks"}), "forked", "app, line 2, forks"),
        (answer({"state": "off", "why": "APPLIANCE_PRELOAD is off", "refused": None}), "forked", "APPLIANCE_PRELOAD"),
        (answer({"state": "none", "why": None, "refused": None}), "forked", "there is no snapshot"),
        (answer(READY, {"state": "off", "why": "gevent has patched"}), "cold", "gevent has patched"),
        (answer(READY, {"state": "starting", "why": None}), "cold", "the preloader is starting"),
    ],
)
def test_a_reason_against_all_swaps_is_given_once(given: dict[str, Any], saves: str, why: str) -> None:
    """Without a snapshot or a preloader each save costs the same, and the reason is given."""
    costs = costs_of(given)
    assert costs["saves"] == saves
    assert why in costs["why"]
    assert costs["modules"] == []
    first, second = described(costs, verbose=False)
    assert first.startswith(f"Each save is {saves}")
    assert why in second


@pytest.mark.skipif("sys.platform != 'linux'", reason="snapshots are made on Linux")
def test_the_costs_of_a_project_are_those_of_its_snapshot(tmp_path: Path) -> None:
    """The command starts the project, and prints its modules; nothing of it runs afterwards."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "app.py").write_text(
        "import other\n\ndef app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'one']\n"
    )
    (project / "other.py").write_text("def other():\n    return 1\n")
    environment = {
        "PATH": os.environ["PATH"], "APPLIANCE_PROJECT": str(project), "APPLIANCE_CACHE": str(tmp_path / "cache"),
        "APPLIANCE_STATUS_SOCKET": str(tmp_path / "status"), "APPLIANCE_PYTHON": releases.interpreter("3.13"),
        "APPLIANCE_INSTALL": "off",
    }  # fmt: skip
    ran = run(("-m", "appliance", "check", "--reload", "--json"), environment)
    assert ran.returncode == 0, ran.stderr
    costs = json.loads(ran.stdout)
    assert [(each["file"], each["saves"]) for each in costs["modules"]] == [
        ("app.py", "swapped"),
        ("other.py", "swapped"),
    ]
    (project / "app.py").write_text("import threading\n\nthreading.Thread(target=print).start()\n\napp = print\n")
    ran = run(("-m", "appliance", "check", "--reload"), environment)
    assert "app, line 3, starts a thread" in ran.stdout
    (project / "app.py").write_text("def app(:\n")
    ran = run(("-m", "appliance", "check", "--reload"), environment)
    assert ran.returncode == 1
    assert "can't be served" in ran.stderr
