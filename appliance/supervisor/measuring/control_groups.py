"""Find this process's control group, of version 2 or 1, and read its files.

Runs in the supervisor, which reads a few small files at its start, and some of them again later.
"""

from __future__ import annotations

from pathlib import Path

CONTROL_GROUPS = Path("/sys/fs/cgroup")  # where they are mounted
OWN_GROUP = Path("/proc/self/cgroup")  # the file that names our group; in a container, mostly the root


def own_paths(own: Path, controller: str) -> tuple[str, str]:
    """Return the path of our group in version 2, and in the hierarchy of a controller in version 1; "/" if unknown."""
    lines = [line.split(":", 2) for line in read(own).splitlines() if line.count(":") >= 2]
    unified = next((path for _, names, path in lines if not names), "/")
    return unified, next((path for _, names, path in lines if controller in names.split(",")), "/")


def read(file: Path) -> str:
    """Return the text of a small file of the kernel; "" if it can't be read."""
    try:
        return file.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
