"""A database with what a test has logged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.desk.database import open_for_reading
from appliance.desk.store import Store
from appliance.desk.table_rows import rows

Recorded = Callable[..., sqlite3.Connection]


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[Recorded]:
    """Store these lines, and open the database for reading."""
    opened = []

    def recorded(*lines: bytes, run: str = "run") -> sqlite3.Connection:
        store = Store(tmp_path / "desk.sqlite3")
        store.add(rows(lines, run))
        store.close()
        opened.append(open_for_reading(tmp_path / "desk.sqlite3"))
        return opened[-1]

    yield recorded
    for connection in opened:
        connection.close()
