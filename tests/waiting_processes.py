"""The waits of processes, as the kernel reports them: all that can be seen of a process that hangs."""

from __future__ import annotations

import contextlib
from pathlib import Path

PROC = Path("/proc")


def waiting_below(top: int) -> list[str]:
    """A line for each thread of this process and of those below it: its state, and what it waits in."""
    parents: dict[int, int] = {}
    for folder in PROC.iterdir() if PROC.is_dir() else ():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                parents[int(folder.name)] = int(_stat(folder)[1])
    found = [top]
    for pid in found:  # it grows meanwhile
        found += [child for child, parent in parents.items() if parent == pid]
    return [line for pid in found for line in _threads(PROC / str(pid))]


def _threads(process: Path) -> list[str]:
    lines = []
    with contextlib.suppress(OSError):
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[-100:]
        for thread in sorted((process / "task").iterdir()):
            state, *_ = _stat(thread)
            waits = (thread / "wchan").read_text(encoding="ascii")
            lines.append(f"{process.name}/{thread.name} {state} {waits} {command}")
    return lines


def _stat(folder: Path) -> list[str]:
    """The fields after the name, which may hold any characters (proc_pid_stat(5))."""
    return (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
