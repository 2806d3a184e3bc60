"""Root makes way for the user's folder in the cache, and changes nothing of anybody else's."""

import itertools
import stat
import threading

import pytest

from appliance.identity.cache_folder import claim, prepare_cache
from tests.identity.planted_files import NAME, by, content, is_own, planted, temporary, victim
from tests.users import ATTACKER, OTHER, OWNER, as_root, look, place, user, volume

__all__ = ["place", "temporary", "victim", "volume"]


@as_root
@pytest.mark.parametrize("mode", [0o700, 0o711, 0o755])
def test_root_makes_the_users_folder_in_a_closed_volume(volume, temporary, mode):
    """In a volume that is closed root makes the user's folder, and the user can get there."""
    volume.chmod(mode)
    assert prepare_cache(volume, OWNER, OWNER) == []
    with user(OWNER):
        assert claim(volume, temporary).notices == ()
    assert is_own(volume / NAME)


@as_root
def test_root_closes_the_gap(volume, temporary):
    """If everybody may rename everything, root adds the sticky bit: no user can replace another's folder."""
    volume.chmod(0o777)
    planted(volume / f"uid-{OTHER}")
    assert prepare_cache(volume, OWNER, OWNER) == []
    assert stat.S_IMODE(volume.stat().st_mode) == 0o1777
    with user(OWNER):
        assert claim(volume, temporary).notices == ()
    with user(ATTACKER), pytest.raises(PermissionError):
        (volume / NAME).rename(volume / "away")


@as_root
def test_an_empty_folder_that_root_has_made_locks_nobody_out(volume, temporary):
    """A root that ended between making and giving it away leaves no user locked out."""
    (volume / NAME).mkdir(mode=0o755)
    assert prepare_cache(volume, OWNER, OTHER) == []
    assert look(volume / NAME) == (OWNER, OTHER, "0o40755")


@as_root
def test_a_full_folder_of_roots_stays_roots(volume, temporary):
    """Files that root has put there are never given away; its user takes another name, and finds that again."""
    (volume / NAME).mkdir(mode=0o755)
    (volume / NAME / "restored").write_text("from a backup")
    assert prepare_cache(volume, OWNER, OWNER) == []
    with user(OWNER):
        claimed = claim(volume, temporary)
        assert by(claimed) == ["cache.moved"]
        assert claim(volume, temporary).cache == claimed.cache
    assert look(volume / NAME / "restored")[0] == 0
    assert claimed.cache.parent == volume


@as_root
def test_nothing_is_given_away_by_a_swap(volume, victim):
    """While another user keeps replacing the folder by links, root gives away nothing that the links lead to."""
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
            aside += len(prepare_cache(volume, OWNER, OWNER))
    finally:
        done.set()
        thread.join()
    assert [look(path) for path in (victim, victim / "file", empty)] == before
    assert content(victim) == ["file"]
    assert all(path.is_symlink() or path.stat().st_uid in {0, OWNER} for path in volume.iterdir())
