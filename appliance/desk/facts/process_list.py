"""List the processes of the appliance and their descendants with their memory, from the kernel's files (proc(5)).

PSS counts a page that n processes share as an n-th of it, so the sum is what all of them need. USS is what would be
free if this process ended. Both are unknown for a process whose map another user may not read; RSS is always known.
Without ``/proc`` (macOS) there are no sizes.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROC = Path("/proc")
_LINE = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)
_DEPTH = 16
_KIB = 1024


def process_list(
    known: Iterable[Mapping[str, Any]], supervisor: int, uptime_s: float, proc: Path = PROC
) -> list[dict[str, Any]]:
    """Return the supervisor, its children and all their descendants, each with its memory in bytes.

    ``of``: the process of ours that a descendant belongs to; None for our own.

    Args:
        known: the children, as the supervisor's status has them.
        supervisor: its process id.
        uptime_s: of the supervisor.
        proc: where the kernel's files are.
    """
    own = {"role": "supervisor", "pid": supervisor, "generation": None, "state": "ready", "age_s": uptime_s}
    found = [own, *(dict(each) for each in known)]
    below: dict[int, list[dict[str, Any]]] = {}
    for each in _descendants(proc, {each["pid"] for each in found}):
        below.setdefault(each["of"], []).append(each)
    listed = [each for one in found for each in ({**one, "of": None}, *below.get(one["pid"], ()))]
    return [{**each, **memory(each["pid"], proc)} for each in listed]


def memory(pid: int, proc: Path = PROC) -> dict[str, int | None]:
    """Return the memory of a process: ``pss``, ``uss`` and ``rss`` in bytes, ``threads``; None if it is not known."""
    status = _numbers(proc / str(pid) / "status")
    sizes = _numbers(proc / str(pid) / "smaps_rollup")
    private = [sizes[name] for name in ("Private_Clean", "Private_Dirty", "Private_Hugetlb") if name in sizes]
    return {
        "pss": _bytes(sizes.get("Pss")),
        "uss": _bytes(sum(private)) if private else None,
        "rss": _bytes(status.get("VmRSS")),
        "threads": _threads(proc / str(pid) / "task"),
    }


def total(processes: Iterable[Mapping[str, Any]]) -> int | None:
    """Return the memory of all these processes, in bytes; None if no size is known. RSS stands for an unknown PSS."""
    sizes = [each["pss"] if each["pss"] is not None else each["rss"] for each in processes]
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def _descendants(proc: Path, roots: set[int]) -> list[dict[str, Any]]:
    """Return the descendants of these processes, without these themselves, each with its name and its age."""
    parents: dict[int, tuple[int, str, float]] = {}
    try:
        names = [name for name in os.listdir(proc) if name.isdigit()]  # noqa: PTH208  a path is slower
        uptime = float((proc / "uptime").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return []
    ticks = os.sysconf("SC_CLK_TCK")
    for name in names:
        try:
            head, _, rest = (proc / name / "stat").read_bytes().rpartition(b")")
            fields = rest.split()
            title = head.partition(b"(")[2].decode("utf-8", "replace")
            parents[int(name)] = (int(fields[1]), title, uptime - int(fields[19]) / ticks)
        except (OSError, ValueError, IndexError):
            continue  # it has ended
    return [
        {"role": title, "pid": pid, "of": root, "generation": None, "state": "", "age_s": round(max(age, 0.0), 3)}
        for pid, (_, title, age) in sorted(parents.items())
        if pid not in roots and (root := _root_of(pid, roots, parents))
    ]


def _root_of(pid: int, roots: set[int], parents: Mapping[int, tuple[int, str, float]]) -> int:
    """Return the nearest ancestor that is one of the roots; 0 if there is none."""
    for _ in range(_DEPTH):
        if pid not in parents:
            return 0
        pid = parents[pid][0]
        if pid in roots:
            return pid
    return 0


def _numbers(file: Path) -> dict[str, int]:
    try:
        return {name: int(number) for name, number in _LINE.findall(file.read_text(encoding="utf-8", errors="replace"))}
    except OSError:
        return {}


def _threads(folder: Path) -> int | None:
    try:
        return len(os.listdir(folder))  # noqa: PTH208  as above
    except OSError:
        return None


def _bytes(kib: int | None) -> int | None:
    return None if kib is None else kib * _KIB
