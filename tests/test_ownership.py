"""A file that another user may have written is not opened, at any level, in any form."""

import os
import socket
import stat
import threading

import pytest

from appliance import ownership
from appliance.ownership import CLOSED, OPEN, NotOursError, open_folder
from tests.users import ATTACKER, OTHER, OWNER, as_root, place, user, volume

__all__ = ["place", "volume"]

LEVELS = ("uid", "code", "tag")


def chain(volume):
    """The deepest of three levels, as a string."""
    return "/".join([str(volume), *LEVELS])


def sound(volume):
    """The three levels as their owner makes them, with a file in the last one."""
    with user(OWNER), open_folder(chain(volume), 3, make=CLOSED) as folder:
        folder.write("file", b"ours")


def test_levels_are_made_with_their_modes_and_found_again(tmp_path):
    """Levels are made with the modes that were asked for, whatever the umask; what is written is read."""
    before = os.umask(0)
    try:
        with open_folder(chain(tmp_path / "volume"), 3, make=CLOSED) as folder:
            folder.write("file", b"content")
            os.close(folder.open("lock", os.O_RDWR | os.O_CREAT))
            assert sorted(folder.names()) == ["file", "lock"]
    finally:
        os.umask(before)
    made = tmp_path / "volume"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made.rglob("*")}
    assert modes == {"uid": OPEN, "code": OPEN, "tag": CLOSED, "file": 0o600, "lock": 0o600}
    with open_folder(chain(made), 3) as folder:
        assert folder.read("file") == b"content"


def test_what_is_absent_is_not_made_by_itself(tmp_path):
    """A level or a file that is absent is reported as absent."""
    with pytest.raises(FileNotFoundError):
        open_folder(chain(tmp_path), 3)
    with open_folder(chain(tmp_path), 3, make=CLOSED) as folder, pytest.raises(FileNotFoundError):
        folder.read("file")


def foreign(path):
    """A folder of another user's, closed to all others but readable."""
    path.mkdir()
    os.chown(path, ATTACKER, ATTACKER)


def hidden(path):
    """A folder of another user's that we can't even enter."""
    path.mkdir(mode=0o700)
    os.chown(path, ATTACKER, ATTACKER)


def open_to_all(path):
    """A folder of ours that everybody may write: as it was made with the umask 000."""
    path.mkdir()
    path.chmod(0o777)
    os.chown(path, OWNER, OWNER)


def open_to_the_group(path):
    """A folder of ours that its group may write."""
    path.mkdir()
    path.chmod(0o775)
    os.chown(path, OWNER, OTHER)


def link(path):
    """A link to a folder of ours, which is sound."""
    elsewhere = path.parent / "elsewhere"
    elsewhere.mkdir()
    os.chown(elsewhere, OWNER, OWNER)
    path.symlink_to(elsewhere)


def file(path):
    """A file in place of a folder."""
    path.touch()
    os.chown(path, OWNER, OWNER)


def fifo(path):
    """A FIFO, whose opening would wait forever."""
    os.mkfifo(path)
    os.chown(path, OWNER, OWNER)


def unix_socket(path):
    """A socket."""
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
    os.chown(path, OWNER, OWNER)


@as_root
@pytest.mark.parametrize("level", range(3), ids=LEVELS)
@pytest.mark.parametrize(
    "plant",
    [foreign, hidden, open_to_all, open_to_the_group, link, file, fifo, unix_socket],
    ids=lambda each: each.__name__,
)
def test_a_level_of_another_user_is_refused(volume, level, plant):
    """A level that another user has made, or may write, or that is not a folder, is refused; nothing is made in it."""
    where = volume
    for name in LEVELS[:level]:
        where /= name
        where.mkdir()
        os.chown(where, OWNER, OWNER)
    plant(where / LEVELS[level])
    with user(OWNER), pytest.raises(NotOursError) as caught:
        open_folder(chain(volume), 3, make=CLOSED)
    assert caught.value.filename == str(where / LEVELS[level])
    assert caught.value.strerror
    assert not [path for path in volume.rglob("*") if path.name == "tag" and level < 2]


def hard_link(path):
    """A hard link to another user's file, which everybody may read."""
    theirs = path.parents[3] / "theirs"
    theirs.write_bytes(b"planted")
    os.chown(theirs, ATTACKER, ATTACKER)
    path.hardlink_to(theirs)


def soft_link(path):
    """A link to a file of ours."""
    ours = path.parents[3] / "ours"
    ours.write_bytes(b"planted")
    os.chown(ours, OWNER, OWNER)
    path.symlink_to(ours)


def foreign_file(path):
    """Another user's file."""
    path.write_bytes(b"planted")
    os.chown(path, ATTACKER, ATTACKER)


def writable_file(path):
    """A file of ours that everybody may write."""
    path.write_bytes(b"planted")
    path.chmod(0o666)
    os.chown(path, OWNER, OWNER)


@as_root
@pytest.mark.parametrize(
    "plant",
    [hard_link, soft_link, foreign_file, writable_file, fifo, unix_socket, open_to_all],
    ids=lambda each: each.__name__,
)
def test_a_file_that_another_user_can_have_written_is_not_read(volume, plant):
    """A file that another user can have written, a link, and what is not a file, is not read; writing replaces it."""
    sound(volume)
    target = volume.joinpath(*LEVELS, "file")
    target.unlink()
    plant(target)
    with user(OWNER), open_folder(chain(volume), 3) as folder:
        for flags in (os.O_RDONLY, os.O_RDWR | os.O_CREAT):
            with pytest.raises(
                OSError, match=r"belongs|can write|link|not a regular file|No such device|Is a directory"
            ):
                folder.open("file", flags)
        with pytest.raises(OSError):
            folder.read("file")
        if target.is_dir():
            return
        folder.write("file", b"ours again")
        assert folder.read("file") == b"ours again"
    for path in (volume / "theirs", volume / "ours", volume.parent / "theirs"):
        assert not path.exists() or path.read_bytes() == b"planted"


