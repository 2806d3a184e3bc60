"""The user's folder on a cache volume that others share: found, made, and never another user's."""

import itertools
import os
import shutil
import stat
import subprocess
import threading

import pytest

from appliance.boot.cache import claim, exposure, give
from appliance.ownership import open_folder
from tests.users import ATTACKER, OTHER, OWNER, as_root, look, place, user, volume

__all__ = ["place", "volume"]

NAME = f"uid-{OWNER}"
INNER = ("environments", "code", "bytecode", "preload", "uv", "python", "home")


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
    """What lies in a folder, as relative paths."""
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
    """What an earlier root has given to its user as it was found: the top folder alone."""
    planted(folder, owner=OWNER)


PLANTS = [planted, to_a_victim, nowhere, file, fifo, closed, given_before]


@as_root
@pytest.mark.parametrize("plant", PLANTS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("starts_as_root", [True, False])
def test_what_another_user_has_put_there_is_not_used(volume, temporary, victim, plant, starts_as_root):
    """Whatever stands under our name is set aside or passed by, with one event; what it leads to is not touched."""
    plant(volume / NAME)
    before = [look(path) for path in (victim, victim / "file")]
    told = give(volume, OWNER, OWNER) if starts_as_root else []
    with user(OWNER):
        claimed = claim(volume, temporary)
        assert claim(volume, temporary).cache == claimed.cache
    own = claimed.cache / NAME
    assert is_own(own)
    assert content(own) == []
    assert len([*told, *claimed.notices]) == 1
    assert claimed.cache.is_relative_to(volume)
    assert starts_as_root == (claimed.cache == volume) or plant is given_before
    assert [look(path) for path in (victim, victim / "file")] == before
    (event, fields), *_ = [*told, *claimed.notices]
    assert event in {"folder.replaced", "cache.moved"}
    assert fields["path"] == str(volume / NAME)
    assert fields["reason"]
    assert os.path.lexists(str(fields["aside" if event == "folder.replaced" else "instead"]))


@as_root
@pytest.mark.parametrize("name", INNER)
@pytest.mark.parametrize("plant", PLANTS, ids=lambda each: each.__name__)
def test_what_lies_in_our_folder_and_is_not_ours(volume, temporary, victim, name, plant):
    """An earlier root gave the top folder away alone: what another user left in it is set aside, the rest stays."""
    own = volume / NAME
    own.mkdir()
    os.chown(own, OWNER, OWNER)
    with user(OWNER):
        for each in INNER:
            (own / each).mkdir()
            (own / each / "kept").touch()
    shutil.rmtree(own / name)
    plant(own / name)
    before = look(victim)
    with user(OWNER):
        claimed = claim(volume, temporary)
        assert claim(volume, temporary).notices == ()
    assert by(claimed) == ["folder.replaced"]
    assert claimed.notices[0][1]["path"] == str(own / name)
    assert not os.path.lexists(own / name)
    assert all((own / each / "kept").exists() for each in INNER if each != name)
    assert look(victim) == before


@as_root
def test_two_users_share_a_volume(volume, temporary):
    """Each has a folder of its own, finds it again, and neither hears of the other."""
    for _ in range(2):
        for uid in (OWNER, OTHER, 0):
            with user(uid):
                claimed = claim(volume, temporary)
                assert claimed == type(claimed)(volume)
                with open_folder(f"{volume}/uid-{uid}/code", 2, make=0o700) as folder:
                    folder.write("mine", b"kept")
    assert all((volume / f"uid-{uid}" / "code" / "mine").stat().st_uid == uid for uid in (OWNER, OTHER, 0))
    assert stat.S_IMODE(volume.stat().st_mode) == 0o1777


def kubelet(folder, group):
    """What Kubernetes does to a volume with fsGroup at each start of a pod."""
    for path in (folder, *folder.rglob("*")):
        os.lchown(path, -1, group)
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o2770 if path.is_dir() else 0o660))


