"""The environments of the cache over time: which are in use, and which go.

Owns the two files beside an environment: ``KEY.lock``, held by whoever makes it, and ``KEY.used``, held by whoever
runs it, and touched whenever somebody begins to. Must not know how an environment is made. Runs in the supervisor and
the commands, which use, and in ``appliance install``, which makes and prunes.

A volume may be shared by containers: flock(2) counts between them, since it is the file's own. The two locks are apart,
or an installer would wait for ever for the one who runs what it wants to look at.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.environment.environment_folder import LEVELS, MARK
from appliance.ownership import OPEN, open_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEPT = 10  # of one project's path: each change of its dependencies makes one
UNUSED_S = 30 * 86_400


@contextmanager
def making(environment: Path, report: Callable[[str], None]) -> Iterator[int]:
    """One installation of an environment at a time, on this volume; the descriptor is for what it starts to inherit."""
    with open_folder(str(environment.parent), LEVELS, make=OPEN) as folder:
        descriptor = folder.open(f"{environment.name}.lock", os.O_RDWR | os.O_CREAT)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another installation of the same environment")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


class Use:
    """The environment that a process runs, or has others run: while it is held nobody prunes it."""

    def __init__(self) -> None:
        self._descriptor = -1

    def hold(self, environment: Path) -> None:
        """Hold this one from now on, and let go of the one before."""
        before, self._descriptor = self._descriptor, -1
        # A cache that can't be written is nobody's error here: what is in it is whole.
        with contextlib.suppress(OSError):
            (environment / MARK).stat()  # ours: beside a project's own .venv, or an interpreter, nothing is written
            with open_folder(str(environment.parent), LEVELS) as folder:
                self._descriptor = folder.open(f"{environment.name}.used", os.O_RDWR | os.O_CREAT)
            os.utime(self._descriptor)
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if before >= 0:
            os.close(before)


def prune(environments: Path, project: Path, now: float | None = None) -> list[Path]:
    """Remove what has not been used for long, or is one too many of this project's; what is in use stays.

    Returns:
        What was removed.
    """
    moment = time.time() if now is None else now
    folders = (each for each in environments.iterdir() if each.is_dir() and not each.is_symlink())
    found = sorted(folders, key=_last_use, reverse=True)
    own = [entry for entry in found if _project(entry) == str(project)]
    surplus = set(own[KEPT:])
    gone = [entry for entry in found if entry in surplus or moment - _last_use(entry) > UNUSED_S]
    return [entry for entry in gone if _remove(entry)]


def _last_use(environment: Path) -> float:
    for file in (environment.with_suffix(".used"), environment):
        with contextlib.suppress(OSError):
            return file.stat().st_mtime
    return 0.0


def _project(environment: Path) -> str:
    try:
        told = json.loads((environment / MARK).read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    return str(told.get("project")) if isinstance(told, dict) else ""


def _remove(environment: Path) -> bool:
    with contextlib.ExitStack() as held:
        try:
            folder = held.enter_context(open_folder(str(environment.parent), LEVELS))
            for suffix in ("lock", "used"):
                descriptor = folder.open(f"{environment.name}.{suffix}", os.O_RDWR | os.O_CREAT)
                held.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False  # somebody makes or runs it
        # The mark first: a removal that is cut short leaves nothing that is taken for whole.
        (environment / MARK).unlink(missing_ok=True)
        shutil.rmtree(environment, ignore_errors=True)
        environment.with_suffix(".used").unlink(missing_ok=True)
    return True
