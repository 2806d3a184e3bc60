"""The files left out: those of git's own rules, and some others."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from appliance.watch.ignores import Ignores, is_work_tree


def git(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """git, without anybody's settings."""
    return subprocess.run(
        ["git", "-c", "core.excludesFile=/dev/null", *argv],
        cwd=folder, capture_output=True, text=True, check=False, timeout=30,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"},
    )  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with rules at three places."""
    for name in ("deep/er", "build", "deep/build", "logs/keep", "deep/out", "only"):
        (tmp_path / name).mkdir(parents=True)
    git(tmp_path, "init", "-q")
    (tmp_path / ".git/info").mkdir(exist_ok=True)
    (tmp_path / ".git/info/exclude").write_text("mine_*.py\n", encoding="utf-8")
    (tmp_path / ".gitignore").write_text(
        "# words\n/build/\n*.gen.py\n!wanted.gen.py\nlogs/*\n!logs/keep\nlocal_settings.py\nonly/*.py\n"
        "**/out/\n\\#x.py\n",
        encoding="utf-8",
    )
    (tmp_path / "deep/.gitignore").write_text("!local_settings.py\n/er/secret.py\n", encoding="utf-8")
    return tmp_path


FILES = [
    "app.py", "x.gen.py", "wanted.gen.py", "local_settings.py", "deep/local_settings.py", "deep/er/secret.py",
    "deep/er/x.py", "mine_x.py", "deep/mine_y.py", "build/a.py", "deep/build/a.py", "logs/a.py", "logs/keep/a.py",
    "only/a.py", "deep/out/a.py", "#x.py",
]  # fmt: skip


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_left_out_exactly_where_git_ignores_it(repository: Path, file: str):
    """A file is left out exactly where git ignores it."""
    (repository / file).write_text("", encoding="utf-8")
    ignores = Ignores(str(repository))
    for folder in ("", "/deep", "/deep/er"):
        ignores.enter(f"{repository}{folder}")
    parents = [str(repository / parent) for parent in reversed(Path(file).parents[:-1])]
    ours = any(map(ignores.folder, parents)) or ignores.file(str(repository / file))
    assert ours == (git(repository, "check-ignore", "-q", "--no-index", file).returncode == 0)


def test_rules_above_the_project_count(repository: Path):
    """A project in a folder of a repository knows the rules of the folders above it."""
    ignores = Ignores(str(repository / "deep"))
    assert ignores.file(str(repository / "deep/x.gen.py"))
    assert ignores.file(str(repository / "deep/mine_x.py"))
    assert not ignores.file(str(repository / "deep/app.py"))
    assert ignores.git == str(repository / ".git")


def test_saves_in_a_project_that_git_ignores_are_reported(repository: Path):
    """If the project's folder itself is ignored by git, saves in it are reported."""
    ignores = Ignores(str(repository / "build"))
    assert not ignores.folder(str(repository / "build/shop"))
    assert not ignores.file(str(repository / "build/app.py"))


