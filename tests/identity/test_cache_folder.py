"""The user's folder on a cache volume that others share: found, made, and never another user's."""

import os
import shutil
import stat

import pytest

from appliance.identity.cache_folder import claim, exposure, prepare_cache
from appliance.ownership import open_folder
from tests.identity.planted_files import (
    NAME,
    PLANTS,
    by,
    content,
    given_before,
    is_own,
    planted,
    temporary,
    to_a_victim,
    victim,
)
from tests.users import ATTACKER, OTHER, OWNER, as_root, look, place, user, volume

__all__ = ["place", "temporary", "victim", "volume"]

INNER = ("environments", "code", "bytecode", "preload", "uv", "python", "home")


@as_root
@pytest.mark.parametrize("plant", PLANTS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("starts_as_root", [True, False])
def test_files_that_another_user_put_there_are_not_used(volume, temporary, victim, plant, starts_as_root):
    """A file under our name is set aside or ignored, with one event; the target of a link is not touched."""
    plant(volume / NAME)
    before = [look(path) for path in (victim, victim / "file")]
    reported = prepare_cache(volume, OWNER, OWNER) if starts_as_root else []
    with user(OWNER):
        claimed = claim(volume, temporary)
        assert claim(volume, temporary).cache == claimed.cache
    own = claimed.cache / NAME
    assert is_own(own)
    assert content(own) == []
    assert len([*reported, *claimed.notices]) == 1
    assert claimed.cache.is_relative_to(volume)
    assert starts_as_root == (claimed.cache == volume) or plant is given_before
    assert [look(path) for path in (victim, victim / "file")] == before
    (event, fields), *_ = [*reported, *claimed.notices]
    assert event in {"folder.replaced", "cache.moved"}
    assert fields["path"] == str(volume / NAME)
    assert fields["reason"]
    assert os.path.lexists(str(fields["aside" if event == "folder.replaced" else "instead"]))


@as_root
@pytest.mark.parametrize("name", INNER)
@pytest.mark.parametrize("plant", PLANTS, ids=lambda each: each.__name__)
def test_foreign_files_in_our_folder_are_set_aside(volume, temporary, victim, name, plant):
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
    """Change a volume with fsGroup as Kubernetes does at each start of a pod."""
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
def test_a_folder_in_tmp_is_used_if_the_cache_is_unsafe(volume, temporary, kind):
    """If others are there and could replace our folder, or it can't be written, a folder in /tmp is used."""
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
def test_a_host_users_volume_is_used_and_reported_once(volume, temporary):
    """A folder of the host's user, opened to all for one container, is used, and one event says what is wrong."""
    os.chown(volume, ATTACKER, ATTACKER)
    volume.chmod(0o777)
    for _ in range(2):
        with user(OWNER):
            claimed = claim(volume, temporary)
        assert claimed.cache == volume
        assert by(claimed) == ["cache.unprotected"]


@as_root
def test_a_cache_that_another_user_made_in_tmp_is_not_used(temporary, volume):
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
def test_another_users_link_to_the_cache_is_not_followed(temporary, victim, place, starts_as_root):
    """A link of another user on the way to the cache is not followed, and root changes nothing at its target."""
    way = temporary / "way"
    way.symlink_to(victim)
    os.lchown(way, ATTACKER, ATTACKER)
    before = [look(path) for path in (victim, victim / "file")]
    if starts_as_root:
        assert prepare_cache(way, OWNER, OWNER) == []
        assert prepare_cache(way / "cache", OWNER, OWNER) == []
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
def test_the_start_goes_on_without_a_place_for_a_cache(volume, temporary):
    """If no folder can be written, the start goes on, and one event says so."""
    for folder in (volume, temporary):
        folder.chmod(0o755)
    with user(OWNER):
        claimed = claim(volume, temporary)
    assert claimed.cache == volume
    assert by(claimed) == ["cache.unavailable"]


@as_root
def test_root_does_not_use_a_cache_that_another_user_made(volume, temporary, victim):
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
def test_a_new_cache_is_made_by_its_user(place, temporary):
    """A cache that is not there is made by its user; by root in a folder of root's alone."""
    (place / "home").mkdir()
    os.chown(place / "home", OWNER, OWNER)
    cache = place / "home" / ".cache" / "appliance"
    assert prepare_cache(cache, OWNER, OWNER) == []
    assert not cache.exists()
    with user(OWNER):
        assert claim(cache, temporary).notices == ()
    assert is_own(cache)
    cache = place / "var" / "cache"
    assert prepare_cache(cache, OWNER, OWNER) == []
    with user(OWNER):
        assert claim(cache, temporary).notices == ()
    assert is_own(cache / NAME)
