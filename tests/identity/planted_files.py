"""The files that another user may have put into a cache volume under the name of the owner's folder."""

import os
import stat

import pytest

from tests.users import ATTACKER, OWNER

NAME = f"uid-{OWNER}"


@pytest.fixture
def temporary(place):
    """A folder like /tmp."""
    folder = place / "tmp"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


@pytest.fixture
def victim(place):
    """Somebody's folder, with a file in it, of which nothing may change."""
    folder = place / "victim"
    folder.mkdir(mode=0o700)
    (folder / "file").write_text("precious")
    return folder


def by(claimed):
    """The names of the events."""
    return [event for event, _ in claimed.notices]


def content(folder):
    """Return the contents of a folder, as relative paths."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def is_own(folder, uid=OWNER):
    """Whether this is a folder of that user's that nobody else may write."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == uid and not status.st_mode & 0o022


def planted(folder, *, owner=ATTACKER, mode=0o777):
    """A folder that an attacker has filled: an environment, code, a list of modules."""
    for name in ("environments/key/bin", "code/cpython-313"):
        (folder / name).mkdir(parents=True)
    (folder / "code" / "cpython-313" / "evil").write_text("planted")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, ATTACKER, ATTACKER)
        path.chmod(0o777)
    os.chown(folder, owner, owner)
    folder.chmod(mode)


def to_a_victim(folder):
    """A link to what is not the attacker's."""
    folder.symlink_to(folder.parent.parent / "victim")
    os.lchown(folder, ATTACKER, ATTACKER)


def nowhere(folder):
    """A link that leads nowhere."""
    folder.symlink_to("/nowhere/at/all")
    os.lchown(folder, ATTACKER, ATTACKER)


def file(folder):
    """A file of the same name."""
    folder.write_text("planted")
    os.chown(folder, ATTACKER, ATTACKER)


def fifo(folder):
    """A FIFO of the same name."""
    os.mkfifo(folder)
    os.chown(folder, ATTACKER, ATTACKER)


def closed(folder):
    """A folder that its user can't even list."""
    folder.mkdir(mode=0o700)
    os.chown(folder, ATTACKER, ATTACKER)


def given_before(folder):
    """Make the folder that an earlier root has given to its user unchanged: the top folder alone."""
    planted(folder, owner=OWNER)


PLANTS = (planted, to_a_victim, nowhere, file, fifo, closed, given_before)
