"""The database of recorded requests, as its readers open it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.desk import recorded_requests
from appliance.desk.database import UnreadableError, open_recorded
from appliance.desk.filters import Filters


def test_a_database_that_is_not_made_yet_is_empty(tmp_path: Path):
    """A question that comes before the recorder's first line has no rows for an answer, and makes no file."""
    with closing(open_recorded(tmp_path / "desk.sqlite3")) as connection:
        assert recorded_requests.find(connection, Filters()) == []
        assert recorded_requests.newest(connection) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_database_is_not_empty(tmp_path: Path):
    """A file that is not a database is an error, and not an empty database."""
    path = tmp_path / "desk.sqlite3"
    path.write_bytes(b"x" * 10_000)
    with pytest.raises(UnreadableError, match="not a database"):
        open_recorded(path)


def test_a_database_of_another_version_is_not_read(tmp_path: Path):
    """Tables of another version are not read."""
    path = tmp_path / "desk.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(UnreadableError, match="version 999"):
        open_recorded(path)


def test_a_database_without_tables_is_empty(tmp_path: Path):
    """A file in which the recorder has not made the tables yet is an empty database."""
    path = tmp_path / "desk.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 1")
    with closing(open_recorded(path)) as connection:
        assert recorded_requests.find(connection, Filters()) == []
