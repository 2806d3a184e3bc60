"""Environments over time: what is in use stays, what nobody uses goes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.conventions import COMPLETE_MARK
from appliance.environment.environment_use import KEPT, UNUSED_S, EnvironmentUse, installation_lock, prune

DAY = 86_400
NOW = 2_000_000_000.0


@pytest.fixture
def made(tmp_path):
    """``made("a", days=3, project="/p")``: an environment that was last used so many days ago."""

    def made(name, *, days=0, project="/workspace"):
        environment = tmp_path / name
        environment.mkdir()
        (environment / COMPLETE_MARK).write_text(json.dumps({"project": project}))
        used = environment.with_suffix(".used")
        used.touch()
        os.utime(used, (NOW - days * DAY,) * 2)
        return environment

    return made


def test_an_environment_without_use_for_thirty_days_is_removed(made, tmp_path, monkeypatch):
    """After thirty days without use, whosever it is; its mark first."""
    old, new = made("old", days=UNUSED_S / DAY + 1, project="/other"), made("new", days=1)
    assert prune(tmp_path, tmp_path, NOW) == [old]
    assert not old.exists()
    assert (new / COMPLETE_MARK).is_file()


def test_only_the_last_used_environments_of_a_path_stay(made, tmp_path):
    """The last used environments of each path stay; those of other paths do not count."""
    own = [made(f"own-{number}", days=number) for number in range(KEPT + 2)]
    made("other", days=KEPT + 3, project="/other")
    assert set(prune(tmp_path, Path("/workspace"), NOW)) == set(own[KEPT:])


HOLD = "import sys; from pathlib import Path; from appliance.environment.environment_use import EnvironmentUse\n"
HOLD += "u = EnvironmentUse(); u.hold(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"


def test_an_environment_that_another_process_holds_stays(made, tmp_path):
    """An environment that another process holds is not removed, however old; when that ends it may go."""
    old = made("old", days=100)
    command = [sys.executable, "-c", HOLD, str(old)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        os.utime(old.with_suffix(".used"), (0, 0))
        assert prune(tmp_path, tmp_path, NOW) == []
        other.communicate("")
    assert prune(tmp_path, tmp_path, NOW) == [old]


def test_an_environment_that_is_being_made_stays(made, tmp_path):
    """An environment that is being made, or installed into, stays."""
    old = made("old", days=100)
    with installation_lock(old, print):
        assert prune(tmp_path, tmp_path, NOW) == []


def test_holding_the_next_lets_go_of_the_last(made, tmp_path):
    """A process holds one at a time, and using it makes it young."""
    first, second = made("first", days=100), made("second", days=100)
    use = EnvironmentUse()
    use.hold(first)
    os.utime(first.with_suffix(".used"), (0, 0))
    use.hold(first)
    assert first.with_suffix(".used").stat().st_mtime > 0
    use.hold(second)
    os.utime(first.with_suffix(".used"), (0, 0))
    assert prune(tmp_path, tmp_path, NOW) == [first]
    use.hold(tmp_path / "nowhere" / "at-all")  # a cache that can't be written is no error here


def test_beside_what_is_not_ours_nothing_is_written(tmp_path):
    """A project's own .venv, or an interpreter, is held by nobody: its folder is the user's."""
    (tmp_path / ".venv").mkdir()
    EnvironmentUse().hold(tmp_path / ".venv")
    assert [each.name for each in tmp_path.iterdir()] == [".venv"]
