"""The status socket and the environment's link in folders that other users can write."""

import os
import socket
import stat
from pathlib import Path
from typing import cast

import pytest

from appliance.config.socket_folder import prepare_socket_folder
from appliance.ownership import NotOursError
from appliance.supervisor.loop import Loop
from appliance.supervisor.processes.environment_link import link
from appliance.supervisor.reporting.status_socket import StatusSocket, _let_anybody_connect
from tests.users import ATTACKER, OTHER, OWNER, as_root, look, place, user, volume

__all__ = ["place", "volume"]


class NoLoop:
    """Nobody is answered here."""

    def watch(self, *_):
        """Watch nothing."""

    def unwatch(self, *_):
        """Watch nothing."""


@pytest.fixture
def opened():
    """``opened(path)``: a status socket there, and what its opening said."""
    sockets: list[StatusSocket] = []

    def opened(path: Path) -> str | None:
        sockets.append(StatusSocket(path, {}, cast("Loop", NoLoop())))
        return sockets[-1].open()

    yield opened
    for each in sockets:
        each.close()


def test_everybody_may_connect(tmp_path, opened):
    """The folder is made, and the socket is open to all, whatever the umask."""
    before = os.umask(0o077)
    try:
        assert opened(tmp_path / "appliance" / "status.sock") is None
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "appliance" / "status.sock").stat().st_mode) == 0o666


@pytest.mark.parametrize("how", ["link", "file", "hard link to a socket"])
def test_a_file_in_the_sockets_place_is_not_opened_to_all(tmp_path, how):
    """A file that another user puts there after the bind is not opened to all, nor is the target of a link."""
    path, secret = tmp_path / "status.sock", tmp_path / "secret"
    if how.endswith("socket"):
        with socket.socket(socket.AF_UNIX) as private:
            private.bind(str(secret))
    else:
        secret.touch()
    secret.chmod(0o600)
    if how == "link":
        path.symlink_to(secret)
    else:
        path.hardlink_to(secret)
    before = look(secret)
    with pytest.raises(NotOursError):
        _let_anybody_connect(path)
    assert look(secret) == before


@as_root
@pytest.mark.parametrize("mode", [0o755, 0o777, 0o700])
def test_another_users_folder_in_tmp_is_not_used(volume, opened, mode):
    """A folder that another user has made where everybody may is not used; the reason names that user."""
    trap = volume / "appliance"
    trap.mkdir()
    os.chown(trap, ATTACKER, ATTACKER)
    trap.chmod(mode)
    with user(OWNER):
        assert f"uid {ATTACKER}" in str(opened(trap / "status.sock"))
        assert not link(trap, Path("/cache/uid-1/environments/key"))
    assert list(trap.iterdir()) == []


def foreign(path: Path) -> None:
    """Another user's folder."""
    path.mkdir()
    (path / "status.sock").touch()
    os.chown(path, ATTACKER, ATTACKER)


def open_to_all(path: Path) -> None:
    """The user's own, which everybody may write."""
    path.mkdir()
    os.chown(path, OWNER, OWNER)
    path.chmod(0o777)


def to_a_victim(path: Path) -> None:
    """A link to a folder of root's."""
    path.symlink_to(path.parent.parent / "victim")
    os.lchown(path, ATTACKER, ATTACKER)


def of_root(path: Path) -> None:
    """Leave the folder of an earlier start, when the project was root's."""
    path.mkdir()


@as_root
@pytest.mark.parametrize("plant", [foreign, open_to_all, to_a_victim, of_root], ids=lambda each: each.__name__)
def test_root_clears_the_way(volume, opened, plant):
    """A file in the way of root's user in /tmp is set aside with one event, and not changed otherwise."""
    victim = volume.parent / "victim"
    victim.mkdir(mode=0o700)
    before = look(victim)
    folder = volume / "appliance"
    plant(folder)
    (notice,) = prepare_socket_folder(folder, OWNER)
    assert notice[0] == "folder.replaced"
    assert os.path.lexists(str(notice[1]["aside"]))
    assert prepare_socket_folder(folder, OWNER) == []
    with user(OWNER):
        assert opened(folder / "status.sock") is None
        assert link(folder, Path("/cache/uid-1/environments/key"))
    assert prepare_socket_folder(folder, OWNER) == []
    assert look(folder)[0] == OWNER
    assert look(victim) == before


@as_root
@pytest.mark.parametrize("mode", [0o1777, 0o755])
def test_other_folders_are_left_alone(place, volume, mode):
    """Root sets nothing aside where not everybody may make folders, nor a folder that everybody may use."""
    for folder in (place / "run", volume / "shared"):
        folder.mkdir()
        folder.chmod(0o1777 if folder.parent == volume else mode)
        assert prepare_socket_folder(folder, OWNER) == []
        assert folder.is_dir()


@as_root
def test_a_shared_folder_has_the_socket_and_no_link(place, opened):
    """A folder that was mounted for several users has the socket, but no link that an editor would run."""
    folder = place / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    os.chown(folder, OTHER, OTHER)
    with user(OWNER):
        assert opened(folder / "status.sock") is None
        assert not link(folder, Path("/cache/uid-1/environments/key"))


def test_the_link_follows_the_environment(tmp_path):
    """The link leads to the current environment; a second call, a torn one, or a file in its place change nothing."""
    (tmp_path / ".environment.new").symlink_to("torn")
    (tmp_path / "environment").touch()
    for name in ("one", "one", "two"):
        assert link(tmp_path, tmp_path / name)
        assert (tmp_path / "environment").readlink() == tmp_path / name
    assert [path.name for path in tmp_path.iterdir()] == ["environment"]
    assert not link(tmp_path / "nowhere", tmp_path)


def test_a_taken_socket_folder_is_named_as_the_reason(tmp_path, opened):
    """If another appliance answers, the reason says so."""
    path = tmp_path / "status.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        assert "another appliance" in str(opened(path))
