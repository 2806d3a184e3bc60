"""Find out whether the kernel killed a process for lack of memory, and at which limit; and whether memory is short.

The sources are the counts and limits of the control group, and those of the machine. This module does not know which
process was killed. Runs in the supervisor, which reads a few small files when a child was killed, and when the status
is asked for.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from appliance.supervisor.measuring.control_groups import CONTROL_GROUPS, OWN_GROUP, own_paths, read

_MACHINE = Path("/proc/meminfo")
_NO_LIMIT = 2**60  # version 1 uses a huge number for "none"
_BURST_S = 1.0  # kills of one shortage come within this time
_RESERVE = 128 * 2**20  # bytes that must be left; for a small limit, a tenth of it


class Memory:
    """The counts since the last question.

    Args:
        groups: where the control groups are mounted.
        own: the file that names our group; in a container with its own namespace that is the root.
        machine: what the kernel says of the whole machine's memory.
    """

    def __init__(self, groups: Path = CONTROL_GROUPS, own: Path = OWN_GROUP, machine: Path = _MACHINE) -> None:
        self._machine = machine
        self._counts, self._limits = _files(groups, own)
        self._kills = self._count()
        self._unexplained = 0  # kills that have not explained a child's death yet
        self._rose_at = 0.0

    def describe_kill(self) -> str:
        """Describe the out-of-memory kill since the last call; empty if there was none.

        Each kill explains one death: the kernel can kill a preloader and a worker before we ask about the preloader.
        """
        before, self._kills = self._kills, self._count()
        now = time.monotonic()
        if self._kills > before:
            self._unexplained, self._rose_at = self._kills - before, now
        if not self._unexplained or now - self._rose_at > _BURST_S:
            return ""
        self._unexplained -= 1
        limit = read(self._limits).strip()
        size = f"; the limit is {int(limit) / 2**20:.0f} MiB" if limit.isdigit() and int(limit) < _NO_LIMIT else ""
        return f"out of memory{size}"

    def use(self) -> tuple[int, int] | None:
        """Return the bytes in use, and the limit; None without a limit."""
        limit = read(self._limits).strip()
        names = {"memory.max": "memory.current", "memory.limit_in_bytes": "memory.usage_in_bytes"}
        used = read(self._limits.with_name(names[self._limits.name])).strip()
        return (int(used), int(limit)) if used.isdigit() and limit.isdigit() and int(limit) < _NO_LIMIT else None

    def shortage(self) -> str:
        """Say how little memory is left for processes that only save time; empty if there is enough."""
        known = dict(re.findall(r"^(\w+): +(\d+) kB$", read(self._machine), re.MULTILINE))
        amounts = [(int(known.get("MemAvailable", 0)) * 1024, int(known.get("MemTotal", 0)) * 1024), self._group()]
        left = [free for free, limit in amounts if limit and free < min(_RESERVE, limit // 10)]
        return f"{max(0, min(left)) / 2**20:.0f} MiB of memory is left" if left else ""

    def _group(self) -> tuple[int, int]:
        """Return the bytes that are left below the group's limit, and the limit; zeros without one."""
        unified = self._limits.name == "memory.max"
        files = [self._limits, self._limits.with_name("memory.high" if unified else "memory.soft_limit_in_bytes")]
        limits = [int(text) for text in (read(file).strip() for file in files) if text.isdigit()]
        limit = min((each for each in limits if each < _NO_LIMIT), default=0)
        used = read(self._limits.with_name("memory.current" if unified else "memory.usage_in_bytes")).strip()
        # Files that nobody uses now are given up by the kernel before anything else.
        name = "inactive_file" if unified else "total_inactive_file"
        spare = re.search(rf"^{name} (\d+)$", read(self._limits.with_name("memory.stat")), re.MULTILINE)
        return (limit - int(used) + (int(spare[1]) if spare else 0), limit) if limit and used.isdigit() else (0, 0)

    def _count(self) -> int:
        found = re.search(r"^oom_kill (\d+)$", read(self._counts), re.MULTILINE)
        return int(found[1]) if found else 0


def _files(groups: Path, own: Path) -> tuple[Path, Path]:
    """Return the files of the counts and of the limit, of version 2 or 1."""
    unified, older = own_paths(own, "memory")
    for folder in (groups / unified.lstrip("/"), groups):
        if (folder / "memory.events").is_file():
            return folder / "memory.events", folder / "memory.max"
    first = groups / "memory"
    folder = first / older.lstrip("/") if (first / older.lstrip("/") / "memory.oom_control").is_file() else first
    return folder / "memory.oom_control", folder / "memory.limit_in_bytes"
