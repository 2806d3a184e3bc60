"""Follow an installation: how many packages are fetched and installed, how many bytes, and what is being built.

uv prints how many packages it has resolved, each large download, and the end of each step. In between, the number of
packages that are fetched is the number of new folders in uv's archive: uv unpacks each package into one of its own.
Runs in ``appliance install``; the supervisor runs in its loop only what reads and keeps the last duration.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
import time
from typing import TYPE_CHECKING, Any

from appliance.environment.environment_folder import read_note, write_note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

LOOK_S = 0.3  # between two looks at uv's archive
_BUSY_MAX = 5  # names of packages that are downloaded or built, as a page shows them
_ARCHIVE = "archive-v0"
_UNPACKING = ".tmp"
_REST = 20  # looking at thousands of files takes a twentieth of the time at most
_DAY_S = 86_400
_COUNT = re.compile(r"(?P<what>Resolved|Prepared|Installed) (?P<count>\d{1,6}) packages? in ")
_DOWNLOAD = re.compile(r"\s*Downloading (?P<name>\S{1,200}) \((?P<size>\d{1,8}(?:\.\d{1,6})?)\s?(?P<unit>[KMGT]?i?B)\)")
_BUILD = re.compile(r"\s*Building (?P<name>\S{1,200})")
_ENDED = re.compile(r"\s*(?:Downloaded|Built) (?P<name>\S{1,200})")
_UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}


class InstallProgress:
    """The state of one installation.

    Args:
        cache: uv's cache folder.
        report: receives the state after each change: JSON values by name (see ``state``).
    """

    def __init__(self, cache: Path, report: Callable[[dict[str, Any]], None]) -> None:
        self._cache = cache
        self._archive = cache / _ARCHIVE
        self._report = report
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._before = self._archived()
        self._left = set(_unpacking(cache))  # by an installation that was killed
        self._step = "resolving"
        self._total = self._fetched = self._installed = 0
        self._unpacked = 0  # bytes
        self._sizes: dict[str, int] = {}  # of the large downloads
        self._busy: dict[str, None] = {}
        self._last: dict[str, Any] = {}

    def line(self, line: str) -> None:
        """Take one line of uv's output."""
        with self._lock:
            if found := _COUNT.match(line):
                self._step_ended(found["what"], int(found["count"]))
            elif found := _DOWNLOAD.match(line):
                self._sizes[found["name"]] = round(float(found["size"]) * _UNITS.get(found["unit"], 1))
                self._busy[found["name"]] = None
            elif found := _BUILD.match(line):
                self._busy[found["name"]] = None
            elif found := _ENDED.match(line):
                self._busy.pop(found["name"], None)
            else:
                return
        self._report_state()

    def _step_ended(self, step: str, count: int) -> None:
        if step == "Resolved":
            self._step, self._total = "fetching", count
        elif step == "Prepared":
            self._step, self._fetched = "installing", count
            self._busy.clear()
        else:
            self._step, self._installed = "finishing", count

    def state(self) -> dict[str, Any]:
        """Return the state.

        ``step`` (resolving, fetching, installing, finishing), ``total`` (packages, 0 while unknown), ``fetched`` and
        ``installed`` of them, ``bytes`` and ``bytes_fetched`` of the large downloads, ``busy`` (packages that are
        downloaded or built now), ``bytes_unpacked`` (of the packages that are being downloaded).
        """
        with self._lock:
            sizes = self._sizes.items()
            return {
                "step": self._step,
                "total": self._total,
                "fetched": self._fetched,
                "installed": self._installed,
                "bytes": sum(size for _, size in sizes),
                "bytes_fetched": sum(size for name, size in sizes if name not in self._busy),
                "busy": list(self._busy)[:_BUSY_MAX],
                "bytes_unpacked": self._unpacked if self._step == "fetching" and self._busy else 0,
            }

    def follow(self) -> None:
        """Look at uv's archive until ``end`` is called, in a thread; if there can be none, only uv's lines count."""
        with contextlib.suppress(RuntimeError, MemoryError):
            threading.Thread(target=self._follow, name="install-progress", daemon=True).start()

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()

    def _follow(self) -> None:
        pause = LOOK_S
        while not self._ended.wait(pause):
            began = time.monotonic()
            if self._step == "fetching":
                self._look()
            self._report_state()
            pause = max(LOOK_S, (time.monotonic() - began) * _REST)

    def _look(self) -> None:
        fetched = self._archived() - self._before
        unpacked = _size_of(set(_unpacking(self._cache)) - self._left)
        with self._lock:
            if self._step == "fetching":  # still
                self._fetched = max(0, min(fetched, self._total))
                self._unpacked = unpacked

    def _report_state(self) -> None:
        state = self.state()
        if state != self._last:
            self._last = state
            self._report(state)

    def _archived(self) -> int:
        try:
            return sum(1 for name in os.listdir(self._archive) if not name.startswith("."))  # noqa: PTH208  thousands
        except OSError:
            return 0


def _unpacking(cache: Path) -> list[str]:
    """Return the folders that uv unpacks downloads into while they arrive."""
    with contextlib.suppress(OSError):  # there is no cache yet
        return [entry.path for entry in os.scandir(cache) if entry.name.startswith(_UNPACKING) and entry.is_dir()]
    return []


def _size_of(folders: Iterable[str]) -> int:
    """Return how many bytes are in these folders."""
    size, found = 0, list(folders)
    with contextlib.suppress(OSError):  # uv has moved a folder to its archive
        while found:
            for entry in os.scandir(found.pop()):
                if entry.is_dir(follow_symlinks=False):
                    found.append(entry.path)
                else:
                    size += entry.stat(follow_symlinks=False).st_size
    return size


def last_duration_s(environments: Path, project: Path) -> float:
    """Return how long the last complete installation of this project took; 0 if unknown."""
    try:
        known = float(read_note(environments, _name(project)))
    except ValueError:
        return 0.0
    return known if 0 < known < _DAY_S else 0.0


def keep_duration(environments: Path, project: Path, duration_s: float) -> None:
    """Keep the duration of an installation for the next one's page, beside the environments."""
    with contextlib.suppress(OSError):  # the cache is full or closed: the next page says nothing of the last time
        write_note(environments, _name(project), f"{duration_s:.1f}".encode())


def _name(project: Path) -> str:
    return hashlib.sha256(os.fsencode(str(project))).hexdigest()[:20] + ".duration"
