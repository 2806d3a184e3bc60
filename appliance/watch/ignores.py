"""Decide which paths are never watched: folders without source code, files that git or APPLIANCE_IGNORE ignores.

The rules of git that are read: ``.gitignore`` at every level, also above the project up to the repository's top, and
``.git/info/exclude``. This module does not know whether git tracks an ignored file anyway. A loaded module is always
watched, whatever this module decides (``watcher``). Folders are checked while walking, files only once they have
changed: a check costs 10 to 50 µs, which would add up for 10,000 files.
"""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from fnmatch import translate
from typing import TYPE_CHECKING

from appliance.conventions import BYTECODE_FOLDER, INSTALLED_CODE, VERSION_CONTROL
from appliance.identity.folder import open_at_once

if TYPE_CHECKING:
    from collections.abc import Collection

    from pathspec import GitIgnoreSpec

# A folder named ``env`` is watched: it may be a package of the project.
NEVER = VERSION_CONTROL | INSTALLED_CODE | {
    BYTECODE_FOLDER, ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".pytype", ".pyre",
    ".import_linter_cache", ".idea", ".vscode", ".eggs", ".cache", ".parcel-cache", ".next", ".nuxt", ".svelte-kit",
    ".ipynb_checkpoints", ".terraform", ".direnv", ".pixi",
}  # fmt: skip
# A setting that names a hidden folder: ".config/*.yaml".
_NAMES_HIDDEN = re.compile(r"(?:^|/)\.\w[^/]*/")
_NO_PATTERN = (ValueError, re.error)  # of pathspec: the latter for a range such as [z-a]
# What ``.git`` names in a linked work tree (gitrepository-layout(5)). A submodule may have the name "worktrees/shop".
_WORK_TREE = re.compile(r"(?<!/modules)/worktrees/[^/]+\Z")


class Ignores:
    """The paths below one root that are ignored.

    Args:
        root: the project's folder.
        patterns: APPLIANCE_IGNORE: patterns of paths relative to the root, or of single names in them.
        extra: APPLIANCE_WATCH_EXTRA: if it names a hidden folder, hidden folders are not ignored.
    """

    def __init__(self, root: str, patterns: Collection[str] = (), extra: Collection[str] = ()) -> None:
        self._root = root
        self._hides = not any(map(_NAMES_HIDDEN.search, extra))
        wanted = [pattern.strip("/") for pattern in patterns]
        self._patterns = re.compile("|".join(map(translate, wanted))) if wanted else None
        self._specs: dict[str, GitIgnoreSpec] = {}
        self._exclude: tuple[str, GitIgnoreSpec] | None = None
        top, self.git = _repository(root)
        self._top = root
        if top:
            self._read_above(top)

    def _read_above(self, top: str) -> None:
        if self.git and (spec := _spec(f"{_common(self.git)}/info/exclude")):
            self._exclude = (top, spec)
        folder = os.path.dirname(self._root)
        while self._root != top and len(folder) >= len(top):
            self.enter(folder)
            folder = os.path.dirname(folder)
        self._top = top
        if self._root != top and self._by_git(self._root, folder=True):
            # The user serves a folder that the repository above ignores: those rules say nothing of its contents.
            self._specs.clear()
            self._exclude = None
            self._top = self._root

    def enter(self, folder: str) -> None:
        """Read the ``.gitignore`` of ``folder``."""
        spec = _spec(f"{folder}/.gitignore")
        if spec is not None:
            self._specs[folder] = spec
        else:
            self._specs.pop(folder, None)

    def leave(self, folder: str) -> None:
        """Forget the ``.gitignore`` of ``folder``."""
        self._specs.pop(folder, None)

    def git_was_busy(self, since: float) -> bool:
        """Whether git was at work in the repository since then (CLOCK_REALTIME), or for a second before.

        Git holds the lock during a checkout. With an older lock, git is waiting (for an editor with a commit's
        message), or has crashed.
        """
        try:
            # A repository may have been made since the start.
            return os.stat(f"{self.git or self._root + '/.git'}/index.lock").st_mtime > since - 1
        except OSError:
            return False

    def folder(self, path: str) -> bool:
        """Whether the folder is ignored; its parents are not."""
        name = path[path.rfind("/") + 1 :]
        # No import finds them; editors and tools keep copies there: .history, .stversions, .Trash-1000.
        if self._hides and name.startswith(".") and not name.startswith(".."):  # Kubernetes has "..data"
            return True
        if name in NEVER or name.endswith(".egg-info") or self._by_setting(path, name):
            return True
        return bool(self._specs or self._exclude) and self._by_git(path, folder=True)

    def file(self, path: str) -> bool:
        """Whether the file is ignored; its folder is not."""
        if self._by_setting(path, path[path.rfind("/") + 1 :]):
            return True
        return bool(self._specs or self._exclude) and self._by_git(path, folder=False)

    def by_user(self, path: str) -> bool:
        """Whether the user's own patterns name the file, or a folder above it."""
        if self._patterns is None:
            return False
        while len(path) > len(self._root):
            if self._by_setting(path, path[path.rfind("/") + 1 :]):
                return True
            path = os.path.dirname(path)
        return False

    def _by_setting(self, path: str, name: str) -> bool:
        if self._patterns is None:
            return False
        return bool(self._patterns.match(path.removeprefix(self._root + "/")) or self._patterns.match(name))

    def _by_git(self, path: str, *, folder: bool) -> bool:
        """Ask git's files: the deepest one with a matching rule decides; the repository's exclude list comes last."""
        base = os.path.dirname(path)
        while len(base) >= len(self._top):
            if (spec := self._specs.get(base)) is not None:
                included = spec.check_file(_below(path, base, folder=folder)).include
                if included is not None:
                    return included
            parent = os.path.dirname(base)
            if parent == base:
                break
            base = parent
        if self._exclude is not None and path.startswith(self._exclude[0] + "/"):
            top, spec = self._exclude
            return bool(spec.check_file(_below(path, top, folder=folder)).include)
        return False


