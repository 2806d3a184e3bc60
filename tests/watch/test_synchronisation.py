"""Files that a tool synchronises into the project, seen by a watcher of a real folder."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.watch import synchronisation
from appliance.watch.unpackers import Unpackers
from tests.watch.watching import Watch, save

LONG_AGO = 1_000_000_000
NEW_FILES = 12  # more than a person saves at once


class Programs:
    """The programs that unpack, as the test says."""

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.given_up: set[str] = set()

    def give_up(self, processes: set[str]) -> None:
        """As of a tar that hangs."""
        self.given_up |= processes
        self.running -= processes


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Programs:
    """None at first."""
    programs = Programs()
    monkeypatch.setattr(Unpackers, "running", lambda _: set(programs.running))
    monkeypatch.setattr(Unpackers, "give_up", lambda _, processes: programs.give_up(processes))
    return programs


def members(count: int, text: str) -> Iterator[tuple[str, bytes]]:
    """The names and contents of a package of so many modules."""
    for number in range(count):
        yield f"big/part{number % 7}/m{number}.py", f"{text} = {number}\n".encode()


def archive(count: int, text: str) -> tarfile.TarFile:
    """The same as an archive whose files are old."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name, content in members(count, text):
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), LONG_AGO
            tar.addfile(info, io.BytesIO(content))
    return tarfile.open(fileobj=io.BytesIO(whole.getvalue()))


def test_a_slow_archive_is_one_burst(watch: Watch, watch_set: Path, programs: Programs):
    """While a program unpacks, its files are one burst, whatever the pauses; nothing is waited for after its end."""
    watching = watch()
    programs.running = {"31"}
    with archive(60, "one") as tar:
        for member in tar:
            tar.extract(member, watch_set, filter="fully_trusted")
            if member.name.endswith("0.py"):
                watching.look()
                time.sleep(0.06)  # longer than the wait for one of many files
    assert watching.bursts.empty()
    assert watching.watcher.arriving_s() > 0
    programs.running.clear()
    assert len(watching.changes()) == 60


def test_the_first_files_of_an_empty_folder_are_seldom_the_last(watch: Watch, watch_set: Path):
    """After one file more may come if the folder was empty at the start, and not if it was not."""
    for path in list(watch_set.rglob("*")):
        if path.is_file():
            path.unlink()
    watching = watch()
    save(watch_set / "requirements.txt", "flask")
    watching.changes()
    assert watching.watcher.arriving_s() > 0
    again = watch()
    save(watch_set / "app.py", "WORD = 1")
    again.changes()
    assert again.watcher.arriving_s() == 0


def test_old_times_hide_no_change(watch: Watch, watch_set: Path):
    """A file whose time an archive has set back is seen: replaced, or written in place."""
    for name in ("app.py", "shop/views.py"):
        os.utime(watch_set / name, (LONG_AGO, LONG_AGO))
    watching = watch()
    app = watch_set / "app.py"
    aside = watch_set / "app.py.tmp"
    aside.write_text("# new.py\n", encoding="utf-8")
    os.utime(aside, (LONG_AGO, LONG_AGO))
    aside.replace(app)
    assert "app.py" in watching.changes()
    views = watch_set / "shop/views.py"
    views.write_text("# changed/it.py\n", encoding="utf-8")
    os.utime(views, (LONG_AGO - 1000, LONG_AGO - 1000))
    assert "shop/views.py" in watching.changes()


def test_a_save_in_a_synchronisation_is_not_lost(watch: Watch, watch_set: Path, programs: Programs):
    """A file that a person saves while files are unpacked is in the same report."""
    watching = watch()
    programs.running = {"31"}
    with archive(20, "one") as tar:
        tar.extractall(watch_set, filter="fully_trusted")
    watching.look()
    save(watch_set / "app.py", "# a person's\n")
    watching.look()
    programs.running.clear()
    assert "app.py" in watching.changes()


def test_a_tar_that_hangs_is_given_up(
    watch: Watch, watch_set: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
):
    """A program from which nothing more comes delays one save, and no other."""
    monkeypatch.setattr(synchronisation, "IDLE_S", 0.2)
    watching = watch()
    programs.running = {"31"}
    save(watch_set / "app.py", "# one\n")
    assert set(watching.changes()) == {"app.py"}
    assert programs.given_up == {"31"}


def test_a_save_by_a_program_that_ended_is_complete(watch: Watch, watch_set: Path, programs: Programs):
    """One save that a tool has brought is complete once its program has ended: a failure of it is shown at once."""
    watching = watch()
    programs.running = {"31"}
    save(watch_set / "app.py", "# one\n")
    watching.look()
    assert watching.watcher.arriving_s() > 0
    programs.running.clear()
    assert set(watching.changes()) == {"app.py"}
    assert watching.watcher.arriving_s() == 0


def test_a_half_written_file_is_not_reported(watch: Watch, watch_set: Path):
    """A new file is reported once its writer has closed it, and a hard link at once."""
    watching = watch()
    with (watch_set / "half.py").open("w", encoding="utf-8") as file:
        file.write("def half(")
        file.flush()
        time.sleep(0.15)  # three times the wait for a file that may be incomplete
        watching.look()
        assert watching.bursts.empty()
    assert set(watching.changes()) == {"half.py"}
    os.link(watch_set / "app.py", watch_set / "linked.py")
    assert set(watching.changes()) == {"linked.py"}


def test_removed_folders_belong_to_the_burst(watch: Watch, watch_set: Path, programs: Programs):
    """Folders that a tool removes before it unpacks are in the report, although tar is not yet at work."""
    watching = watch()
    shutil.rmtree(watch_set / "shop")
    programs.running = {"31"}
    with archive(12, "one") as tar:
        tar.extractall(watch_set, filter="fully_trusted")
    programs.running.clear()
    seen: set[str] = set()
    while len(seen) < 14:
        seen |= set(watching.changes())
    assert {"shop/__init__.py", "shop/views.py"} < seen


def test_new_files_at_the_start_are_expected_to_go_on(watch: Watch, watch_set: Path):
    """If many files have just come when the watch begins, more are expected."""
    for name, content in members(NEW_FILES, "one"):
        (watch_set / name).parent.mkdir(parents=True, exist_ok=True)
        (watch_set / name).write_bytes(content)
    assert watch().watcher.arriving_s() > 0
