"""Which programs may go on writing files into the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.watch.unpackers import PROCESSES_MOST, Unpackers


def process(proc: Path, number: int, *argv: str, name: str = "", folder: str = "") -> None:
    """A process as proc(5) shows it; without ``folder`` it is another user's."""
    entry = proc / str(number)
    entry.mkdir(parents=True)
    (entry / "comm").write_text((name or argv[0]) + "\n", encoding="utf-8")
    (entry / "cmdline").write_bytes(b"\0".join(map(os.fsencode, argv)) + b"\0")
    if folder:
        (entry / "cwd").symlink_to(folder)


@pytest.mark.parametrize(
    "argv",
    [
        "tar xmf - -C / --no-same-owner",
        "tar -v -C / -x -f -",
        "tar -xmf - -C /workspace",
        "tar --no-same-permissions --no-same-owner -xmf -",
        "tar --extract --file=-",
        "tar xzfC - /workspace/shop",
        "bsdtar -xpf -",
        "rsync --server -vlogDtprze.iLsfxC . /workspace",
        "unzip -o new.zip -d /workspace",
    ],
)
def test_programs_that_unpack_are_found(tmp_path: Path, argv: str):
    """The programs that Skaffold, compose, kubectl and others run in the container are found by their arguments."""
    process(tmp_path, 1, "python", name="appliance")
    process(tmp_path, 31, *argv.split())
    assert Unpackers("/workspace", str(tmp_path)).running() == {"31"}


@pytest.mark.parametrize(
    "argv",
    [
        "tar czf backup-x.tgz .",
        "tar -cf - -C / x",
        "tar --create --exclude=x .",
        "tar -cfx.tar .",
        "tar xf - -C /home/somebody",
        "tar -xf - --directory=/workspaces",
        "rsync --server --sender -vlogDtpr . /workspace",
        "rsync --daemon",
        "unzip a.zip -d /opt",
        "python tar -x",
    ],
)
def test_other_programs_are_not_found(tmp_path: Path, argv: str):
    """A program that packs, sends, or unpacks into another folder delays no save."""
    process(tmp_path, 31, *argv.split())
    assert Unpackers("/workspace", str(tmp_path)).running() == set()


@pytest.mark.parametrize(
    ("folder", "expected"),
    [("/", {"31"}), ("/workspace", {"31"}), ("/workspace/shop", {"31"}), ("/root", set()), ("", {"31"})],
)
def test_the_working_folder_tells(tmp_path: Path, folder: str, expected: set[str]):
    """Without an option the working folder decides; another user's can't be known."""
    process(tmp_path, 31, "tar", "xf", "-", folder=folder)
    assert Unpackers("/workspace", str(tmp_path)).running() == expected


def test_a_program_that_hangs_is_waited_for_once(tmp_path: Path):
    """A tar that hangs is waited for once; another one with its number is waited for again."""
    process(tmp_path, 31, "tar", "xf", "-")
    unpackers = Unpackers("/workspace", str(tmp_path))
    unpackers.give_up(unpackers.running())
    assert unpackers.running() == set()
    (tmp_path / "31").rename(tmp_path / "gone")
    assert unpackers.running() == set()
    (tmp_path / "gone").rename(tmp_path / "31")
    assert unpackers.running() == {"31"}


def test_a_whole_machine_is_not_searched(tmp_path: Path):
    """Among many processes tar works for anybody; without any list, or with a process that ends, nothing is found."""
    process(tmp_path, 31, "tar", "xf", "-")
    (tmp_path / "32").mkdir()
    unpackers = Unpackers("/workspace", str(tmp_path))
    assert unpackers.running() == {"31"}
    for number in range(1000, 1001 + PROCESSES_MOST):
        (tmp_path / str(number)).mkdir()
    assert unpackers.running() == set()
    assert Unpackers("/workspace", str(tmp_path / "none")).running() == set()
