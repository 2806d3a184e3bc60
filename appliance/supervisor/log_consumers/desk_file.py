"""Choose the file of the desk's database in this user's cache: one for each project and each running appliance.

Containers may share a cache volume, and each has its project in the same folder. So the file is named after the folder
of the host that is mounted there too: a pinned request of one project must never be sent to another. Two containers of
one project may run at once: a file is locked as long as its appliance runs, and the next appliance takes the next one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from typing import TYPE_CHECKING, Self

from appliance.protocol.record import Record
from appliance.watch.mounts import Mounts

if TYPE_CHECKING:
    from pathlib import Path

_AT_ONCE = 64
# What engines name the volume of one container: an anonymous volume of Docker's, the folder of a Pod.
_PASSING = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


class DeskFile(Record):
    """The database of this appliance; ``lock`` is the descriptor that holds it."""

    path: Path
    lock: int

    @classmethod
    def claim(cls, folder: Path, project: str) -> Self:
        """Take the first file that no other appliance has.

        Raises:
            OSError: no file can be made, or too many appliances run.
        """
        mounted = _PASSING.sub("", Mounts.read().of(project).root).rstrip("/")
        name = hashlib.sha256(os.fsencode(f"{project}\0{mounted}" if mounted else project)).hexdigest()[:16]
        for number in range(1, _AT_ONCE + 1):
            path = folder / (f"{name}.sqlite3" if number == 1 else f"{name}-{number}.sqlite3")
            lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            except OSError:
                os.close(lock)
                raise
            else:
                return cls(path, lock)
        raise BlockingIOError(f"{_AT_ONCE} appliances record this project")
