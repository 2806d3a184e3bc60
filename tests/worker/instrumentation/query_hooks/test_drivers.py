"""sqlite3 with our hooks does what it does without them, and each query is noted once."""

from __future__ import annotations

import contextlib
import pickle
import sqlite3
import threading
from collections.abc import Callable, Iterator
from sqlite3 import connect as connect_alias
from typing import Any

import pytest

from appliance.worker.instrumentation.query_hooks.drivers import hook_sqlite3
from appliance.worker.instrumentation.query_hooks.method_replacement import replace
from appliance.worker.instrumentation.query_hooks.query_notes import QueryNotes
from tests.worker.instrumentation.query_hooks.noted_queries import driver_methods, request

Events = list[dict[str, object]]
METHODS = ("execute", "executemany", "executescript", "fetchone", "fetchmany", "fetchall")
METHODS_OF_CONNECTIONS = ("execute", "executemany", "executescript", "commit", "rollback", "__exit__")


def as_it_was(original: Any) -> Callable[[Any], Any]:
    """Return a function that restores a method."""
    return lambda _: original


@contextlib.contextmanager
def hooked(notes: QueryNotes | None = None) -> Iterator[Events]:
    """sqlite3 with our hooks."""
    methods, events = driver_methods(__file__, notes)
    both = [(sqlite3.Cursor, METHODS), (sqlite3.Connection, METHODS_OF_CONNECTIONS)]
    originals = [(kind, name, vars(kind)[name]) for kind, names in both for name in names]
    try:
        hook_sqlite3(sqlite3, methods)
        yield events
    finally:
        for kind, name, original in originals:
            replace(kind, name, as_it_was(original))
        assert all(vars(kind)[name] is original for kind, name, original in originals)


class OwnCursor(sqlite3.Cursor):
    """A project's own cursor."""

    def execute(self, *given: Any) -> Any:
        """Call the driver's."""
        return super().execute(*given)


class OwnConnection(sqlite3.Connection):
    """A project's own connection."""

    def cursor(self, factory: Any = OwnCursor) -> Any:
        """Make a cursor of our own."""
        return super().cursor(factory)


@pytest.mark.parametrize(
    "connect",
    [
        sqlite3.connect,
        connect_alias,
        sqlite3.Connection,
        lambda path: sqlite3.connect(path, factory=OwnConnection),
        OwnConnection,
    ],
    ids=["the module's", "an alias", "the class", "a factory", "a class of its own"],
)
def test_each_query_is_noted_once_with_every_kind_of_connection(connect: Callable[[str], Any]):
    """Cursor and connection, one or many, with rows, types, and this file's line; what was made before too."""
    earlier = connect(":memory:")
    with hooked() as events:
        for connection in (earlier, connect(":memory:")):
            with request() as noted:
                connection.executescript("CREATE TABLE a (x, y); CREATE TABLE b (x)")
                cursor = connection.cursor()
                cursor.executemany("INSERT INTO a VALUES (?, ?)", [(1, "one"), (2, None)])
                connection.commit()
                assert connection.execute("SELECT x FROM a WHERE x < ?", (9,)).fetchall() == [(1,), (2,)]
                assert cursor.execute("SELECT y FROM a WHERE x = :x", {"x": 1}).fetchone() == ("one",)
                assert [*cursor.execute("SELECT x FROM a")] == [(1,), (2,)]
                with pytest.raises(sqlite3.OperationalError, match="no such table: c"):
                    connection.execute("SELECT 1 FROM c")
            connection.close()
            found = [(each["kind"], each["rows"], each["parameters"], each["error"]) for each in noted]
            assert found == [
                ("script", None, "", ""),
                ("many", 2, "2 times int, str", ""),
                ("transaction", None, "", ""),
                ("query", 2, "int", ""),
                ("query", 1, "x: int", ""),
                ("query", None, "", ""),
                ("query", None, "", "OperationalError"),
            ]
            assert {each["place"].rpartition(":")[0] for each in noted} == {__file__}
            assert noted.texts[2:4] == ["COMMIT", "SELECT x FROM a WHERE x < ?"]
    assert not events


def test_a_driver_under_two_names_is_hooked_once():
    """A query is noted once where a project has put pysqlite3 in the place of sqlite3: both names lead to one class."""
    with hooked():
        methods, _ = driver_methods(__file__)
        hook_sqlite3(sqlite3, methods)
        with request() as noted, contextlib.closing(sqlite3.connect(":memory:")) as connection:
            connection.cursor().execute("SELECT 1").fetchone()
    assert [(each["sql"], each["rows"]) for each in noted] == [("SELECT 1", 1)]


