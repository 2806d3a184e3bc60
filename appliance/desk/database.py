"""The desk's database: its tables, and how a process opens it.

One process writes (``recorder``), any number read. With a write-ahead log, readers never wait for the writer; where a
file system can't share memory between processes, SQLite's own journal is used. The file is a cache: a database that
can't be read, or has the tables of another version, is replaced.

Runs in the recorder, which writes, and in the readers: the stand-in, ``appliance requests`` and ``appliance mcp``.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

VERSION = 6  # of the tables
_DAMAGES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY_S = 2.0  # to wait for a lock
_TABLES = """
CREATE TABLE requests (
    id INTEGER PRIMARY KEY, run TEXT, generation INTEGER, at REAL, request_id TEXT, event TEXT, level TEXT,
    method TEXT, path TEXT, query TEXT, route TEXT, status INTEGER, duration_s REAL, size INTEGER, line TEXT
);
CREATE INDEX requests_by_request_id ON requests (request_id);
CREATE TABLE lines (
    id INTEGER PRIMARY KEY, run TEXT, generation INTEGER, at REAL, request_id TEXT, event TEXT, level TEXT, line TEXT
);
CREATE TABLE details (
    id INTEGER PRIMARY KEY, run TEXT, at REAL, request_id TEXT,
    fields TEXT, body TEXT, body_note TEXT, response_fields TEXT, content TEXT, content_note TEXT,
    query_count INTEGER, queries TEXT, effects TEXT, replay_of INTEGER
);
CREATE INDEX details_by_request_id ON details (request_id);
CREATE INDEX lines_by_request_id ON lines (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX lines_by_event ON lines (event) WHERE event NOT IN ('output', 'log');
"""


class UnreadableError(Exception):
    """There is no database that can be read. The text says why."""


class NotMadeError(UnreadableError):
    """The recorder has not made the tables yet."""


def open_for_writing(path: Path) -> tuple[sqlite3.Connection, str]:
    """Open the database, and make it if it is missing; replace one that can't be used.

    Returns:
        The connection, and why an earlier database was replaced; "" if none was.

    Raises:
        sqlite3.Error, OSError: nothing can be written there.
    """
    replaced = ""
    if path.exists():
        try:
            return _prepared(path), ""
        except sqlite3.OperationalError:
            raise  # no room, no access: another file would not help
        except (sqlite3.DatabaseError, UnreadableError) as error:
            replaced = str(error)
            remove(path)
    return _prepared(path), replaced


def is_damaged(error: sqlite3.Error) -> bool:
    """Whether an error says that the file is damaged: no later try succeeds."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGES  # the low byte: the rest says more exactly where


def remove(path: Path) -> None:
    """Remove the database's files."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _prepared(path: Path) -> sqlite3.Connection:
    # Two threads write, one after the other: see the recorder's start.
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        _choose_journal(connection)
        _make_tables(connection)
        # A loss of power may cost the last requests; a crash of a process costs none.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("SELECT count(*) FROM (SELECT id FROM requests LIMIT 1)").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _make_tables(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT")
    elif version != VERSION:
        raise UnreadableError(f"its tables are of version {version}, not {VERSION}")
    # How far the lines of a run are stored; only the writer reads that. Older databases have no such table.
    connection.execute("CREATE TABLE IF NOT EXISTS stored (name TEXT PRIMARY KEY, run TEXT, position INTEGER)")


def _choose_journal(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before the first table
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.execute("PRAGMA journal_mode = TRUNCATE").fetchone()


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the database for one thread that only reads.

    Raises:
        UnreadableError: there is none yet, or it can't be read.
    """
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", timeout=_BUSY_S, isolation_level=None, uri=True)
        connection.row_factory = sqlite3.Row
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except (sqlite3.Error, ValueError) as error:
        raise UnreadableError(str(error)) from error
    if version != VERSION:
        connection.close()
        if version == 0:
            raise NotMadeError("nothing is recorded yet")
        raise UnreadableError(f"its tables are of version {version}, not {VERSION}")
    return connection


def open_recorded(path: Path) -> sqlite3.Connection:
    """Open the database as ``open_for_reading`` does; an empty one in memory if the recorder has not made it yet.

    Raises:
        UnreadableError: it can't be read.
    """
    with contextlib.suppress(NotMadeError):
        if path.exists():
            return open_for_reading(path)
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    _make_tables(connection)
    return connection
