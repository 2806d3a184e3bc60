"""Hook into the drivers of PEP 249 that a project imports: each function knows the classes of one."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ....protocol.request_details import EXECUTE, MANY, SCRIPT
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


_PATCHES: dict[str, Patch] = {"pysqlite3.dbapi2": hook_sqlite3, "sqlite3": hook_sqlite3}
