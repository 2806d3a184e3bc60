"""Decide which saves of files that browsers load need another worker, and tell the open pages about the saves.

A worker reads such a file at each request, so a save needs no restart. But a server of static files may list their
folder when it starts (WhiteNoise does), and keep the size and date of each file. Such a server sends a saved file cut
to its old size. So this save restarts the worker, and the open pages load the file from the next worker. Runs in the
supervisor's loop.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SAVED_MOST = 100  # files whose change is sent to open pages at once
LISTED_MOST = 1000  # folders of one worker


class StaticSaves:
    """The saves of one project's static files.

    Args:
        publish: tells the open pages that these files were saved.
    """

    def __init__(self, publish: Callable[[list[str]], None]) -> None:
        self._publish = publish
        self._listed: frozenset[str] = frozenset()
        self._published: dict[str, tuple[str, float]] = {}  # of each file: its absolute path, and when it was saved
        self._awaited: dict[str, None] = {}  # files that open pages load from the next worker

    def saved(self, files: Mapping[str, str]) -> list[str]:
        """Tell the open pages of saved files; return those that need another worker first.

        Args:
            files: the absolute path of each file, by the path that pages receive.
        """
        kept = [path for path, absolute in files.items() if self._is_listed(absolute)]
        served = [path for path in files if path not in kept][:SAVED_MOST]
        now = time.monotonic()
        for path in served:
            self._published.pop(path, None)
            self._published[path] = (files[path], now)
        for path in list(self._published)[:-SAVED_MOST]:
            del self._published[path]
        self._await(kept)
        if served:
            self._publish(served)
        return kept

    def listed(self, folders: Iterable[str], *, more: bool, since: float) -> list[str]:
        """Note the folders that a worker's start has listed; return the files in them that were saved since that start.

        Args:
            folders: absolute paths.
            more: add these folders to the known ones, instead of replacing them.
            since: when the start began, on CLOCK_MONOTONIC.
        """
        found = frozenset(list(map(str, folders))[:LISTED_MOST])
        self._listed = self._listed | found if more else found
        late = [path for path, (file, at) in self._published.items() if at >= since and self._is_listed(file)]
        self._await(late)
        for path in late:
            del self._published[path]
        return late

    def serving(self) -> None:
        """Tell the open pages about the files that waited for a new worker: it serves now."""
        if self._awaited:
            awaited, self._awaited = list(self._awaited), {}
            self._publish(awaited)

    def _await(self, paths: Iterable[str]) -> None:
        self._awaited |= dict.fromkeys(paths)
        for path in list(self._awaited)[:-SAVED_MOST]:
            del self._awaited[path]

    def _is_listed(self, file: str) -> bool:
        return file.rpartition("/")[0] in self._listed
