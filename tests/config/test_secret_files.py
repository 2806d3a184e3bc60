"""Secrets that are mounted as files: what becomes a variable, what wins, what is left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.config.env import load_environment
from appliance.config.secret_files import read_secrets
from appliance.masking import MASKED, Mask


def write(folder: Path, **texts: str) -> Path:
    """Write a file of each name."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("s3cret", "s3cret"),
        ("s3cret\n", "s3cret"),
        ("s3cret\r\n", "s3cret"),
        ("two\nlines\n\n", "two\nlines\n"),
        (" spaces are kept ", " spaces are kept "),
        ("", ""),
        ("$HOME is not expanded", "$HOME is not expanded"),
    ],
)
def test_a_file_is_a_variable(tmp_path: Path, text: str, value: str) -> None:
    """The file's name is the variable's, its text the value, without one newline at the end."""
    assert read_secrets(write(tmp_path / "secrets", KEY=text)).values == {"KEY": value}


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    """Folders and hidden files are skipped; a name that no variable has, and a NUL character, are reported."""
    folder = write(tmp_path / "secrets", GOOD="1", **{".hidden": "2", "db-password": "3", "NUL": "a\0b"})
    (folder / "kubernetes.io").mkdir()
    read = read_secrets(folder)
    assert read.values == {"GOOD": "1"}
    assert [(Path(part.file).name, part.reason) for part in read.unread] == [
        ("NUL", "it holds a NUL character, and is left out"),
        ("db-password", "its name can't be the name of a variable, and it is left out"),
    ]


def test_a_volume_of_kubernetes_is_read(tmp_path: Path) -> None:
    """Kubernetes mounts a folder of links to links, and swaps one of them for an update."""
    folder = write(tmp_path / "secrets")
    for version in ("1", "2"):
        write(folder / f"..{version}", KEY=version)
    (folder / "..data").symlink_to("..1")
    (folder / "KEY").symlink_to("..data/KEY")
    assert read_secrets(folder).values == {"KEY": "1"}
    (folder / "..new").symlink_to("..2")
    (folder / "..new").replace(folder / "..data")
    assert read_secrets(folder).values == {"KEY": "2"}


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    """A path that does not exist ends nothing, and is named."""
    read = read_secrets(tmp_path / "nowhere")
    assert (dict(read.values), len(read.unread)) == ({}, 1)
    assert "No such file" in read.unread[0].reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    """A secret that another user owns is left out and named; the others are read."""
    folder = write(tmp_path / "secrets", MINE="1", YOURS="2")
    (folder / "YOURS").chmod(0)
    read = read_secrets(folder)
    assert (read.values, [Path(part.file).name for part in read.unread]) == ({"MINE": "1"}, ["YOURS"])


def test_a_folder_of_many_files_is_cut(tmp_path: Path) -> None:
    """A folder that was named by mistake does not become thousands of variables."""
    read = read_secrets(write(tmp_path / "secrets", **{f"N{number:03}": "" for number in range(510)}))
    assert len(read.values) == 500
    assert "more than 500 files" in read.unread[0].reason


def test_the_environment_wins_over_secrets_and_secrets_over_env_files(tmp_path: Path) -> None:
    """The environment wins over a secret, a secret over an .env file, which may refer to it."""
    write(tmp_path / "secrets", A="secret", B="secret")
    (tmp_path / ".env").write_text("A=file\nB=file\nC=${B}-file\n", "utf-8")
    environment = load_environment({"A": "process"}, tmp_path, secrets="secrets")
    assert dict(environment.values) == {"A": "process", "B": "secret", "C": "secret-file"}
    assert environment.origins["A"] == "environment"
    assert environment.origins["B"] == str(tmp_path / "secrets" / "B")
    assert set(environment.hidden) == {("A", ".env"), ("B", ".env")}


def test_a_secret_is_masked_whatever_its_name(tmp_path: Path) -> None:
    """A value of a secret file is secret, whatever its name; of a URL only the password, of the environment nothing."""
    write(tmp_path / "secrets", PLAIN="correct-horse", DB="postgres://shop:battery-staple@db/shop", TAKEN="elsewhere!")
    environment = load_environment({"TAKEN": "not-secret"}, tmp_path, secrets="secrets")
    mask = Mask(environment.values, more=environment.secrets())
    assert mask.masked("a correct-horse of not-secret") == f"a {MASKED} of not-secret"
    assert mask.masked("battery-staple") == MASKED
    assert mask.masked("host db") == "host db"
