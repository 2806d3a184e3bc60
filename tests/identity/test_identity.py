"""Switching to the project's owner; each switch is permanent, so each test of one runs in its own process."""

import json
import os
import subprocess
import sys

import pytest

from appliance.identity.identity import owner_of, switch_user, user_cache, user_home
from tests.users import ATTACKER, as_root, look, place, volume

__all__ = ["place", "volume"]

OWNER = 1234

DROP = """
import json, os, sys
from pathlib import Path
from appliance.identity.folder import check_folder
from appliance.identity.identity import owner_of, switch_user, user_cache, user_home
project, cache = Path(sys.argv[1]), Path(sys.argv[2])
switch_user(owner_of(project), cache)
try:
    check_folder(project)
    passed = ""
except Exception as error:
    passed = error.found
(user_cache(cache) / "made").mkdir(parents=True)
Path("/dev/stderr").open("w").close()
ids = [*os.getresuid(), *os.getresgid(), *os.getgroups()]
try:
    os.setuid(0)
except PermissionError:
    back = False
else:
    back = True
print(json.dumps({"ids": ids, "back": back, "home": user_home(cache, "/root"), "passed": passed}))
"""


@pytest.fixture
def open_path(tmp_path):
    """A folder that every user may enter: pytest's own are closed."""
    folder = tmp_path
    closed = ("pytest", "popen", "test")
    while folder.owner() == tmp_path.owner() and folder != folder.parent and folder.name.startswith(closed):
        folder.chmod(0o755)
        folder = folder.parent
    return tmp_path


def drop(project, cache):
    """Return the facts about a process after its drop; its stderr is a pipe, as a container's is."""
    command = [sys.executable, "-c", DROP, str(project), str(cache)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@as_root
@pytest.mark.parametrize("mode", [0o1777, 0o755, 0o700])
def test_root_becomes_the_owner(open_path, mode):
    """All ids change permanently; the user has its own folder in the cache, whatever mode the cache had."""
    project, cache = open_path / "project", open_path / "cache"
    project.mkdir(mode=0o700)
    cache.mkdir()
    cache.chmod(mode)
    os.chown(project, OWNER, OWNER)
    after = drop(project, cache)
    assert after == {
        "ids": [OWNER] * 7,
        "back": False,
        "home": str(cache / f"uid-{OWNER}" / "home"),
        "passed": "",
    }
    assert (cache / f"uid-{OWNER}" / "made").stat().st_uid == OWNER


@as_root
def test_a_closed_folder_says_whose_it_is(open_path):
    """A folder that this user may not enter is named with its owner and its mode."""
    project = open_path / "project"
    project.mkdir(mode=0o000)
    os.chown(project, OWNER, OWNER)
    words = drop(project, open_path / "cache")["passed"]
    assert f"uid {OWNER}" in words
    assert "0000" in words


@as_root
def test_root_stays_where_root_owns(tmp_path):
    """A project of root's is served by root; nobody else changes either."""
    assert owner_of(tmp_path) is None
    switch_user(None, tmp_path / "cache")
    assert os.geteuid() == 0
    assert not (tmp_path / "cache").exists()


@as_root
def test_the_group_is_the_folders(tmp_path):
    """Files created in the project get the project's group."""
    os.chown(tmp_path, OWNER, 4321)
    identity = owner_of(tmp_path)
    assert identity is not None
    assert (identity.uid, identity.gid, identity.groups, identity.name) == (OWNER, 4321, (4321,), "")


def test_a_missing_folder_has_no_owner(tmp_path):
    """A folder that can't be looked at has no owner; another check says what is wrong."""
    assert owner_of(tmp_path / "gone") is None


@as_root
@pytest.mark.parametrize("is_sticky", [True, False])
def test_a_link_gives_nobody_its_target(place, volume, is_sticky):
    """A link in the cache, under the name of the user's folder, gives nobody what it leads to, nor opens it."""
    victim, project = place / "victim", place / "project"
    victim.mkdir(mode=0o700)
    (victim / "file").touch()
    project.mkdir()
    os.chown(project, OWNER, OWNER)
    name = volume / f"uid-{OWNER}"
    name.symlink_to(victim)
    os.lchown(name, ATTACKER, ATTACKER)
    if not is_sticky:
        volume.chmod(0o755)
    before = [look(path) for path in (victim, victim / "file")]
    assert drop(project, volume)["ids"] == [OWNER] * 7
    assert [look(path) for path in (victim, victim / "file")] == before
    assert (name / "made").stat().st_uid == OWNER


STREAMS = """
import os, sys
from pathlib import Path
from appliance.identity.identity import owner_of, switch_user
project, cache, own, foreign, named, terminal = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])
for number, given in enumerate((own, foreign, named)):
    os.dup2(given, number)
switch_user(owner_of(project), cache)
"""


@as_root
def test_only_roots_own_pipes_are_given_to_the_owner(place, volume):
    """Root's own pipe is given to the project's owner; another user's, a FIFO in a folder and a terminal are not."""
    project = place / "project"
    project.mkdir()
    os.chown(project, OWNER, OWNER)
    os.mkfifo(place / "fifo")
    own, foreign, named = os.pipe()[0], os.pipe()[0], os.open(place / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    master, terminal = os.openpty()
    os.fchown(foreign, ATTACKER, ATTACKER)
    before = os.fstat(terminal).st_uid
    try:
        for third in (named, terminal):
            numbers = [own, foreign, third]
            command = [sys.executable, "-c", STREAMS, str(project), str(volume), *map(str, [*numbers, terminal])]
            done = subprocess.run(command, pass_fds=numbers, timeout=60, check=False)
            assert done.returncode == 0
        assert [os.fstat(each).st_uid for each in (own, foreign, named, terminal)] == [OWNER, ATTACKER, 0, before]
    finally:
        for each in (own, foreign, named, master, terminal):
            os.close(each)


def test_a_home_that_can_be_written_stays(tmp_path):
    """HOME is the given one where it can be used, else one in the cache."""
    assert user_home(tmp_path / "cache", str(tmp_path)) == str(tmp_path)
    for home in ("", str(tmp_path / "gone")):
        assert user_home(tmp_path / "cache", home) == str(user_cache(tmp_path / "cache") / "home")
    assert (user_cache(tmp_path / "cache") / "home").is_dir()
