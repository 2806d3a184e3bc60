"""Every way in which a file can be saved is reported, once, with its kind."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.watch import scan_schedule
from appliance.watch.kinds import Kind
from tests.watch.watching import Watch, save

Seen = Callable[[], object]
Save = Callable[[Path, str, Seen], None]  # the last one returns once the watcher has seen what was done until then


def in_place(path: Path, text: str, _: Seen) -> None:
    """VS Code: truncated, written, closed."""
    path.write_text(text, encoding="utf-8")


def renamed(path: Path, text: str, _: Seen) -> None:
    """Many editors: another file, renamed over it."""
    save(path, text)


def vim(path: Path, text: str, _: Seen) -> None:
    """vim: a trial file, the old file moved away, a new one written, the backup deleted."""
    trial = path.with_name("4913")
    trial.touch()
    trial.unlink()
    backup = path.with_name(path.name + "~")
    path.rename(backup)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    backup.unlink()


def pycharm(path: Path, text: str, _: Seen) -> None:
    """PyCharm: a temporary file, the old one moved to a backup, the new one in its place."""
    new, old = (path.with_name(path.name + ending) for ending in ("___jb_tmp___", "___jb_old___"))
    new.write_text(text, encoding="utf-8")
    path.rename(old)
    new.rename(path)
    old.unlink()


def emacs(path: Path, text: str, _: Seen) -> None:
    """Emacs: a lock that is a link to nowhere, an auto-save file, a backup by copy, written in place."""
    lock = path.with_name(".#" + path.name)
    lock.symlink_to("user@host.1234:5678")
    path.with_name(f"#{path.name}#").write_text(text, encoding="utf-8")
    shutil.copy2(path, path.with_name(path.name + "~"))
    path.write_text(text, encoding="utf-8")
    path.with_name(f"#{path.name}#").unlink()
    lock.unlink()


def sed(path: Path, text: str, _: Seen) -> None:
    """``sed -i``."""
    subprocess.run(["sed", "-i", f"s/.*/{text}/", str(path)], check=True, timeout=10)


def in_pieces(path: Path, text: str, seen: Seen) -> None:
    """Written in two pieces; the watcher sees the file when it is half."""
    with path.open("w", encoding="utf-8") as file:
        file.write(text[:1])
        file.flush()
        seen()
        file.write(text[1:])


def emptied_first(path: Path, text: str, seen: Seen) -> None:
    """Emptied and closed, then, once that is seen, opened again and written."""
    path.write_text("", encoding="utf-8")
    seen()
    path.write_text(text, encoding="utf-8")


def linked(path: Path, text: str, _: Seen) -> None:
    """A symbolic link that is swapped for another."""
    target = path.with_name("elsewhere.txt")
    target.write_text(text, encoding="utf-8")
    link = path.with_name("link.tmp")
    link.symlink_to(target)
    link.replace(path)


SAVES = [in_place, renamed, vim, pycharm, emacs, sed, in_pieces, emptied_first, linked]


@pytest.mark.parametrize("how", SAVES, ids=lambda each: each.__name__)
@pytest.mark.usefixtures("patient")
def test_each_editors_save_is_one_burst(watch: Watch, watch_set: Path, how: Save):
    """Each editor's save is one burst with the file alone in it, told when it is whole."""
    watching = watch()
    how(watch_set / "shop/views.py", "saved", watching.look)
    assert watching.changes() == {"shop/views.py": Kind.CODE}
    assert (watch_set / "shop/views.py").read_text(encoding="utf-8").strip() == "saved"
    assert watching.changes_before() == []


@pytest.mark.parametrize("how", SAVES, ids=lambda each: each.__name__)
def test_each_save_is_reported_where_all_is_polled(watch: Watch, watch_set: Path, how: Save):
    """Without events each save is reported too."""
    watching = watch(how="poll")
    how(watch_set / "shop/views.py", "saved", watching.changes)
    changes = watching.changes()
    while (watch_set / "shop/views.py").read_text(encoding="utf-8").strip() != "saved":
        changes = watching.changes()  # half a file may be told before the whole one
    assert changes == {"shop/views.py": Kind.CODE}


