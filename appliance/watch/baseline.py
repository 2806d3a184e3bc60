"""Read the contents of files that have not changed, a few at a time: a later save is compared with them.

Runs in the watcher's thread, between bursts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from appliance.watch.file_contents import YOUNG_NS
from appliance.watch.kinds import Kind

if TYPE_CHECKING:
    from appliance.watch.file_contents import FileContents
    from appliance.watch.watch_set import WatchSet

BATCH: Final = 50  # files to read between two checks for events


class Baseline:
    """The files whose contents will be read.

    Args:
        contents: keeps a digest of each.
        watch_set: knows the kind and the last mark of each file.
    """

    def __init__(self, contents: FileContents, watch_set: WatchSet) -> None:
        self._contents = contents
        self._watch_set = watch_set
        self._unread: list[str] = []
        self._young: list[str] = []  # these files are read when they are older
        self._young_due = math.inf

    def begin(self, paths: list[str]) -> None:
        """Take the files that exist when the watch begins."""
        self._contents.add_unread(paths)
        # There may be many large images: the first save of an image counts, and its former content is not compared.
        self._unread = [path for path in paths if self._watch_set.kind(path) is not Kind.STATIC]

    def add(self, paths: list[str]) -> None:
        """Take more files, which are watched from now on."""
        self._contents.add_unread(paths)
        self._unread += paths

    def due(self, next_batch: float) -> float:
        """Return when to read: at ``next_batch`` if there is something to read now."""
        return next_batch if self._unread else self._young_due

    def read_some(self, now: float) -> None:
        """Read a few files; those that are too young come again later."""
        if not self._unread:
            self._unread, self._young, self._young_due = self._young, [], math.inf
        marks = ((path, self._watch_set.last_mark(path)) for path in self._unread[-BATCH:])
        if young := [path for path, seen in marks if seen is not None and not self._contents.record(path, seen)]:
            self._young += young
            self._young_due = min(self._young_due, now + YOUNG_NS / 1e9)
        del self._unread[-BATCH:]
