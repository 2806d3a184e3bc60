"""Other users, for tests of what they may not do: this process becomes one for a moment, where it is root."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

OWNER, ATTACKER, OTHER = 4101, 4202, 4303
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="not run: only root can become other users")


@contextmanager
def user(uid, *, gid=None, groups=()):
    """This process with the rights of that user alone."""
    before = os.getgroups()
    os.setgroups(groups)
    os.setegid(uid if gid is None else gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


@pytest.fixture
def place():
    """A folder that every user may enter, root's; pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="appliance-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def volume(place):
    """A cache volume as the image has it: root's, open to everybody, with the sticky bit."""
    folder = place / "cache"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def look(path):
    """The owner and the mode of a file: neither may change for a victim's."""
    status = path.lstat()
    return status.st_uid, status.st_gid, oct(status.st_mode)