@pytest.mark.parametrize("how", ["auto", "poll"])
def test_a_copy_that_keeps_its_time_is_reported(watch: Watch, watch_set: Path, how: str):
    """A file that is written in place with another of equal length and time (``cp -p``) is reported."""
    before = (watch_set / "app.py").stat()
    watching = watch(how=how)
    with (watch_set / "app.py").open("r+", encoding="utf-8") as file:
        file.write("# APP.PY\n")
    os.utime(watch_set / "app.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    after = (watch_set / "app.py").stat()
    assert (before.st_mtime_ns, before.st_size, before.st_ino) == (after.st_mtime_ns, after.st_size, after.st_ino)
    assert watching.changes() == {"app.py": Kind.CODE}


def test_saves_of_equal_length_are_reported(watch: Watch, watch_set: Path):
    """Saves of equal length are all reported, whatever the time between them."""
    watching = watch()
    for number in range(10, 30):
        save(watch_set / "app.py", f"x = {number}")
    changes = watching.changes()
    assert changes == {"app.py": Kind.CODE}
    save(watch_set / "app.py", "x = 30")
    assert watching.changes_before() == ["app.py"]


def test_files_that_come_and_go(watch: Watch, watch_set: Path):
    """New, deleted and renamed files are reported, one that came and went is not."""
    watching = watch()
    (watch_set / "new.py").write_text("", encoding="utf-8")
    assert watching.changes() == {"new.py": Kind.CODE}
    (watch_set / "app.py").unlink()
    assert watching.changes() == {"app.py": Kind.CODE}
    with watching.as_one():
        (watch_set / "new.py").rename(watch_set / "newer.py")
    assert watching.changes() == {"new.py": Kind.CODE, "newer.py": Kind.CODE}
    with watching.as_one():
        (watch_set / "short.py").write_text("x", encoding="utf-8")
        (watch_set / "short.py").unlink()
    assert watching.changes_before() == []


def test_folders_that_come_and_go(watch: Watch, watch_set: Path):
    """A folder that is renamed, deleted, made, or moved in, is reported, and so is a later save in it."""
    watching = watch()
    with watching.as_one():
        (watch_set / "shop").rename(watch_set / "store")
    assert set(watching.changes()) == {
        "shop/__init__.py", "shop/views.py", "store/__init__.py", "store/views.py",
    }  # fmt: skip
    save(watch_set / "store/views.py", "again")
    assert watching.changes() == {"store/views.py": Kind.CODE}
    with watching.as_one():
        shutil.rmtree(watch_set / "store")
    assert set(watching.changes()) == {"store/__init__.py", "store/views.py"}
    (watch_set / "a/b/c").mkdir(parents=True)
    save(watch_set / "a/b/c/deep.py", "x")
    assert watching.changes() == {"a/b/c/deep.py": Kind.CODE}
    save(watch_set / "a/b/c/deep.py", "again")
    assert watching.changes() == {"a/b/c/deep.py": Kind.CODE}


def test_a_linked_folder_is_watched_where_it_is(watch: Watch, watch_set: Path, tmp_path: Path):
    """The target of a symbolic link is watched, and a new target of the link is reported."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lib.py").write_text(name, encoding="utf-8")
    (watch_set / "lib").symlink_to(tmp_path / "one")
    (watch_set / "lib_too").symlink_to(watch_set / "shop")
    (watch_set / "round").symlink_to(watch_set)
    watching = watch()
    save(tmp_path / "one/lib.py", "1")
    assert watching.changes() == {"lib/lib.py": Kind.CODE}
    (watch_set / "next").symlink_to(tmp_path / "two")
    assert watching.changes() == {"next/lib.py": Kind.CODE}
    (watch_set / "next").replace(watch_set / "lib")
    assert set(watching.changes()) == {"lib/lib.py", "next/lib.py"}
    save(tmp_path / "two/lib.py", "2")
    assert watching.changes() == {"lib/lib.py": Kind.CODE}
    save(watch_set / "shop/views.py", "3")
    assert watching.changes() == {"shop/views.py": Kind.CODE}


def test_a_linked_file_is_watched_where_it_is(watch: Watch, watch_set: Path, tmp_path: Path):
    """A file that a link stands for is watched where it is."""
    (tmp_path / "shared.py").write_text("one", encoding="utf-8")
    (watch_set / "shared.py").symlink_to(tmp_path / "shared.py")
    watching = watch()
    save(tmp_path / "shared.py", "two")
    assert watching.changes() == {"shared.py": Kind.CODE}


def test_the_projects_folder_may_be_replaced(watch: Watch, watch_set: Path, tmp_path: Path):
    """The project's folder may be moved away and another put in its place, at once or later."""
    watching = watch()
    shutil.copytree(watch_set, tmp_path / "other")
    save(tmp_path / "other/app.py", "other")
    watch_set.rename(tmp_path / "away")
    (tmp_path / "other").rename(watch_set)
    assert "app.py" in watching.changes()
    save(watch_set / "shop/views.py", "new")
    assert watching.changes() == {"shop/views.py": Kind.CODE}
    save(tmp_path / "away/app.py", "nobody's")
    watch_set.rename(tmp_path / "gone")
    assert {"app.py", ".env", "shop/views.py"} <= set(watching.changes())
    (tmp_path / "gone").rename(watch_set)
    assert {"app.py", ".env", "shop/views.py"} <= set(watching.changes())
    save(watch_set / "shop/views.py", "newer")
    assert watching.changes() == {"shop/views.py": Kind.CODE}


def test_a_file_that_comes_by_a_hard_link_is_reported(watch: Watch, watch_set: Path, tmp_path: Path):
    """A file that comes by a hard link, which nobody writes, is reported."""
    (tmp_path / "lib.py").write_text("x", encoding="utf-8")
    watching = watch()
    os.link(tmp_path / "lib.py", watch_set / "lib.py")
    assert watching.changes() == {"lib.py": Kind.CODE}


def test_a_link_in_the_place_of_a_file_is_followed(
    watch: Watch, watch_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A link that replaces a file, or leads to another file than before, is followed from that moment on."""
    monkeypatch.setattr(scan_schedule, "SWEEP_S", (600.0, 600.0))
    watching = watch()
    for name in ("one", "two"):
        target = tmp_path / name / "shared.py"
        target.parent.mkdir()
        target.write_text(name, encoding="utf-8")
        (watch_set / "link.tmp").symlink_to(target)
        (watch_set / "link.tmp").replace(watch_set / "app.py")
        assert watching.changes() == {"app.py": Kind.CODE}
        save(target, f"{name} again")
        assert watching.changes() == {"app.py": Kind.CODE}
