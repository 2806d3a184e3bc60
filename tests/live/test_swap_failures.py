"""Snapshots that can't be, fail or are late: saves are served by the older path, and nothing else is seen of it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.live.live_appliance import Start
from tests.live.swapped_project import SwappedProject, python
from tests.thorough import THOROUGH, one_in

SLOW = """
import os, time
if os.path.exists("wait"):
    time.sleep({seconds})
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="not run: only Linux has snapshots")


def test_an_older_python_is_served_as_before(start: Start, project: Path):
    """In Python 3.11 no snapshot is made, and reloads are forked; the log says why once."""
    served = SwappedProject(start, project, "plain", python(version="3.11"))
    refused = served.appliance.wait_for("snapshot.refused")
    assert refused["reason"].startswith("swaps need Python 3.12 or newer; the project has 3.11")
    assert served.save("two")["how"] == "forked"
    roles = {each["role"] for each in served.status()["processes"]}
    assert "snapshot" not in roles


def test_without_the_setting_there_is_no_snapshot(start: Start, project: Path):
    """Swaps are off unless the setting turns them on: reloads are forked, and no reason is shown."""
    served = SwappedProject(start, project, "plain", python(), APPLIANCE_SWAP="off")
    served.appliance.wait_for("preload.ready")
    reload = served.save("two")
    assert (reload["how"], "reason" in reload) == ("forked", False)
    assert served.status()["snapshot"]["why"] == "APPLIANCE_SWAP is off"


def test_a_killed_snapshot_comes_back(start: Start, project: Path):
    """A snapshot that is killed costs one reload by the older path; it is made again after a pause."""
    served = SwappedProject(start, project, "plain", python())
    os.kill(served.snapshot(), signal.SIGKILL)
    assert served.appliance.wait_for("snapshot.ended")["how"] == "killed by SIGKILL"
    assert served.save("two")["how"] == "forked"
    served.snapshot()
    assert served.save("three")["how"] == "swapped"
    assert served.worst() == []


@pytest.mark.whole
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_save_is_served_though_the_spare_does_not_start(start: Start, project: Path, number: signal.Signals):
    """A spare of the snapshot that is killed or stopped when a save comes: the save is served, and nobody is blamed."""
    served = SwappedProject(start, project, "plain", python())
    served.snapshot()
    os.kill(served.spare(), number)
    served.save("two")
    assert served.appliance.get()[1] == b"two"
    assert not any(each["event"] in {"worker.failed", "preload.refused"} for each in served.appliance.events)
    served.save("three", top="NUMBER = 1")  # by the older path: the preloader was not blamed either
    assert served.worst() == []


@pytest.mark.whole
def test_a_stopped_snapshot_is_given_up(start: Start, project: Path):
    """A snapshot that answers nothing delays no reload: once it has no spare it is ended, and made again."""
    served = SwappedProject(start, project, "plain", python())
    snapshot = served.snapshot()
    served.spare()
    os.kill(snapshot, signal.SIGSTOP)
    assert served.save("two")["how"] == "swapped"  # by the spare
    assert served.appliance.wait_for("snapshot.ended")["how"] == "it does not answer"
    served.save("three")
    assert served.snapshot() != snapshot


@pytest.mark.parametrize("gap_s", one_in(2, [0.3, 0.05]))
def test_saves_in_a_row_do_not_keep_the_snapshot_away(start: Start, project: Path, gap_s: float):
    """Saves in a row from 0.3 s after the first answer do not keep the snapshot away, and the last one is served."""
    served = SwappedProject(start, project, "plain", python())
    served.appliance.wait_for("worker.ready")
    time.sleep(0.3)
    number = 0
    while "swapped" not in {each["how"] for each in served.reloads()}:
        for _ in range(5):
            number += 1
            served.write(f"{number:06}")
            time.sleep(gap_s)
    served.settles(f"{number:06}")
    assert len([each for each in served.status()["processes"] if each["role"] == "snapshot"]) <= 2
    assert served.worst() == []


@pytest.mark.whole
def test_saves_during_a_comparison_are_swapped_and_never_a_mismatch(start: Start, project: Path):
    """Saves at every moment of an import that verifies the one before are swapped, and never called a mismatch."""
    served = SwappedProject(start, project, "plain", python())
    served.snapshot()
    for number in range(8 if THOROUGH else 4):
        assert served.save(f"{number:06}")["how"] == "swapped"
        time.sleep(0.9 + 0.1 * number)
    served.settles(f"{number:06}")
    assert not any(each["event"] in {"reload.mismatch", "snapshot.ended"} for each in served.appliance.events)


@pytest.mark.whole
def test_a_snapshot_whose_import_hangs_is_killed(start: Start, project: Path):
    """A snapshot whose import has no end is killed in time; saves are forked meanwhile, as fast as before."""
    top = SLOW.format(seconds=60)
    served = SwappedProject(start, project, "plain", python(), top=top, APPLIANCE_BOOT_TIMEOUT_S="2")
    served.appliance.wait_for("worker.ready")
    (project / "wait").touch()
    ended = served.appliance.wait_for("snapshot.ended")
    assert ended["how"] == "it has taken too long"
    (project / "wait").unlink()
    assert served.save("two", top=top)["how"] == "forked"
    served.snapshot()
    assert served.save("three", top=top)["how"] == "swapped"


@pytest.mark.whole
def test_a_stop_ends_the_import_of_a_snapshot(start: Start, project: Path):
    """The appliance stops at once while a snapshot imports, and no process is left."""
    served = SwappedProject(start, project, "plain", python(), top=SLOW.format(seconds=60))
    served.appliance.wait_for("worker.ready")
    (project / "wait").touch()
    served.appliance.until(lambda: "snapshot" in {each["role"] for each in served.status()["processes"]})
    pids = [each["pid"] for each in served.status()["processes"] if each["pid"]]
    began = time.monotonic()
    assert served.appliance.stop() == 0
    assert time.monotonic() - began < 5.0
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.whole
def test_other_variables_make_another_snapshot(start: Start, project: Path):
    """A changed .env file is a start with its values, which no swap has; the next snapshot has them too."""
    served = SwappedProject(start, project, "plain", python(), top="import os\nNAME = os.environ.get('NAME', 'none')")
    top = "import os\nNAME = os.environ.get('NAME', 'none')"
    first = served.snapshot()
    (project / ".env").write_text("NAME=named\n", encoding="utf-8")
    reload = served.appliance.wait_for("reload.finished")
    assert reload["how"] in {"forked", "cold"}
    assert served.snapshot() != first
    served.write("unused", top=top, more="return NAME; ")
    served.settles("named")
    assert served.reloads()[-1]["how"] == "swapped"
