"""An environment is whole only where no other user can have put anything into it."""

import os
from pathlib import Path

import pytest

from appliance.conventions import COMPLETE_MARK
from appliance.environment.environment_folder import clear, closed_to_others, is_complete, read_note, seal, write_note
from appliance.environment.environment_use import EnvironmentUse, installation_lock, prune
from appliance.environment.python.pythons import _places as _candidates
from appliance.supervisor.preloading import preload_cache
from appliance.supervisor.preloading.preload_cache import PreloadCache
from tests.users import ATTACKER, OWNER, as_root, place, user, volume

__all__ = ["place", "volume"]

PARTS = ("", "bin", "lib", "lib/python3.13", "lib/python3.13/site-packages", COMPLETE_MARK)


@pytest.fixture
def environment(volume):
    """One that its owner has made."""
    folder = volume / f"uid-{OWNER}" / "environments" / "key"
    with user(OWNER):
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").symlink_to("/bin/sh")  # in the place of a Python: this user can reach it
        (folder / "lib" / "python3.13" / "site-packages").mkdir(parents=True)
        (folder / "lib64").symlink_to("lib")
        (folder / COMPLETE_MARK).write_text('{"project": "/workspace"}')
    return folder


@as_root
def test_an_environment_is_whole_for_its_owner(environment):
    """An environment is whole for its owner, and not for root; one without the mark or a part is not whole."""
    assert not is_complete(environment)
    with user(OWNER):
        assert is_complete(environment)
        (environment / COMPLETE_MARK).unlink()
        assert not is_complete(environment)
        assert not is_complete(environment.with_name("other"))


@as_root
def test_an_environment_whose_python_is_gone_is_not_whole(environment):
    """An environment whose link to its Python leads nowhere is not whole: it is made again."""
    python = environment / "bin" / "python"
    python.unlink()
    python.symlink_to("/opt/python/3.10/bin/python3.10-gone")
    with user(OWNER):
        assert not is_complete(environment)


@as_root
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("how", ["foreign", "open", "link"])
def test_an_environment_with_another_users_part_is_not_used(environment, part, how):
    """A part of another user's, one that others may write, and a link, make it none; what is there is then cleared."""
    target = environment / part
    if how == "foreign":
        os.chown(target, ATTACKER, ATTACKER)
    elif how == "open":
        target.chmod(0o777)
    else:
        target.rename(target.parent / "away")
        target.symlink_to("away")
    with user(OWNER):
        assert not is_complete(environment)
        clear(environment)
    assert not os.path.lexists(environment)


@as_root
@pytest.mark.parametrize("level", [0, 1])
def test_an_environment_that_another_user_could_exchange_is_not_used(environment, level):
    """An environment that another user could have exchanged is not used."""
    above = environment.parents[level]
    above.chmod(0o777)
    with user(OWNER):
        assert not is_complete(environment)
        assert not read_note(environment.parent, "key.more")
        with pytest.raises(OSError, match="others can write"), installation_lock(environment, print):
            pass
    os.chown(above, ATTACKER, ATTACKER)
    with user(OWNER):
        assert not is_complete(environment)


@as_root
def test_a_link_in_the_place_of_a_mark_is_not_followed(environment):
    """The files beside an environment are ours: a link in the place of one is neither followed nor believed."""
    environments, victim = environment.parent, environment.parents[2] / "victim"
    victim.write_text("precious")
    os.chown(victim, OWNER, OWNER)
    os.utime(victim, (1, 1))
    with user(OWNER):
        write_note(environments, "key.more", b"setuptools")
        assert read_note(environments, "key.more")
    for name in ("key.more", "key.lock", "key.used"):
        (environments / name).unlink(missing_ok=True)
        (environments / name).symlink_to(victim)
    with user(OWNER):
        assert not read_note(environments, "key.more")
        with pytest.raises(OSError, match="link"), installation_lock(environment, print):
            pass
        EnvironmentUse().hold(environment)
        assert prune(environments, Path("/workspace"), 10**10) == []
        write_note(environments, "key.more", b"setuptools")
    assert (victim.read_text(), victim.stat().st_mtime) == ("precious", 1)
    assert not (environments / "key.more").is_symlink()


def test_files_that_are_made_are_closed_to_others(tmp_path):
    """With any umask, no other user may write files made meanwhile; afterwards the umask is as before."""
    before = os.umask(0)
    try:
        with closed_to_others():
            (tmp_path / "made").mkdir()
        (tmp_path / "later").mkdir()
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("made", "later")] == [0o755, 0o777]


def test_files_that_an_archive_left_open_are_closed(tmp_path):
    """Files that an archive has left open to others are closed, at every depth; targets of links are not touched."""
    outside = tmp_path / "outside"
    outside.touch()
    outside.chmod(0o666)
    folder = tmp_path / "environment"
    for path in (folder, folder / "lib", folder / "lib" / "deep"):
        path.mkdir()
        (path / "module.py").touch()
        (path / "module.py").chmod(0o666)
        (path / "program").touch()
        (path / "program").chmod(0o775)
        (path / "link").symlink_to(outside)
        path.chmod(0o777)
    seal(folder)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in [folder, *folder.rglob("*")]}
    closed = {"module.py": "0o644", "program": "0o755"}
    assert modes == {"environment": "0o755", "lib": "0o755", "deep": "0o755", "link": "0o666", **closed}


@as_root
def test_a_planted_interpreter_is_not_run(volume, monkeypatch):
    """A Python that another user has put among those that were fetched is not run."""
    fetched = volume / f"uid-{OWNER}" / "python"
    for name in ("cpython-3.13.1-linux", "cpython-3.13.9-linux"):
        program = fetched / name / "bin" / "python3.13"
        program.parent.mkdir(parents=True)
        program.touch(mode=0o755)
        for path in (fetched.parent, fetched, *program.parents[:2], program):
            os.chown(path, OWNER, OWNER)
    os.chown(fetched / "cpython-3.13.9-linux", ATTACKER, ATTACKER)
    with user(OWNER):
        found = list(_candidates("3.13", volume, {"PATH": "", "HOME": "/nowhere"}))
    assert [path.parts[-3] for path in found if path.is_relative_to(volume)] == ["cpython-3.13.1-linux"]


@as_root
@pytest.mark.parametrize("where", ["folder", "file", "link"])
def test_a_planted_list_of_modules_is_not_read(volume, where):
    """An import list that another user can have written is not read; ours replaces it."""
    file = volume / f"uid-{OWNER}" / "preload" / "list.json"
    with user(OWNER):
        preload_cache.save(file, preload_cache.encoded(PreloadCache(["planted"])))
        assert preload_cache.load(file).modules == ["planted"]
    if where == "folder":
        file.parent.chmod(0o777)
    elif where == "file":
        os.chown(file, ATTACKER, ATTACKER)
    else:
        file.rename(file.with_name("away"))
        file.symlink_to("away")
    with user(OWNER):
        assert preload_cache.load(file) == PreloadCache()
        preload_cache.save(file, preload_cache.encoded(PreloadCache(["ours"])))
        assert preload_cache.load(file).modules == ([] if where == "folder" else ["ours"])