def test_ends_of_open_transactions_are_noted():
    """A commit without a transaction does nothing, and is not noted; a with statement ends one too."""
    with hooked(), contextlib.closing(sqlite3.connect(":memory:")) as connection, request() as noted:
        connection.commit()
        connection.execute("CREATE TABLE a (x)")
        with connection:
            connection.execute("INSERT INTO a VALUES (1)")
        with contextlib.suppress(ZeroDivisionError), connection:
            connection.execute("INSERT INTO a VALUES (2)")
            raise ZeroDivisionError
        connection.execute("INSERT INTO a VALUES (3)")
        connection.rollback()
        connection.rollback()
    ends = [each["sql"] for each in noted if each["kind"] == "transaction"]
    assert ends == ["COMMIT", "ROLLBACK", "ROLLBACK"]


def outcome(call: Callable[[], Any]) -> Any:
    """Return the result of a call, or its exception."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001  it is what is compared
        return type(error), str(error)


def in_another_thread(call: Callable[[], Any]) -> Any:
    """Return the result of a call in another thread, or its exception."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(outcome(call)))
    thread.start()
    thread.join()
    return str(found[0])[:60]


def outcomes() -> list[Any]:
    """Return the results of all that a project may do with sqlite3."""
    connection: Any = sqlite3.connect(":memory:")
    cursor: Any = connection.cursor()
    with contextlib.closing(sqlite3.connect(":memory:")) as copied:
        connection.execute("CREATE TABLE a (x UNIQUE)")
        calls: list[Callable[[], Any]] = [
            lambda: type(connection) is sqlite3.Connection and type(cursor) is sqlite3.Cursor,
            lambda: (cursor.execute("SELECT 1") is cursor, connection.execute("SELECT 1").connection is connection),
            cursor.execute,
            lambda: cursor.execute(sql="SELECT 1"),
            lambda: cursor.execute("SELECT 1", (), 3),
            lambda: cursor.execute(17),
            lambda: cursor.execute("SELECT ?", ()),
            lambda: cursor.execute("SELECT 1; SELECT 2"),
            lambda: cursor.execute("SELECT ?", (object(),)),
            lambda: cursor.execute("SELECT '\ud800'"),
            lambda: cursor.executemany("INSERT INTO a VALUES (?)", ((each,) for each in (1, 2))).rowcount,
            lambda: cursor.executemany("INSERT INTO a VALUES (?)", [(1,)]),
            lambda: cursor.executemany("SELECT ?", [(1,)]),
            lambda: cursor.execute("SELECT x FROM a").fetchmany(size=1),
            lambda: cursor.fetchmany("x"),
            lambda: (cursor.description, cursor.rowcount, cursor.lastrowid),
            lambda: vars(cursor),
            lambda: setattr(connection, "anything", 1),
            lambda: setattr(connection, "row_factory", sqlite3.Row),
            lambda: connection.execute("SELECT 1 AS one").fetchone()["one"],
            lambda: pickle.dumps(connection),
            lambda: sqlite3.Cursor.execute(cursor, "SELECT 1").fetchone()[0],
            lambda: sqlite3.Cursor.execute(connection, "SELECT 1"),
            lambda: sqlite3.Cursor.execute.__name__,
            lambda: [*connection.iterdump()],
            connection.commit,
            lambda: connection.backup(copied),
            lambda: copied.execute("SELECT x FROM a").fetchall(),
            lambda: in_another_thread(lambda: connection.execute("SELECT 1")),
            lambda: in_another_thread(connection.commit),
            connection.close,
            lambda: connection.execute("SELECT 1"),
            connection.commit,
            lambda: connection.__exit__(None, None, None),
            cursor.fetchall,
        ]
        return [outcome(each) for each in calls]


def test_a_project_sees_no_difference():
    """Results, exceptions with their texts, types, other threads, closed connections: as without our hooks."""
    expected = outcomes()
    with hooked() as events, request():
        assert outcomes() == expected
    with hooked():
        assert outcomes() == expected
    assert not events


def test_nothing_is_noted_or_looked_at_outside_of_requests():
    """While the project is imported, and in threads of its own, a query costs a comparison."""

    class Failing(QueryNotes):
        """Each note fails."""

        def __init__(self) -> None:
            self.note = self.note_fetch = None  # type: ignore[method-assign, assignment]

    with hooked(Failing()) as events, contextlib.closing(sqlite3.connect(":memory:")) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
        with request() as noted:
            assert in_another_thread(lambda: sqlite3.connect(":memory:").execute("SELECT 1").fetchone()) == "(1,)"
        assert not events
        with request():
            for _ in range(3):
                assert connection.execute("SELECT 1").fetchall() == [(1,)]
        assert [each["event"] for each in events] == ["hook.dropped"]
    assert not noted
