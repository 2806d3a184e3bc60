"""Hook into the drivers of PEP 249 that a project imports: each function knows the classes of one."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ....protocol.request_details import EXECUTE, MANY, PROCEDURE, SCRIPT
from .driver_methods import DriverMethods
from .method_replacement import replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...hooks import Hooks
    from ..library_hooks import LibraryHooks
    from .query_notes import QueryNotes

    Patch = Callable[[Any, DriverMethods], None]


def add_drivers(libraries: LibraryHooks, hooks: Hooks, notes: QueryNotes) -> None:
    """Wait for the drivers."""
    for name, patch in _PATCHES.items():
        hook = f"queries of {name.partition('.')[0]}"
        methods = DriverMethods(hooks, hook, notes)
        libraries.add(name, hook, functools.partial(_apply, patch, methods))


def _apply(patch: Patch, methods: DriverMethods, module: Any) -> None:
    patch(module, methods)


def hook_sqlite3(module: Any, methods: DriverMethods) -> None:
    """Hook into sqlite3. A connection has the methods of a cursor too; only since 3.11 without calling the cursor's."""
    if hasattr(module.Cursor.execute, "__wrapped__"):
        return  # the same classes under another name: projects put pysqlite3 in the place of sqlite3
    kinds = (("execute", EXECUTE), ("executemany", MANY), ("executescript", SCRIPT))
    for name, kind in kinds:
        replace(module.Cursor, name, methods.executing(kind, leaf=True))
        replace(module.Connection, name, methods.executing(kind, of_connection=True))
    # A ``for`` loop over a cursor takes its rows past all methods.
    replace(module.Cursor, "fetchone", methods.fetching(_one))
    for name in ("fetchmany", "fetchall"):
        replace(module.Cursor, name, methods.fetching(len))
    for name, text in (("commit", "COMMIT"), ("rollback", "ROLLBACK"), ("__exit__", "")):
        replace(module.Connection, name, methods.ending(text, _in_transaction))


def _in_transaction(connection: Any) -> Any:
    return connection.in_transaction


def _one(row: object) -> int:
    return int(row is not None)


def hook_psycopg2(module: Any, methods: DriverMethods) -> None:
    """Hook into psycopg2, whose cursors are in C; those of ``psycopg2.extras`` call these."""
    cursor, connection = module.extensions.cursor, module.extensions.connection
    for name, kind in (("execute", EXECUTE), ("executemany", MANY), ("callproc", PROCEDURE), ("copy_expert", EXECUTE)):
        replace(cursor, name, methods.executing(kind, leaf=True))
    _hook_ends(connection, methods, lambda each: each.get_transaction_status())


def hook_psycopg(module: Any, methods: DriverMethods) -> None:
    """Hook into psycopg 3; cursors of a server override what the others have, and a connection calls its cursor."""
    for kind in (module.Cursor, module.ServerCursor):
        replace(kind, "execute", methods.executing())
        replace(kind, "executemany", methods.executing(MANY))
    for kind in (module.AsyncCursor, module.AsyncServerCursor):
        replace(kind, "execute", methods.awaiting())
        replace(kind, "executemany", methods.awaiting(MANY))
    _hook_ends(module.Connection, methods, lambda each: each.pgconn.transaction_status)


def hook_mysql_cursors(module: Any, methods: DriverMethods) -> None:
    """Hook into the cursors of mysqlclient or PyMySQL. Many rows become one query, which counts as a part."""
    kind = getattr(module, "BaseCursor", None) or module.Cursor
    for name, each in (("execute", EXECUTE), ("executemany", MANY), ("callproc", PROCEDURE)):
        replace(kind, name, methods.executing(each))


def hook_pymysql_connections(module: Any, methods: DriverMethods) -> None:
    """Hook into PyMySQL's connections: each end of a transaction is a round trip, also without one."""
    _hook_ends(module.Connection, methods)


def hook_mysqlclient_connections(module: Any, methods: DriverMethods) -> None:
    """Hook into mysqlclient's connections, whose base is in C."""
    _hook_ends(module._mysql.connection, methods)  # noqa: SLF001  the module in C has no other name


def hook_oracledb(module: Any, methods: DriverMethods) -> None:
    """Hook into the cursors of python-oracledb; it counts rows as they are fetched."""
    cursor, other = module.Cursor, getattr(module, "AsyncCursor", None)  # since 2.0
    for name, kind in (("execute", EXECUTE), ("executemany", MANY), ("callproc", PROCEDURE), ("callfunc", PROCEDURE)):
        replace(cursor, name, methods.executing(kind))
        if other is not None and kind != PROCEDURE:
            replace(other, name, methods.awaiting(kind))
    for name in ("fetchone", "__next__"):
        replace(cursor, name, methods.fetching(_one))
    for name in ("fetchmany", "fetchall"):
        replace(cursor, name, methods.fetching(len))


def hook_oracledb_connections(module: Any, methods: DriverMethods) -> None:
    """Hook into the connections of python-oracledb."""
    _hook_ends(module.Connection, methods, lambda each: getattr(each, "transaction_in_progress", True))


def _hook_ends(connection: Any, methods: DriverMethods, is_open: Callable[[Any], Any] = lambda _: True) -> None:
    for name in ("commit", "rollback"):
        replace(connection, name, methods.ending(name.upper(), is_open))


_PATCHES: dict[str, Patch] = {
    "MySQLdb.connections": hook_mysqlclient_connections,
    "MySQLdb.cursors": hook_mysql_cursors,
    "oracledb.connection": hook_oracledb_connections,
    "oracledb.cursor": hook_oracledb,
    "psycopg": hook_psycopg,
    "psycopg2": hook_psycopg2,
    "pymysql.connections": hook_pymysql_connections,
    "pymysql.cursors": hook_mysql_cursors,
    "pysqlite3.dbapi2": hook_sqlite3,
    "sqlite3": hook_sqlite3,
}
