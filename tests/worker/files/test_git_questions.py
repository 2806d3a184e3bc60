"""The programs that only ask git for the revision, and the file that changes with the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.worker.files.git_questions import asks_git, revision_log

QUESTIONS = [
    ["git", "rev-parse", "HEAD"],
    ("/usr/bin/git", b"log", "-1"),
    [Path("git"), "show", "--format=%h"],
    ["/bin/sh", "-c", "git rev-parse --short HEAD"],
]
OTHERS = [
    ["git", "commit"],
    ["git"],
    ["touch", "log"],
    "git log",
    ["/bin/sh", "-c", "git log > here"],
    ["/bin/sh", "-c", "git log $(touch here)"],
    ["/bin/sh", "-c", "git log", "more"],
    [],
    [1, 2],
    None,
]


@pytest.mark.parametrize("command", QUESTIONS)
def test_a_question_to_git_is_known(command):
    """A program that asks for a revision changes nothing."""
    assert asks_git(command)


@pytest.mark.parametrize("command", OTHERS)
def test_another_program_is_not_a_question(command):
    """A program that may change something is another one, and each form of a command is understood."""
    assert not asks_git(command)


def test_the_log_of_the_repository_is_found(tmp_path, monkeypatch):
    """The log is that of the repository around the folder, or of the work tree."""
    below = tmp_path / "shop" / "web"
    below.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    assert revision_log(below) == str(tmp_path / ".git" / "logs" / "HEAD")
    monkeypatch.chdir(below)
    assert revision_log(None) == str(tmp_path / ".git" / "logs" / "HEAD")
    (tmp_path / "shop" / ".git").write_text("gitdir: ../.git/worktrees/shop\n")
    assert Path(revision_log(str(below))).resolve() == tmp_path / ".git" / "worktrees" / "shop" / "logs" / "HEAD"
    assert revision_log("/") == ""
