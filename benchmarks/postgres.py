"""A PostgreSQL server for benchmarks and tests, in a folder of its own, reached by a socket."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "shop"


def _programs() -> list[Path]:
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def is_installed() -> bool:
    """Whether there is a PostgreSQL of Debian's packages."""
    return bool(_programs())


@contextmanager
def cluster() -> Iterator[str]:
    """Run a server until the block ends; its socket is in the folder. ``shop`` may do everything in ``postgres``."""
    folder = tempfile.mkdtemp(prefix="postgres-", dir="/tmp")  # a socket's path must be short
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())  # it refuses root
    os.chown(folder, owner.pw_uid, owner.pw_gid)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(_programs()[-1] / program), "-D", f"{folder}/data", *arguments],
            check=True, timeout=60, user=owner.pw_uid, group=owner.pw_gid, cwd=folder, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    try:
        run("initdb", "-U", USER, "--auth=trust", "--no-sync", "-E", "UTF8", "--no-locale")
        run("pg_ctl", "-w", "-o", f"-k {folder} -c listen_addresses= -c fsync=off", "-l", f"{folder}/log", "start")
        try:
            yield folder
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
