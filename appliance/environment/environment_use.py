"""Lock the environments of the cache, and remove those that are no longer used.

Two files stand beside an environment. The process that creates it holds ``KEY.lock``. A process that runs it holds
``KEY.used``, and touches that file when it begins.

Containers may share a volume: flock(2) works between them, because the lock belongs to the file itself. The two locks
are separate, because otherwise an installer would wait forever for a process that runs the environment it checks.
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

from appliance.conventions import COMPLETE_MARK
from appliance.ownership import LEVELS, OPEN, open_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEPT = 10  # environments of one project's path: each change of its dependencies creates one
UNUSED_S = 30 * 86_400


@contextmanager
def installation_lock(environment: Path, report: Callable[[str], None]) -> Iterator[int]:
    """Hold the lock for an installation, one at a time on this volume; yield the descriptor, which children inherit."""
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


class EnvironmentUse:
    """The environment that a process runs, directly or in children: nobody prunes it while this is held."""

    def __init__(self) -> None:
        self._descriptor = -1
        self._environment: Path | None = None

    def hold(self, environment: Path) -> None:
        """Hold this environment, and release the one before. Each start of a worker calls this: most change nothing."""
        if environment == self._environment and self._touch():
            return
        before, self._descriptor, self._environment = self._descriptor, -1, environment
        # A cache that can't be written is not an error here: its environments are complete.
        with contextlib.suppress(OSError):
            # Only our environments have it: nothing is written beside a project's .venv or an interpreter.
            (environment / COMPLETE_MARK).stat()
            with open_folder(str(environment.parent), LEVELS) as folder:
                self._descriptor = folder.open(f"{environment.name}.used", os.O_RDWR | os.O_CREAT)
            os.utime(self._descriptor)
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if before >= 0:
            os.close(before)

    def _touch(self) -> bool:
        """Touch the lock's file; return whether it is still there."""
        if self._descriptor < 0:
            return False
        with contextlib.suppress(OSError):
            os.utime(self._descriptor)
            return os.fstat(self._descriptor).st_nlink > 0
        return False


def prune(environments: Path, project: Path, now: float | None = None) -> list[Path]:
    """Remove environments that were not used for a long time, or exceed the number for this project; keep those in use.

    Returns:
        The environments that were removed.
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
        data = json.loads((environment / COMPLETE_MARK).read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    return str(data.get("project")) if isinstance(data, dict) else ""


def _remove(environment: Path) -> bool:
    with contextlib.ExitStack() as held:
        try:
            folder = held.enter_context(open_folder(str(environment.parent), LEVELS))
            for suffix in ("lock", "used"):
                descriptor = folder.open(f"{environment.name}.{suffix}", os.O_RDWR | os.O_CREAT)
                held.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False  # a process creates or runs it
        # The marker first: an interrupted removal must not leave an environment that seems complete.
        (environment / COMPLETE_MARK).unlink(missing_ok=True)
        shutil.rmtree(environment, ignore_errors=True)
        environment.with_suffix(".used").unlink(missing_ok=True)
    return True
