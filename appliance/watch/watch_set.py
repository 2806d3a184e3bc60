"""Combine all that is watched: the tree, the event source, the mounts without events, and files added from outside.

A ``WatchSet`` turns events and scans into paths of files that may have changed. ``watcher`` decides whether they did,
and when to report it. Runs in the watcher's thread.

Decision 7 says why.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

from appliance.conventions import VARIABLE_FILES
from appliance.protocol.record import Record, replace
from appliance.watch.event_sources import EventSource, EventType, FileEvent, NoEvents
from appliance.watch.ignores import Ignores
from appliance.watch.inotify import Inotify, is_exhausted
from appliance.watch.kinds import Kind, Rule
from appliance.watch.mounts import Mount, Mounts
from appliance.watch.tree import ENVIRONMENT_MARKERS, Mark, Tree, is_another_place, mark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class WatchOptions(Record):
    """The user's settings for the watch.

    Attributes:
        root: the project's folder.
        how: auto, events or poll.
        ignore: patterns of what is ignored.
        environment: the project's .env files.
        extra: more to watch: patterns of files in the project, and files and folders elsewhere.
    """

    root: str
    how: str = "auto"
    ignore: Collection[str] = ()
    environment: Collection[str] = ()
    extra: Collection[str] = ()


class _AddedFile(Record):
    """A file that counts because ``added_by`` has added it."""

    added_by: str
    kind: Kind
    mark: Mark | None


class WatchSet:
    """Everything that is watched."""

    def __init__(self, options: WatchOptions) -> None:
        self._options = options
        self.root = options.root
        outside = [each for each in options.extra if each.startswith(("/", "..", "~"))]
        places = [os.path.normpath(os.path.join(self.root, os.path.expanduser(each))) for each in outside]
        self._rule = Rule(self.root, options.environment, [each for each in options.extra if each not in outside])
        self.ignores = Ignores(self.root, options.ignore, options.extra)
        self._tops = [self.root, *(place for place in places if os.path.isdir(place))]
        self._added: dict[str, _AddedFile] = {}
        self._link_folders: set[str] = set()  # folders elsewhere that hold the targets of links
        self.source: EventSource = NoEvents()
        self._mounts = Mounts.read()
        self.polled: list[Mount] = []
        self.exhausted: OSError | None = None
        self.tree = Tree(self.root, self._rule, self.ignores, self._enter, self._leave)
        self.add_files("extra", Kind.CODE, [place for place in places if place not in self._tops])
        environment = [
            os.path.normpath(os.path.join(self.root, name)) for name in options.environment or VARIABLE_FILES
        ]
        self.add_files("environment", Kind.ENVIRONMENT, environment)

    def open(self) -> None:
        """Choose the best event source, and scan everything once."""
        if self._options.how != "poll":
            try:
                self.source = _best_source(self._tops)
            except OSError as error:
                self.exhausted = error
        self._find_polled()
        self._enter_mounted_files()
        self._scan(self._tops)
        for path in self._added:
            self._enter_parent(path)

    def _find_polled(self) -> None:
        if self._options.how == "poll" or self.exhausted is not None:
            self.polled = [Mount(top, self._mounts.of(top).kind) for top in self._tops]
        elif self._options.how == "events":
            self.polled = []
        else:
            self.polled = [mount for top in self._tops for mount in self._mounts.eventless_below(top)]

    def _enter_mounted_files(self) -> None:
        """Watch each mounted file by itself: its events do not reach the folder that it is mounted in."""
        for point in {point for top in self._tops for point, _ in self._mounts.within(top)}:
            if os.path.isfile(point):
                self._enter(point)

    # -- the tree's callbacks ------------------------------------------------------------------------------------------

    def _enter(self, folder: str) -> None:
        partial = any(folder == mount.point or folder.startswith(mount.point + "/") for mount in self.polled)
        try:
            self.source.add(folder, partial=partial)
        except OSError as error:
            if is_exhausted(error) and self.exhausted is None:
                self.exhausted = error
                self._find_polled()

    def _leave(self, folder: str) -> None:
        self.source.drop(folder)

    def _enter_parent(self, path: str) -> None:
        folder = os.path.dirname(path)
        if folder in self.tree.folders:
            return  # the tree watches it
        if not os.path.isdir(folder):  # the folder of a package that does not exist yet
            folder = os.path.dirname(folder)
        for each in {folder, os.path.dirname(os.path.realpath(path))}:
            if each not in self.tree.folders and os.path.isdir(each):
                self._enter(each)

    # -- files added from outside --------------------------------------------------------------------------------------

    def add_files(self, added_by: str, kind: Kind, paths: Iterable[str], *, more: bool = False) -> list[str]:
        """Watch these files too, wherever they are, and even if they are ignored, except by the user's own setting.

        They replace the files that ``added_by`` added before, or join them (``more``).

        Returns:
            The files that exist, and were not known until now.
        """
        before = self._added
        self._added = (
            dict(before) if more else {path: each for path, each in before.items() if each.added_by != added_by}
        )
        new = []
        for path in paths:
            if path in self._added or not _can_exist(path) or self.ignores.by_user(path):
                continue
            known = before.get(path)
            seen = known.mark if known else self.tree.files.get(path) or mark(path)
            self._added[path] = _AddedFile(added_by, kind, seen)
            if known is None:
                self._enter_parent(path)
                if seen and path not in self.tree.files:
                    new.append(path)
        return new

    def add_template_folders(self, folders: Iterable[str]) -> tuple[list[str], set[str]]:
        """Watch the templates in these folders; return the files that count now, and those that have changed."""
        new: list[str] = []
        changed: set[str] = set()
        for folder in self._rule.add_template_folders(folders):
            if folder in self.tree.folders:
                known = set(self.tree.files)
                found = self.tree.scan(folder)
                new += found - known
                changed |= found & known
        return new, changed

    def existing_files(self) -> list[str]:
        """Return all files that count and existed at the last scan."""
        added = (path for path, each in self._added.items() if each.mark and path not in self.tree.files)
        return [*self.tree.files, *added]

    def kind(self, path: str) -> Kind | None:
        """Return the kind of a file, if it counts now."""
        folder, _, name = path.rpartition("/")
        kind = self._rule.kind(folder, name)
        if path in self._added:
            return self._added[path].kind if kind in {None, Kind.STATIC} else kind  # a worker may read a style too
        if folder not in self.tree.folders and os.path.exists(folder):
            return None  # the folder is ignored
        return None if kind is None or self.ignores.file(path) else kind

    # -- scans ---------------------------------------------------------------------------------------------------------

    def last_mark(self, path: str) -> Mark | None:
        """Return one file's mark at the last scan."""
        added = self._added.get(path)
        return added.mark if added else self.tree.files.get(path)

    def refresh(self, path: str) -> Mark | None:
        """Return one file's mark now, and remember it."""
        now = self._present_mark(path)
        if (added := self._added.get(path)) is not None:
            self._added[path] = replace(added, mark=now)
        folder, _, name = path.rpartition("/")
        if now is None or os.path.isdir(path):
            self.tree.files.pop(path, None)
        elif folder in self.tree.folders and self._rule.kind(folder, name) is not None:
            self.tree.files[path] = now
        return now

    def has_changed(self, path: str) -> bool:
        """Whether a file has another mark than at the last scan."""
        return self._present_mark(path) != self.last_mark(path)

    def _present_mark(self, path: str) -> Mark | None:
        """Return one file's mark now; None if a folder has taken its place, unless something asks for this path."""
        now = mark(path)
        return None if now is not None and path not in self._added and os.path.isdir(path) else now

    def sweep(self) -> set[str]:
        """Scan everything; return the files that have changed."""
        mounts = Mounts.read()
        if mounts.table != self._mounts.table:
            self._mounts = mounts
            self._find_polled()
            self._enter_mounted_files()
        return self._scan(self._tops) | self._scan_added()

    def poll(self) -> set[str]:
        """Scan the mounts without events; return the files that have changed."""
        points = {mount.point for mount in self.polled}
        files = set(filter(os.path.isfile, points))
        changed = {path for path in files if self.kind(path) is not None and self.has_changed(path)}
        return changed | self._scan(points - files) | (self._scan_added() if self.polled else set())

    def _scan(self, tops: Iterable[str]) -> set[str]:
        changed = {path for top in tops for path in self.tree.scan(top)}
        for real in self.tree.links:
            self._enter_linked(real)
        return changed

    def _enter_linked(self, real: str) -> None:
        """Watch the folder of a link's target, which may be elsewhere."""
        folder = os.path.dirname(real)
        if folder not in self.tree.folders and folder not in self._link_folders and os.path.isdir(folder):
            self._link_folders.add(folder)
            self._enter(folder)

    def _scan_added(self) -> set[str]:
        for path in self._added:
            self._enter_parent(path)  # the folder may exist again
        return {path for path, added in self._added.items() if path not in self.tree.files and mark(path) != added.mark}

    # -- events --------------------------------------------------------------------------------------------------------

    def handle(self, event: FileEvent) -> tuple[set[str], bool]:
        """Return the files that this event may have changed; and whether everything has to be scanned."""
        event_type, path = event
        if event_type is EventType.OVERFLOW:
            return set(), True
        if event_type is EventType.MOUNTS_CHANGED:
            now = Mounts.read()
            return set(), any(self._mounts.within(top) != now.within(top) for top in self._tops)
        if event_type is EventType.FOLDER_LOST:
            if path in self._tops:
                # Its replacement gets watches of its own; the watches of a folder that was moved report wrong paths.
                for folder in self.tree.folders:
                    self.source.drop(folder)
            self._link_folders.discard(path)
            return set(), path not in self.tree.folders or path in self._tops
        if event_type is EventType.FOLDER_ADDED:
            return self._folder_added(path) | self._added_below(path), False
        if event_type is EventType.FOLDER_REMOVED:
            return self.tree.forget(path) | {each for each in self._added if each.startswith(path + "/")}, False
        return self._handle_file(event_type, path)

    def _handle_file(self, event_type: EventType, path: str) -> tuple[set[str], bool]:
        folder, _, name = path.rpartition("/")
        if name == ".gitignore" and folder in self.tree.folders:
            self.ignores.enter(folder)
            return set(), True
        if folder not in self._tops and is_another_place(folder, {name}):
            self.tree.forget(folder)
            return set(), False
        paths = {link for link in (self.tree.links.get(path),) if link}
        if path in self._added or (folder in self.tree.folders and self._rule.kind(folder, name) is not None):
            paths.add(path)
            if os.path.islink(path):  # it may be new, or lead to another file than before
                self.tree.links[os.path.realpath(path)] = path
                self._enter_linked(os.path.realpath(path))
        elif event_type is EventType.DELETED:
            if path in self.tree.folders:  # a linked folder: the kernel reports its link as a file
                return self.tree.forget(path), False
        elif os.path.islink(path) and os.path.isdir(path):
            # The link now leads to another folder than before.
            return self.tree.forget(path) | self._folder_added(path), False
        return paths, False

    def _added_below(self, folder: str) -> set[str]:
        """Return the added files that exist now with this folder, which may itself be ignored."""
        below = [path for path in self._added if path.startswith(folder + "/")]
        for path in below:
            self._enter_parent(path)
        return {path for path in below if os.path.exists(path)}

    def _folder_added(self, folder: str) -> set[str]:
        parent, _, name = folder.rpartition("/")
        if name in ENVIRONMENT_MARKERS and parent not in self._tops:  # the folder above is an environment since now
            self.tree.forget(parent)
            return set()
        if parent not in self.tree.folders or not self.tree.counts(folder):
            return set()
        return self._scan([folder])


def _can_exist(path: str) -> bool:
    """Whether a file may have this path: a project can try to open any text."""
    try:
        return "\0" not in path and bool(os.fsencode(path))
    except UnicodeEncodeError:  # a lone surrogate
        return False


def _best_source(tops: list[str], platform: str = sys.platform) -> EventSource:
    if platform == "linux":
        return Inotify()
    try:
        from appliance.watch.watchfiles_source import WatchfilesSource  # noqa: PLC0415  its library is installed on macOS only
    except ImportError as error:
        raise OSError(errno.ENOSYS, str(error)) from None
    return WatchfilesSource(tops)
