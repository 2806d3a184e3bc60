"""What is watched, by whom: the tree, the source of news, the mounts that have none, and files named from outside.

Owns all of these, and turns news and looks into paths of files that may have changed. Whether they did, and when to
tell, is ``watcher``'s. Runs in the watcher's thread.
"""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.watch.event_sources import News, Silence, Source, What
from appliance.watch.ignores import Ignores
from appliance.watch.inotify import Inotify, is_exhausted
from appliance.watch.kinds import ENVIRONMENT, Kind, Rule
from appliance.watch.mounts import Mount, Mounts
from appliance.watch.tree import Mark, Tree, mark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


@dataclass(frozen=True)
class Terms:
    """What a user has set.

    Attributes:
        root: the project's folder.
        how: auto, events or poll.
        ignore: patterns of what is left out.
        environment: the project's .env files.
        extra: what is watched besides: patterns of files in the project, files and folders elsewhere.
    """

    root: str
    how: str = "auto"
    ignore: Collection[str] = ()
    environment: Collection[str] = ()
    extra: Collection[str] = ()


@dataclass(frozen=True)
class _Named:
    """A file that counts because ``who`` named it."""

    who: str
    kind: Kind
    mark: Mark | None


class WatchSet:
    """The watched ground."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self.root = terms.root
        outside = [each for each in terms.extra if each.startswith(("/", "..", "~"))]
        places = [os.path.normpath(os.path.join(self.root, os.path.expanduser(each))) for each in outside]
        self._rule = Rule(self.root, terms.environment, [each for each in terms.extra if each not in outside])
        self._ignores = Ignores(self.root, terms.ignore)
        self._tops = [self.root, *(place for place in places if os.path.isdir(place))]
        self._named: dict[str, _Named] = {}
        self._aside: set[str] = set()  # folders elsewhere that hold what links stand for
        self.source: Source = Silence()
        self._mounts = Mounts.read()
        self.mute: list[Mount] = []
        self.exhausted: OSError | None = None
        self.tree = Tree(self.root, self._rule, self._ignores, self._enter, self._leave)
        self.name("extra", Kind.CODE, [place for place in places if place not in self._tops])
        environment = [os.path.normpath(os.path.join(self.root, name)) for name in terms.environment or ENVIRONMENT]
        self.name("environment", Kind.ENVIRONMENT, environment)

    def open(self) -> None:
        """Take the best source there is, and look at everything once."""
        if self._terms.how != "poll":
            try:
                self.source = _best_source(self._tops)
            except OSError as error:
                self.exhausted = error
        self._find_mute()
        self._look(self._tops)
        for path in self._named:
            self._enter_parent(path)

    def _find_mute(self) -> None:
        if self._terms.how == "poll" or self.exhausted is not None:
            self.mute = [Mount(top, self._mounts.of(top).kind) for top in self._tops]
        elif self._terms.how == "events":
            self.mute = []
        else:
            self.mute = [mount for top in self._tops for mount in self._mounts.mute_below(top)]

    # -- what the tree enters and leaves -------------------------------------------------------------------------------

    def _enter(self, folder: str) -> None:
        partial = any(folder == mount.point or folder.startswith(mount.point + "/") for mount in self.mute)
        try:
            self.source.add(folder, partial=partial)
        except OSError as error:
            if is_exhausted(error) and self.exhausted is None:
                self.exhausted = error
                self._find_mute()

    def _leave(self, folder: str) -> None:
        self.source.drop(folder)

    def _enter_parent(self, path: str) -> None:
        folder = os.path.dirname(path)
        if folder in self.tree.folders:
            return  # a link's file is the tree's to know
        if not os.path.isdir(folder):  # of a package that is not there yet
            folder = os.path.dirname(folder)
        for each in {folder, os.path.dirname(os.path.realpath(path))}:
            if each not in self.tree.folders and os.path.isdir(each):
                self._enter(each)

    # -- files named from outside --------------------------------------------------------------------------------------

    def name(self, who: str, kind: Kind, paths: Iterable[str], *, more: bool = False) -> list[str]:
        """These files count, wherever they are and whoever ignores them but the user's own setting.

        They take the place of those that ``who`` named before, or come to them (``more``).

        Returns:
            Those that are there, and of which nothing was known until now.
        """
        before = self._named
        self._named = dict(before) if more else {path: named for path, named in before.items() if named.who != who}
        new = []
        for path in paths:
            if path in self._named or self._ignores.unwanted(path):
                continue
            known = before.get(path)
            seen = known.mark if known else self.tree.files.get(path) or mark(path)
            self._named[path] = _Named(who, kind, seen)
            if known is None:
                self._enter_parent(path)
                if seen and path not in self.tree.files:
                    new.append(path)
        return new

    def look_for_templates_in(self, folders: Iterable[str]) -> tuple[list[str], set[str]]:
        """A framework looks for templates in these folders: their files that count now, and those that have changed."""
        new: list[str] = []
        changed: set[str] = set()
        for folder in self._rule.look_for_templates_in(folders):
            if folder in self.tree.folders:
                known = set(self.tree.files)
                found = self.tree.look(folder)
                new += found - known
                changed |= found & known
        return new, changed

    def there(self) -> list[str]:
        """All files that count and were there when they were last looked at."""
        named = (path for path, each in self._named.items() if each.mark and path not in self.tree.files)
        return [*self.tree.files, *named]

    def kind(self, path: str) -> Kind | None:
        """The kind of a file, if it counts now."""
        folder, _, name = path.rpartition("/")
        kind = self._rule.kind(folder, name)
        if path in self._named:
            return kind or self._named[path].kind
        if folder not in self.tree.folders and os.path.exists(folder):
            return None  # left out
        return None if kind is None or self._ignores.file(path) else kind

    # -- looking -------------------------------------------------------------------------------------------------------

    def seen(self, path: str) -> Mark | None:
        """One file's mark when it was last looked at."""
        named = self._named.get(path)
        return named.mark if named else self.tree.files.get(path)

    def check(self, path: str) -> Mark | None:
        """Look at one file."""
        now = mark(path)
        if (named := self._named.get(path)) is not None:
            self._named[path] = replace(named, mark=now)
        folder, _, name = path.rpartition("/")
        if now is None:
            self.tree.files.pop(path, None)
        elif folder in self.tree.folders and self._rule.kind(folder, name) is not None:
            self.tree.files[path] = now
        return now

    def sweep(self) -> set[str]:
        """Look at everything; the files that are not as they were."""
        mounts = Mounts.read()
        if mounts.table != self._mounts.table:
            self._mounts = mounts
            self._find_mute()
        return self._look(self._tops) | self._look_named()

    def poll(self) -> set[str]:
        """Look at what nobody tells of."""
        return self._look([mount.point for mount in self.mute]) | (self._look_named() if self.mute else set())

    def _look(self, tops: Iterable[str]) -> set[str]:
        changed = {path for top in tops for path in self.tree.look(top)}
        for real in self.tree.links:
            folder = os.path.dirname(real)
            if folder not in self.tree.folders and folder not in self._aside and os.path.isdir(folder):
                self._aside.add(folder)
                self._enter(folder)
        return changed

    def _look_named(self) -> set[str]:
        for path in self._named:
            self._enter_parent(path)  # it may be there again
        return {path for path, named in self._named.items() if path not in self.tree.files and mark(path) != named.mark}

    # -- news ----------------------------------------------------------------------------------------------------------

    def take(self, news: News) -> tuple[set[str], bool]:
        """The files that may have changed by this; and whether everything has to be looked at."""
        what, path = news
        if what is What.MISSED:
            return set(), True
        if what is What.MOUNTED:
            now = Mounts.read()
            return set(), any(self._mounts.within(top) != now.within(top) for top in self._tops)
        if what is What.LOST:
            if path in self._tops:
                # What comes in its place has watches of its own; those of what has moved away tell false names.
                for folder in self.tree.folders:
                    self.source.drop(folder)
            self._aside.discard(path)
            return set(), path not in self.tree.folders or path in self._tops
        if what is What.FOLDER_CAME:
            return self._come(path) | self._named_below(path), False
        if what is What.FOLDER_WENT:
            return self.tree.forget(path) | {each for each in self._named if each.startswith(path + "/")}, False
        return self._take_file(what, path)

    def _take_file(self, what: What, path: str) -> tuple[set[str], bool]:
        folder, _, name = path.rpartition("/")
        if name == ".gitignore" and folder in self.tree.folders:
            self._ignores.enter(folder)
            return set(), True
        if name == "pyvenv.cfg" and folder not in self._tops:
            self.tree.forget(folder)
            return set(), False
        paths = {link for link in (self.tree.links.get(path),) if link}
        if path in self._named or (folder in self.tree.folders and self._rule.kind(folder, name) is not None):
            paths.add(path)
        elif what is What.GONE:
            if path in self.tree.folders:  # a linked one: the kernel calls its link a file
                return self.tree.forget(path), False
        elif os.path.islink(path) and os.path.isdir(path):
            # Whatever stood there before is not what stands there now.
            return self.tree.forget(path) | self._come(path), False
        return paths, False

    def _named_below(self, folder: str) -> set[str]:
        """The files that were named and are there now with this folder, which may itself be left out."""
        below = [path for path in self._named if path.startswith(folder + "/")]
        for path in below:
            self._enter_parent(path)
        return {path for path in below if os.path.exists(path)}

    def _come(self, folder: str) -> set[str]:
        if os.path.dirname(folder) not in self.tree.folders or not self.tree.counts(folder):
            return set()
        return self._look([folder])

    # -- git -----------------------------------------------------------------------------------------------------------

    def git_busy(self, since: float) -> bool:
        """Whether git has been at work in the repository since then (CLOCK_REALTIME), or for a second before.

        It holds the lock through a checkout. An older lock is one that it waits with (an editor for a commit's
        message), or was left by one that crashed.
        """
        if not self._ignores.git:
            return False
        try:
            return os.stat(f"{self._ignores.git}/index.lock").st_mtime > since - 1
        except OSError:
            return False


def _best_source(tops: list[str], platform: str = sys.platform) -> Source:
    if platform == "linux":
        return Inotify()
    try:
        from appliance.watch.elsewhere import Elsewhere  # noqa: PLC0415  its library is installed there alone
    except ImportError as error:
        raise OSError(errno.ENOSYS, str(error)) from None
    return Elsewhere(tops)
