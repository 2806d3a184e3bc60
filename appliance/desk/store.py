"""Write rows into the desk's database, and remove the oldest beyond its limits.

Runs in the recorder.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.desk.database import open_for_writing
from appliance.desk.table_rows import DETAIL_COLUMNS, LINE_COLUMNS, REQUEST_COLUMNS, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_TABLES = {"requests": REQUEST_COLUMNS, "lines": LINE_COLUMNS, "details": DETAIL_COLUMNS}
_NO_VALUE = (OverflowError, sqlite3.ProgrammingError, sqlite3.InterfaceError)  # an integer too large, a list
_SHARE = 10  # if there are too many bytes, a tenth of the rows is removed at a time


@dataclass(frozen=True)
class Limits:
    """The limits of the database: the numbers of requests and lines, and the bytes of all."""

    requests: int = 10_000
    lines: int = 50_000
    most_bytes: int = 200 * 1024 * 1024


class Store:
    """The writer's end of the database.

    ``replaced`` is why an earlier database was replaced; "" if none was.

    Raises:
        sqlite3.Error, OSError: nothing can be written there. ``add`` raises the same, and changes nothing then.
    """

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._connection, self.replaced = open_for_writing(path)

    def position(self, run: str) -> int:
        """Return how far this run's lines are stored."""
        found = self._connection.execute("SELECT position FROM stored WHERE run = ?", (run,)).fetchone()
        return found[0] if found is not None else 0

    def add(self, rows: Rows, stored: tuple[str, int] | None = None) -> None:
        """Add rows in one transaction; ``stored``: the run, and how far its lines are stored now. ``shrink`` follows.

        A value that SQLite can't hold is stored as text.
        """
        if not any(rows) and stored is None:
            return
        try:
            self._add(rows, stored)
        except _NO_VALUE:
            self._add(Rows(*([tuple(map(_storable, row)) for row in each] for each in rows)), stored)

    def _add(self, rows: Rows, stored: tuple[str, int] | None) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._insert("requests", rows.requests)
            self._insert("lines", rows.lines)
            self._insert("details", rows.details)
            if stored is not None:
                connection.execute("REPLACE INTO stored (name, run, position) VALUES ('lines', ?, ?)", stored)
            self._keep_last("requests", self._limits.requests)
            self._keep_last("lines", self._limits.lines)
            self._keep_last("details", self._limits.requests)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def _insert(self, table: str, rows: Sequence[tuple[object, ...]]) -> None:
        columns = _TABLES[table]
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  names of ours
        self._connection.executemany(statement, rows)

    def _keep_last(self, table: str, count: int) -> None:
        self._connection.execute(
            f"DELETE FROM {table} WHERE id <= (SELECT max(id) FROM {table}) - ?",  # noqa: S608  as above
            (count,),
        )

    def shrink(self) -> None:
        """Remove the oldest tenth until the rest fits. It may fail where ``add`` has not: on a full disk, say."""
        while self._bytes() > self._limits.most_bytes:
            removed = 0
            for table in _TABLES:
                removed += self._connection.execute(
                    f"DELETE FROM {table} WHERE id <= (SELECT min(id) + (max(id) - min(id)) / {_SHARE} FROM {table})"  # noqa: S608  as above
                ).rowcount
            if not removed:
                return
        self._connection.execute("PRAGMA incremental_vacuum(1000)").fetchall()

    def _bytes(self) -> int:
        (pages,), (free,), (size,) = (
            self._connection.execute(f"PRAGMA {name}").fetchone()
            for name in ("page_count", "freelist_count", "page_size")
        )
        used: int = (pages - free) * size
        return used


def _storable(value: object) -> object:
    """Return a value that SQLite can hold: a worker may send anything."""
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 63 else str(value)
    return value if value is None or isinstance(value, str | float) else str(value)
