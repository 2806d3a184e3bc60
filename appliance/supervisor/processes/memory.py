"""Find out whether the kernel killed a process for lack of memory, and at which limit, from the control group's counts.

This module does not know which process was killed. Runs in the supervisor; it reads two small files when a child was
killed, and once at the start.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_NO_LIMIT = 2**60  # version 1 uses a huge number for "none"
_BURST_S = 1.0  # kills of one shortage come within this time


class Memory:
    """The counts since the last question.

    Args:
        groups: where the control groups are mounted.
        own: the file that names our group; in a container with its own namespace that is the root.
    """

    def __init__(self, groups: Path = _GROUPS, own: Path = Path("/proc/self/cgroup")) -> None:
        self._counts, self._limits = _files(groups, own)
        self._kills = self._count()
        self._unexplained = 0  # kills that have not explained a child's death yet
        self._rose_at = 0.0

    def killed(self) -> str:
        """Describe how the kernel has killed since the last question; empty if it has not.

        Each kill explains one death: the kernel can kill a preloader and a worker before we ask about the first.
        """
        before, self._kills = self._kills, self._count()
        now = time.monotonic()
        if self._kills > before:
            self._unexplained, self._rose_at = self._kills - before, now
        if not self._unexplained or now - self._rose_at > _BURST_S:
            return ""
        self._unexplained -= 1
        limit = _read(self._limits).strip()
        size = f"; the limit is {int(limit) / 2**20:.0f} MiB" if limit.isdigit() and int(limit) < _NO_LIMIT else ""
        return f"out of memory{size}"

    def use(self) -> tuple[int, int] | None:
        """Return the bytes in use, and the limit; None without a limit."""
        limit = _read(self._limits).strip()
        names = {"memory.max": "memory.current", "memory.limit_in_bytes": "memory.usage_in_bytes"}
        used = _read(self._limits.with_name(names[self._limits.name])).strip()
        return (int(used), int(limit)) if used.isdigit() and limit.isdigit() and int(limit) < _NO_LIMIT else None

    def _count(self) -> int:
        found = re.search(r"^oom_kill (\d+)$", _read(self._counts), re.MULTILINE)
        return int(found[1]) if found else 0


def _files(groups: Path, own: Path) -> tuple[Path, Path]:
    """Return the files of the counts and of the limit, of version 2 or 1."""
    lines = [line.split(":", 2) for line in _read(own).splitlines() if line.count(":") >= 2]
    unified = next((path for _, names, path in lines if not names), "/")
    older = next((path for _, names, path in lines if "memory" in names.split(",")), "/")
    for folder in (groups / unified.lstrip("/"), groups):
        if (folder / "memory.events").is_file():
            return folder / "memory.events", folder / "memory.max"
    first = groups / "memory"
    folder = first / older.lstrip("/") if (first / older.lstrip("/") / "memory.oom_control").is_file() else first
    return folder / "memory.oom_control", folder / "memory.limit_in_bytes"


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