def is_work_tree(folder: str) -> bool:
    """Whether the folder is a linked work tree (``git worktree add``): another copy of a project, not a part of it."""
    file = f"{folder}/.git"
    # In a container, the named directory of the host does not exist: its name has to be enough.
    return os.path.isfile(file) and _WORK_TREE.search(_line(file)) is not None


def _below(path: str, base: str, *, folder: bool) -> str:
    return path[len(base) :].lstrip("/") + ("/" if folder else "")


def _spec(path: str) -> GitIgnoreSpec | None:
    try:
        # git ignores a byte order mark at the beginning.
        with open(path, encoding="utf-8-sig", errors="surrogateescape", opener=open_at_once) as file:
            lines = file.read().split("\n")
    except OSError:
        return None
    # Imported only if there is a file to read: 10 ms, in the watcher's thread.
    from pathspec import GitIgnoreSpec  # noqa: PLC0415  as above

    # Python warns of a pattern such as [[:alpha:]], with text on stderr.
    with warnings.catch_warnings(action="ignore"):
        try:
            return GitIgnoreSpec.from_lines(lines)
        except _NO_PATTERN:
            # git skips the lines that it can't read.
            good = []
            for line in lines:
                with contextlib.suppress(*_NO_PATTERN):
                    GitIgnoreSpec.from_lines([line])
                    good.append(line)
            return GitIgnoreSpec.from_lines(good)


def _repository(root: str) -> tuple[str, str]:
    """Return the top of the repository that ``root`` is in, and its git directory; empty texts if there is none."""
    folder = root
    while True:
        inside = f"{folder}/.git"
        if os.path.isdir(inside):
            return folder, inside
        if os.path.isfile(inside):  # a work tree, or a submodule
            return folder, _linked(folder, inside)
        parent = os.path.dirname(folder)
        if parent == folder:
            return "", ""
        folder = parent


def _common(git: str) -> str:
    """Return the directory that all work trees of a repository share (gitrepository-layout(5), ``commondir``)."""
    return os.path.normpath(os.path.join(git, _line(f"{git}/commondir")))


def _linked(folder: str, file: str) -> str:
    named = _line(file)
    return os.path.normpath(os.path.join(folder, named.removeprefix("gitdir:").strip())) if named else ""


def _line(file: str) -> str:
    """Return the text of a small file of git's; empty if it does not exist."""
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as opened:
            return opened.read(4096).strip()
    except OSError:
        return ""
