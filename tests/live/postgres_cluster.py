"""A PostgreSQL server of the tests: the benchmarks' own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from benchmarks import postgres
from tests.releases import not_run

USER = postgres.USER


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """The folder of the server's socket; the user ``shop`` may do everything in the database ``postgres``."""
    if not postgres.is_installed():
        not_run("there is no PostgreSQL in /usr/lib/postgresql")
    with postgres.cluster() as folder:
        yield folder