def test_a_work_tree_has_the_rules_of_its_git_directory(repository: Path, tmp_path: Path):
    """If .git is a file, the git directory is the one that it names."""
    tree = tmp_path / "elsewhere"
    git(repository, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--allow-empty", "-qm", "x")
    git(repository, "worktree", "add", "-q", str(tree))
    ignores = Ignores(str(tree))
    assert ignores.git == f"{repository}/.git/worktrees/elsewhere"
    ignores.enter(str(tree))
    assert ignores.file(str(tree / "mine_x.py"))
    assert git(tree, "check-ignore", "-q", "--no-index", "mine_x.py").returncode == 0


def test_a_submodule_is_part_of_the_project(repository: Path):
    """A submodule is a part of the project, also one whose name looks like that of a work tree."""
    (repository / "deep/.git").write_text("gitdir: ../.git/modules/worktrees/deep\n", encoding="utf-8")
    assert not is_work_tree(str(repository / "deep"))
    assert not is_work_tree(str(repository))
    (repository / "deep/.git").write_text("gitdir: C:/shop/.git/worktrees/deep\n", encoding="utf-8")
    assert is_work_tree(str(repository / "deep"))


def test_a_byte_order_mark_is_not_part_of_a_rule(repository: Path):
    """A mark at the beginning of a list, as some editors write it, is not part of its first line."""
    (repository / ".gitignore").write_bytes(b"\xef\xbb\xbflocal_settings.py\r\nother.py\n")
    ignores = Ignores(str(repository))
    ignores.enter(str(repository))
    for file in ("local_settings.py", "other.py", "app.py"):
        said = git(repository, "check-ignore", "-q", "--no-index", file).returncode == 0
        assert ignores.file(str(repository / file)) == said


def test_a_rule_that_cannot_be_read_is_passed_over(tmp_path: Path):
    """A line that is not a pattern is passed over, also one with a range that ends before it begins."""
    (tmp_path / ".gitignore").write_bytes(b"!\nfoo\xff.py\n*.py[z-a]\n*.gen.py\n")
    ignores = Ignores(str(tmp_path))
    ignores.enter(str(tmp_path))
    assert ignores.file(f"{tmp_path}/x.gen.py")
    assert not ignores.file(f"{tmp_path}/x.py")


def test_a_fifo_in_the_place_of_rules_is_not_waited_for(tmp_path: Path):
    """A FIFO with the name of a file of rules has no rules, and nobody waits for its other end."""
    os.mkfifo(tmp_path / ".gitignore")
    ignores = Ignores(str(tmp_path))
    entered = threading.Event()

    def enter() -> None:
        ignores.enter(str(tmp_path))
        entered.set()

    threading.Thread(target=enter, daemon=True).start()
    assert entered.wait(20)
    assert not ignores.file(f"{tmp_path}/x.py")


def test_no_rule_of_a_repository_prevents_a_start(repository: Path):
    """A project in a repository whose rules have a range that ends before it begins is watched by the other rules."""
    for file in (".gitignore", ".git/info/exclude"):
        (repository / file).write_text("*.sw[p-a]\n*.gen.py\n", encoding="utf-8")
    ignores = Ignores(f"{repository}/deep")
    assert ignores.file(f"{repository}/deep/x.gen.py")
    assert not ignores.file(f"{repository}/deep/x.py")


def test_a_rule_with_a_class_of_characters_writes_no_warning(tmp_path: Path, recwarn: pytest.WarningsRecorder):
    """A rule that Python's patterns may read in another way than git writes nothing to stderr."""
    (tmp_path / ".gitignore").write_text("*.sw[[:alpha:]]\n", encoding="utf-8")
    Ignores(str(tmp_path)).enter(str(tmp_path))
    assert not recwarn.list


def test_a_repository_that_is_made_later_has_a_lock(tmp_path: Path):
    """The lock of a repository counts, also if the repository was made after the start."""
    ignores = Ignores(str(tmp_path))
    assert not ignores.git_was_busy(time.time())
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/index.lock").touch()
    assert ignores.git_was_busy(time.time())


@pytest.mark.parametrize(
    "name", [".git", "node_modules", "__pycache__", ".venv", ".mypy_cache", "shop.egg-info", ".history"]
)
def test_some_folders_are_never_watched(name: str):
    """Some folders are nobody's source, at any depth."""
    assert Ignores("/project").folder(f"/project/deep/{name}")


def test_hidden_folders_are_watched_where_a_setting_names_one():
    """Hidden folders are not watched, unless APPLIANCE_WATCH_EXTRA names one; those of Kubernetes are."""
    assert Ignores("/project", (), ["./config/*.yaml", "../shared/", ".flags"]).folder("/project/deep/.history")
    assert not Ignores("/project", (), [".config/*.yaml"]).folder("/project/.config")
    assert Ignores("/project", (), [".config/*.yaml"]).folder("/project/.git")
    assert not Ignores("/project").folder("/project/config/..data")


def test_the_users_patterns_leave_out_paths_and_names():
    """APPLIANCE_IGNORE leaves out paths below the project, and names at any depth."""
    ignores = Ignores("/project", ["uploads/*", "*.generated.py", "/scratch/"])
    assert ignores.file("/project/uploads/a.py")
    assert ignores.file("/project/deep/api.generated.py")
    assert ignores.folder("/project/scratch")
    assert not ignores.file("/project/app.py")