HONEST = {
    "the image's": (0, 0, 0o1777),
    "the user's own": (OWNER, OWNER, 0o755),
    "the user's own, closed": (OWNER, OWNER, 0o700),
    "the user's own, made with umask 002": (OWNER, OWNER, 0o775),
    "the user's own, open to all": (OWNER, OTHER, 0o777),
    "an emptyDir": (0, 0, 0o777),
    "an emptyDir with fsGroup": (0, 2000, 0o2777),
    "fsGroup": (0, 2000, 0o2775),
    "fsGroup, open to all": (0, 2000, 0o3777),
    "group 0": (0, 0, 0o775),
}


@as_root
@pytest.mark.parametrize("kind", HONEST)
def test_no_honest_volume_loses_its_cache(volume, temporary, kind):
    """A volume that one user has is used as it is, without a word, also after Kubernetes has opened it to a group."""
    owner, group, mode = HONEST[kind]
    os.chown(volume, owner, group)
    volume.chmod(mode)
    for _ in range(3):
        with user(OWNER, gid=0, groups=[group]):
            claimed = claim(volume, temporary)
            assert claimed == type(claimed)(volume)
            with open_folder(f"{volume}/{NAME}/code", 2, make=0o700) as folder:
                folder.write("mine", b"kept")
        if kind.startswith("fsGroup"):
            kubelet(volume, group)
    if owner == OWNER and mode & 0o022:
        assert volume.stat().st_mode & stat.S_ISVTX
    assert [path.name for path in volume.iterdir()] == [NAME]
    with user(OWNER, gid=0, groups=[group]):
        assert bool(exposure(volume)) == (kind in {"an emptyDir", "an emptyDir with fsGroup"})


@as_root
@pytest.mark.parametrize("mode", [0o700, 0o711, 0o755])
def test_root_makes_it_where_the_user_may_not(volume, temporary, mode):
    """In a volume that is closed root makes the user's folder, and the user can get there."""
    volume.chmod(mode)
    assert give(volume, OWNER, OWNER) == []
    with user(OWNER):
        assert claim(volume, temporary).notices == ()
    assert is_own(volume / NAME)


@as_root
def test_root_closes_the_gap(volume, temporary):
    """Where everybody may rename everything root adds the sticky bit: no user replaces another's folder any more."""
    volume.chmod(0o777)
    planted(volume / f"uid-{OTHER}")
    assert give(volume, OWNER, OWNER) == []
    assert stat.S_IMODE(volume.stat().st_mode) == 0o1777
    with user(OWNER):
        assert claim(volume, temporary).notices == ()
    with user(ATTACKER), pytest.raises(PermissionError):
        (volume / NAME).rename(volume / "away")


@as_root
def test_an_empty_folder_that_root_has_made(volume, temporary):
    """A root that ended between making and giving it away leaves no user locked out."""
    (volume / NAME).mkdir(mode=0o755)
    assert give(volume, OWNER, OTHER) == []
    assert look(volume / NAME) == (OWNER, OTHER, "0o40755")


@as_root
def test_a_full_folder_of_roots_stays_roots(volume, temporary):
    """What root has put there is never given away; its user takes another name, and finds that again."""
    (volume / NAME).mkdir(mode=0o755)
    (volume / NAME / "restored").write_text("from a backup")
    assert give(volume, OWNER, OWNER) == []
    with user(OWNER):
        claimed = claim(volume, temporary)
        assert by(claimed) == ["cache.moved"]
        assert claim(volume, temporary).cache == claimed.cache
    assert look(volume / NAME / "restored")[0] == 0
    assert claimed.cache.parent == volume


UNSAFE = {
    "everybody may rename": (0, 0, 0o777, True),
    "another user's": (ATTACKER, ATTACKER, 0o777, True),
    "another user's, sticky": (ATTACKER, ATTACKER, 0o1777, True),
    "an emptyDir with fsGroup": (0, 2000, 0o2777, True),
    "closed": (0, 0, 0o755, False),
    "another user's, closed": (ATTACKER, ATTACKER, 0o755, False),
}


