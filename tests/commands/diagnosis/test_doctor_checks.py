"""``appliance doctor``: what it finds, and that it leaves nothing behind."""

import json
import os
import subprocess
import sys
import time

import pytest

from appliance.commands.diagnosis import doctor_checks
from appliance.commands.diagnosis.doctor_checks import CheckContext
from appliance.config.settings import read_settings
from tests.users import OWNER, as_root, place, user

__all__ = ["place"]


@pytest.fixture
def subject(tmp_path):
    """``patient(HOST="127.0.0.1")``: a project with these settings, in the image."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text("")

    def subject(**settings):
        values = {f"APPLIANCE_{name}": text for name, text in settings.items()}
        given = {"APPLIANCE_PROJECT": str(folder), "APPLIANCE_CACHE": str(tmp_path / "cache"), **values}
        given["APPLIANCE_STATUS_SOCKET"] = str(tmp_path / "none.sock")
        return CheckContext(read_settings(given, {}, {}, tmp_path), in_image=True)

    return subject


def states(look, subject):
    """The states that a look found."""
    return [finding.state for finding in look(subject)]


def test_doctor_looks_and_leaves_nothing(tmp_path):
    """The command says something of each topic, exits 0 or 1, and the folder is as it was."""
    (tmp_path / "app.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-I", "-m", "appliance", "doctor", "--json", f"--project={tmp_path}"],
        capture_output=True, text=True, timeout=60, check=False, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    findings = json.loads(done.stdout)
    topics = {"project", "events", "watches", "owner", "port", "cache", "memory", "clock", "descriptors"}
    assert {finding["topic"] for finding in findings} == topics
    assert done.returncode == any(finding["state"] == "hurts" for finding in findings)
    assert all(finding["action"] for finding in findings if finding["state"] == "hurts")
    assert [path.name for path in tmp_path.iterdir()] == ["app.py"]


def test_an_edit_is_reported_at_once(subject):
    """On a disk of this machine the kernel reports an edit at once."""
    assert states(doctor_checks.events, subject()) == ["ok"]


def test_a_port_on_loopback_alone_hurts_in_a_container(subject):
    """In a container loopback alone hurts; no appliance is worth a note."""
    assert states(doctor_checks.ports, subject(HOST="127.0.0.1")) == ["hurts", "note"]
    assert states(doctor_checks.ports, subject(HOST="0.0.0.0")) == ["note"]


def test_a_cache_that_is_not_a_volume_is_reported_in_a_container(subject):
    """In a container a cache that is not a mount is gone with it."""
    assert "hurts" in states(doctor_checks.cache, subject())


def test_a_probe_writes_nothing_else(subject, tmp_path):
    """A link under the name of the file that is written for a moment is not followed."""
    who, victim = subject(), tmp_path / "victim"
    victim.write_text("precious")
    (who.project / ".appliance-doctor").symlink_to(victim)
    assert states(doctor_checks.events, who) == ["ok"]
    assert victim.read_text() == "precious"


def test_a_cache_in_which_others_may_rename_is_noted(subject, tmp_path):
    """A cache that everybody may change, without the sticky bit, is worth a note; with it there is no note."""
    (tmp_path / "cache").mkdir()
    for mode, notes in ((0o777, 1), (0o1777, 0)):
        (tmp_path / "cache").chmod(mode)
        assert states(doctor_checks.cache, subject()).count("note") == notes


def test_files_from_the_future_are_reported(subject):
    """A file whose time lies in the future is reported, with how far."""
    who = subject()
    future = time.time() + 3600
    os.utime(who.project / "app.py", (future, future))
    (finding,) = doctor_checks.clock(who)
    assert finding.state == "note"
    assert "app.py" in finding.found


@as_root
@pytest.mark.parametrize(
    ("owner", "mode", "groups", "state"),
    [(0, 0o2775, [2000], "ok"), (0, 0o2775, [], "note"), (0, 0o2755, [2000], "note"), (OWNER, 0o755, [], "ok")],
)
def test_a_volume_of_the_appliances_group_is_accepted(subject, place, owner, mode, groups, state):
    """A volume that a cluster has given to a group of the appliance's is as it should be, and another's folder not."""
    os.chown(place, owner, 2000)
    place.chmod(mode)
    who = subject(PROJECT=str(place))
    with user(OWNER, groups=groups):
        assert states(doctor_checks.owners, who) == [state]
