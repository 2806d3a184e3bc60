"""A PostgreSQL server of the tests, in a folder of its own, reached by a socket."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.releases import not_run

USER = "shop"


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """The folder of the server's socket; the user ``shop`` may do everything in the database ``postgres``."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        not_run("there is no PostgreSQL in /usr/lib/postgresql")
    folder = tempfile.mkdtemp(prefix="postgres-", dir="/tmp")  # a socket's path must be short
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())  # it refuses root
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    data = f"{folder}/data"

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(found[-1] / program), "-D", data, *arguments],
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