@as_root
@pytest.mark.parametrize("kind", UNSAFE)
def test_where_it_can_not_be_used_safely(volume, temporary, kind):
    """Where others could replace our folder and are there, or nothing can be written, a folder in /tmp is used."""
    owner, group, mode, shared = UNSAFE[kind]
    os.chown(volume, owner, group)
    volume.chmod(mode)
    if shared:
        planted(volume / f"uid-{ATTACKER}")
    with user(OWNER, groups=[group]):
        claimed = claim(volume, temporary)
        assert claim(volume, temporary).cache == claimed.cache == temporary / f"wsgi-appliance-cache-{OWNER}"
    assert by(claimed) == ["cache.moved"]
    assert is_own(claimed.cache)
    assert is_own(claimed.cache / NAME)


@as_root
def test_another_users_volume_without_another_user(volume, temporary):
    """A folder of the host's user, opened to all for one container, is used, and one event says what is wrong."""
    os.chown(volume, ATTACKER, ATTACKER)
    volume.chmod(0o777)
    for _ in range(2):
        with user(OWNER):
            claimed = claim(volume, temporary)
        assert claimed.cache == volume
        assert by(claimed) == ["cache.unprotected"]


@as_root
def test_a_trap_in_a_place_of_everybodys(temporary, volume):
    """A cache in /tmp that another user has made first is not used, though nothing is in it yet."""
    trap = temporary / "cache"
    trap.mkdir()
    trap.chmod(0o777)
    os.chown(trap, ATTACKER, ATTACKER)
    with user(OWNER):
        claimed = claim(trap, temporary)
    assert by(claimed) == ["cache.moved"]
    assert claimed.cache != trap
    assert list(trap.iterdir()) == []


@as_root
@pytest.mark.parametrize("starts_as_root", [True, False])
def test_a_link_on_the_way(temporary, victim, place, starts_as_root):
    """A link of another user's on the way to the cache is not followed, and root changes nothing behind it."""
    way = temporary / "way"
    way.symlink_to(victim)
    os.lchown(way, ATTACKER, ATTACKER)
    before = [look(path) for path in (victim, victim / "file")]
    if starts_as_root:
        assert give(way, OWNER, OWNER) == []
        assert give(way / "cache", OWNER, OWNER) == []
    with user(OWNER):
        for path in (way, way / "cache"):
            assert by(claim(path, temporary)) == ["cache.moved"]
    assert [look(path) for path in (victim, victim / "file")] == before
    assert content(victim) == ["file"]


@as_root
def test_ones_own_link_is_followed(place, temporary):
    """A cache that its user, or root, keeps on another disk by a link is where it is."""
    disk = place / "disk"
    disk.mkdir()
    os.chown(disk, OWNER, OWNER)
    way = place / "cache"
    way.symlink_to("disk")
    for owner in (0, OWNER):
        os.lchown(way, owner, owner)
        with user(OWNER):
            assert claim(way, temporary).notices == ()
    assert is_own(disk / NAME)


@as_root
def test_without_any_place(volume, temporary):
    """Where nothing can be written at all the start goes on, and one event says so."""
    for folder in (volume, temporary):
        folder.chmod(0o755)
    with user(OWNER):
        claimed = claim(volume, temporary)
    assert claimed.cache == volume
    assert by(claimed) == ["cache.unavailable"]


@as_root
def test_roots_own_cache(volume, temporary, victim):
    """Root that stays root does not use what another user has put under its name either."""
    planted(volume / "uid-0")
    claimed = claim(volume, temporary)
    assert by(claimed) == ["folder.replaced"]
    assert claimed.cache == volume
    assert is_own(volume / "uid-0", 0)
    assert content(volume / "uid-0") == []
    (volume / "uid-0").rmdir()
    to_a_victim(volume / "uid-0")
    before = look(victim)
    assert by(claim(volume, temporary)) == ["folder.replaced"]
    assert look(victim) == before
    assert content(victim) == ["file"]