@as_root
def test_writing_leads_nowhere_else(volume, monkeypatch):
    """The file that is written beside the right one is always a new one: neither a link nor a hard link is followed."""
    sound(volume)
    victim = volume / "victim"
    victim.write_bytes(b"precious")
    os.chown(victim, OWNER, OWNER)
    folder = volume.joinpath(*LEVELS)
    aside = folder / f"file.{os.getpid()}-{threading.get_ident():x}"
    for plant in (aside.symlink_to, aside.hardlink_to):
        plant(victim)
        with user(OWNER), open_folder(chain(volume), 3) as opened:
            opened.write("file", b"new")
            assert opened.read("file") == b"new"
        assert victim.read_bytes() == b"precious"
        assert not aside.exists()


@as_root
@pytest.mark.parametrize(
    ("group", "mode", "passes"),
    [(OTHER, 0o2775, True), (OTHER, 0o3777, True), (0, 0o775, True), (OTHER, 0o1777, False), (OTHER, 0o777, False)],
)
def test_a_volume_that_root_gave_to_a_group_passes_in_a_pod(volume, group, mode, passes):
    """A folder that the group may write passes, as Kubernetes makes it at each start of a pod; elsewhere not."""
    os.chown(volume, 0, group)
    volume.chmod(mode)
    here = volume
    for name in LEVELS:
        here /= name
        here.mkdir()
        os.chown(here, OWNER, group)
        here.chmod(0o2775)
    (here / "file").write_bytes(b"ours")
    (here / "file").chmod(0o660)
    os.chown(here / "file", OWNER, group)
    with user(OWNER, gid=0, groups=[group]):
        if not passes:
            with pytest.raises(NotOursError):
                open_folder(chain(volume), 3)
            return
        with open_folder(chain(volume), 3) as folder:
            assert folder.read("file") == b"ours"
    os.chown(here / "file", ATTACKER, group)
    with user(OWNER, gid=0, groups=[group]), open_folder(chain(volume), 3) as folder, pytest.raises(NotOursError):
        folder.read("file")


@as_root
@pytest.mark.parametrize(("owner", "mode"), [(65534, 0o755), (0, 0o777)], ids=["squashed", "without modes"])
def test_new_files_pass_where_the_file_system_keeps_no_owners(volume, monkeypatch, owner, mode):
    """A file that looks as our own new files look there passes, and is called unprotected; others do not."""
    # No such file system can be mounted here; a new file's status is what the rule learns of one.
    shown = os.stat_result((stat.S_IFREG | mode, 0, 0, 1, owner, owner, 0, 0, 0, 0))
    monkeypatch.setattr(ownership, "_stat_of_new_file", lambda _: shown)
    here = volume
    for name in LEVELS:
        here /= name
        here.mkdir()
        here.chmod(mode)
        os.chown(here, owner, owner)
    with user(OWNER), open_folder(chain(volume), 3) as folder:
        assert folder.is_unprotected
    os.chown(here, ATTACKER, ATTACKER)
    with user(OWNER), pytest.raises(NotOursError):
        open_folder(chain(volume), 3)


def test_our_file_system_keeps_owners(tmp_path):
    """A new file of the tests' file system is shown as ours, and closed."""
    with ownership.volume(str(tmp_path)) as folder:
        assert ownership.keeps_owners(folder.descriptor)
        assert not folder.rule.learn(folder.descriptor).is_unprotected
    assert not list(tmp_path.iterdir())


@as_root
def test_nothing_of_a_swap_is_read(volume):
    """A level that is swapped all the time for another user's folder, and for a link to it, is ours or refused."""
    volume.chmod(0o777)  # without the sticky bit: anybody may rename what is there
    sound(volume)
    planted = volume / "planted"
    (planted / "code" / "tag").mkdir(parents=True)
    (planted / "code" / "tag" / "file").write_bytes(b"planted")
    for path in (planted, *planted.rglob("*")):
        os.chown(path, ATTACKER, ATTACKER)
    (volume / "link").symlink_to("planted")
    done = threading.Event()
    name = volume / "uid"

    def swap():
        while not done.is_set():
            for other in (planted, volume / "link"):
                name.rename(volume / "away")
                other.rename(name)
                name.rename(other)
                (volume / "away").rename(name)

    thread = threading.Thread(target=swap)
    seen = {"ours": 0, "refused": 0, "absent": 0}
    with user(OWNER):
        thread.start()
        try:
            while min(seen["ours"], seen["refused"]) < 50:
                try:
                    with open_folder(chain(volume), 3) as folder:
                        assert folder.read("file") == b"ours"
                    seen["ours"] += 1
                except NotOursError:
                    seen["refused"] += 1
                except FileNotFoundError:
                    seen["absent"] += 1
        finally:
            done.set()
            thread.join()


@as_root
def test_a_file_that_only_root_may_write_is_read(volume):
    """A file that root has made, and only root may write, is read: an image may bring it."""
    here = volume
    for name in LEVELS:
        here /= name
        here.mkdir(mode=0o755)
    (here / "file").write_bytes(b"of root")
    with user(OWNER), open_folder(chain(volume), 3) as folder:
        assert folder.read("file") == b"of root"


def test_an_unsafe_name_is_renamed(tmp_path):
    """Any kind of file is renamed, a link as itself."""
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to("target")
    with ownership.volume(str(tmp_path)) as folder:
        aside = folder.set_aside("link")
    assert (tmp_path / aside).is_symlink()
    assert (tmp_path / "target").is_dir()
    assert not (tmp_path / "link").is_symlink()
