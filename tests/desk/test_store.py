"""The database as its writer sees it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from appliance.desk import database
from appliance.desk.store import Limits, Store
from appliance.desk.table_rows import rows
from tests.desk.log_lines import line, request


def counts(path: Path) -> tuple[int, int]:
    """How many requests and lines there are."""
    connection = database.open_for_reading(path)
    found = tuple(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("requests", "lines"))
    connection.close()
    return found[0], found[1]


def test_the_last_requests_are_kept(tmp_path: Path):
    """Beyond the limits the oldest requests and lines go."""
    path = tmp_path / "desk.sqlite3"
    store = Store(path, Limits(requests=10, lines=20))
    for number in range(7):
        store.add(rows([request(f"/{number}-{each}") for each in range(5)] + [line("output", text="x")] * 5, "run"))
    assert counts(path) == (10, 20)
    store.close()


def test_the_size_is_bounded(tmp_path: Path):
    """Lines of 50 KB each never make the database larger than its limit, by more than one batch."""
    path = tmp_path / "desk.sqlite3"
    most = 2 * 1024 * 1024
    store = Store(path, Limits(most_bytes=most))
    for _ in range(20):
        store.add(rows([line("output", text="x" * 50_000)] * 10, "run"))
        store.shrink()
    requests, lines = counts(path)
    assert requests == 0
    assert 5 < lines < 45
    assert path.stat().st_size < most + 1024 * 1024
    store.close()


@pytest.mark.parametrize("content", [b"", b"no database" * 1000, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_database_is_replaced(tmp_path: Path, content: bytes):
    """Another file in its place is replaced, and the reason is known; an empty file is filled."""
    path = tmp_path / "desk.sqlite3"
    path.write_bytes(content)
    store = Store(path)
    store.add(rows([request("/")], "run"))
    assert bool(store.replaced) == bool(content)
    assert counts(path) == (1, 0)
    store.close()


def test_tables_of_another_version_are_replaced(tmp_path: Path):
    """A database of a newer appliance is replaced too, and can't be read before."""
    path = tmp_path / "desk.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(database.UnreadableError):
        database.open_for_reading(path)
    store = Store(path)
    assert "99" in store.replaced
    store.close()
    assert counts(path) == (0, 0)


def test_a_failed_batch_leaves_nothing(tmp_path: Path):
    """A batch that can't be stored whole is not stored in part, and the next one is."""
    path = tmp_path / "desk.sqlite3"
    store = Store(path)
    bad = rows([request("/"), request("/")], "run")
    bad.requests[1] = bad.requests[1][:-1]
    with pytest.raises(sqlite3.Error):
        store.add(bad)
    store.add(rows([request("/again")], "run"))
    assert counts(path) == (1, 0)
    store.close()


def test_what_is_missing_can_not_be_read(tmp_path: Path):
    """A database that was never made is an error with a reason."""
    with pytest.raises(database.UnreadableError, match="open"):
        database.open_for_reading(tmp_path / "none.sqlite3")