@as_root
def test_a_new_volume(place, temporary):
    """A cache that is not there is made by its user; by root in a folder of root's alone."""
    (place / "home").mkdir()
    os.chown(place / "home", OWNER, OWNER)
    cache = place / "home" / ".cache" / "appliance"
    assert give(cache, OWNER, OWNER) == []
    assert not cache.exists()
    with user(OWNER):
        assert claim(cache, temporary).notices == ()
    assert is_own(cache)
    cache = place / "var" / "cache"
    assert give(cache, OWNER, OWNER) == []
    with user(OWNER):
        assert claim(cache, temporary).notices == ()
    assert is_own(cache / NAME)


@as_root
def test_nothing_is_given_away_by_a_swap(volume, victim):
    """While what stands under the name is swapped all the time for links, root gives nothing away that they lead to."""
    volume.chmod(0o755)  # root makes the folder here
    name = volume / NAME
    empty = volume.parent / "empty"
    empty.mkdir()
    before = [look(path) for path in (victim, victim / "file", empty)]
    done = threading.Event()

    def swap():
        for number in itertools.count():
            try:
                (volume / "next").symlink_to((victim, empty)[number % 2])
                (volume / "next").rename(name)
            except OSError:  # a folder that root has made
                (volume / "next").unlink(missing_ok=True)
                name.rename(volume / f"made-{number}")
            if done.is_set():
                return

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        aside = 0
        while aside < 50:
            aside += len(give(volume, OWNER, OWNER))
    finally:
        done.set()
        thread.join()
    assert [look(path) for path in (victim, victim / "file", empty)] == before
    assert content(victim) == ["file"]
    assert all(path.is_symlink() or path.stat().st_uid in {0, OWNER} for path in volume.iterdir())


SHARES = {
    "SMB or Windows: all is root's, and open": (
        ["--force-user=root", "--perms=a+rwx", "--chmod-ignore"], ["cache.unprotected"],
    ),
    "macOS: all is the asker's": ([f"--mirror=root:{OWNER}:{ATTACKER}"], []),
    "SMB: all is the user's": ([f"--force-user={OWNER}", "--perms=u=rwX,go=rX", "--chmod-ignore"], []),
    "squashed: all is nobody's, and closed": (
        ["--force-user=nobody", "--create-for-user=nobody"], ["cache.moved"],
    ),
}  # fmt: skip


@pytest.fixture
def share(place):
    """``share(options)``: a folder on a file system that keeps no owners."""
    mounted = []

    def share(options):
        real, point = place / "real", place / "share"
        for folder in (real, point):
            folder.mkdir()
            folder.chmod(0o777)
        command = ["bindfs", "-o", "allow_other", "--chown-ignore", *options, str(real), str(point)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"not run: this machine mounts no FUSE: {done.stderr.strip()}")
        mounted.append(point)
        return point

    yield share
    for point in mounted:
        subprocess.run(["umount", "--lazy", str(point)], check=True)


@as_root
@pytest.mark.skipif(shutil.which("bindfs") is None, reason="not run: bindfs is not installed")
@pytest.mark.parametrize("kind", SHARES)
@pytest.mark.parametrize("starts_as_root", [True, False])
def test_a_share_that_keeps_no_owners(share, temporary, kind, starts_as_root):
    """It is used, with at most one event; only where we can't write what we have made ourselves /tmp is."""
    options, events = SHARES[kind]
    folder = share(options)
    for _ in range(2):
        told = give(folder, OWNER, OWNER) if starts_as_root else []
        with user(OWNER):
            claimed = claim(folder, temporary)
            with open_folder(f"{claimed.cache}/{NAME}/code", 2, make=0o700) as code:
                code.write("mine", b"kept")
        assert told == []
        assert by(claimed) == events
        assert (claimed.cache == folder) == (events != ["cache.moved"])
        assert [path.name for path in folder.iterdir()] == [NAME]
