"""Note queries by the hooks that Django and SQLAlchemy document for that, whatever driver they use.

Both call us around each query: Django by a connection's ``execute_wrappers``, SQLAlchemy by the events of its cursor.
"""

from __future__ import annotations

import functools
import importlib
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any

from ....protocol.request_details import EXECUTE, MANY
from ....server.wsgi.access_log.exchange import current
from .method_replacement import replace
from .query_notes import ANY, inside

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...hooks import Hooks
    from ..library_hooks import LibraryHooks
    from .query_notes import QueryNotes, Ran

_DJANGO, _SQLALCHEMY = "queries of Django", "queries of SQLAlchemy"


class FrameworkQueries:
    """Hooks the queries of Django and SQLAlchemy.

    Args:
        hooks: guards our code in the project's process.
        notes: notes the queries.
    """

    def __init__(self, hooks: Hooks, notes: QueryNotes) -> None:
        self._hooks = hooks
        self._notes = notes

    def add_to(self, libraries: LibraryHooks) -> None:
        """Wait for the libraries."""
        libraries.add("django.db", _DJANGO, self._hook_django)
        libraries.add("django.db.backends.base.base", _DJANGO, _hook_django_connections)
        libraries.add("django.db.backends.sqlite3.operations", _DJANGO, _hook_django_quotes)
        libraries.add("sqlalchemy", _SQLALCHEMY, self._hook_sqlalchemy)

    def _hook_django(self, _: Any) -> None:
        connected = self._hooks.guarded(_DJANGO, self._django_connected, otherwise=None)
        # Django itself imports it with the first connection, which would be too late.
        signals = importlib.import_module("django.db.backends.signals")  # noqa: TID251  the project's own Django
        signals.connection_created.connect(connected, weak=False)

    def _django_connected(self, *, connection: Any, **_: Any) -> None:
        if self._django_query not in connection.execute_wrappers:
            # First: Django connects within a context of ``execute_wrapper``, too, whose end removes the last one.
            connection.execute_wrappers.insert(0, self._django_query)

    def _django_query(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001  Django's signature
        exchange = current.get()
        if exchange is None or exchange.details is None:
            return execute(sql, params, many, context)
        outer, kind = inside.get(), MANY if many else EXECUTE
        inside.set(ANY)
        began = monotonic()
        try:
            result = execute(sql, params, many, context)
        except BaseException as error:
            ran = (began, monotonic() - began, kind, type(error).__name__)
            inside.set(outer)
            self._hooks.call(_DJANGO, self._note_django, sql, params, context, ran, otherwise=None)
            raise
        ran = (began, monotonic() - began, kind, "")
        inside.set(outer)
        self._hooks.call(_DJANGO, self._note_django, sql, params, context, ran, otherwise=None)
        return result

    def _note_django(self, sql: Any, params: Any, context: Any, ran: Ran) -> None:
        self._notes.note(sql, params, context["cursor"].cursor, ran)

    def _hook_sqlalchemy(self, _: Any) -> None:
        event, engine = sys.modules["sqlalchemy.event"], sys.modules["sqlalchemy.engine"].Engine
        for name, hook in (
            ("before_cursor_execute", self._begin),
            ("after_cursor_execute", self._end),
            ("handle_error", self._fail),
        ):
            event.listen(engine, name, self._hooks.guarded(_SQLALCHEMY, hook, otherwise=None))

    def _begin(self, _connection: Any, cursor: Any, _statement: Any, _params: Any, context: Any, _many: Any) -> None:
        exchange = current.get()
        if context is not None and exchange is not None and exchange.details is not None:
            # The driver may be hooked as well. An id, since this context may outlive the cursor.
            inside.set(id(cursor))
            context.appliance_began = monotonic()

    def _end(self, _connection: Any, cursor: Any, statement: Any, params: Any, context: Any, many: Any) -> None:
        ran = _ran(context, MANY if many else EXECUTE)
        if ran is not None:
            self._notes.note(statement, params, cursor, ran)

    def _fail(self, failed: Any) -> None:
        context = failed.execution_context
        kind = MANY if getattr(context, "executemany", False) else EXECUTE
        ran = _ran(context, kind, type(failed.original_exception).__name__)
        if ran is not None:
            self._notes.note(failed.statement, failed.parameters, failed.cursor, ran)


def _hook_django_connections(module: Any) -> None:
    """Leave out Django's own queries on a new connection: with SQLite three statements in each request."""
    replace(module.BaseDatabaseWrapper, "connect", _unnoted)


def _hook_django_quotes(module: Any) -> None:
    """Leave out the query with which Django quotes the parameters of each query for its own log (DEBUG, SQLite)."""
    replace(module.DatabaseOperations, "_quote_params_for_last_executed_query", _unnoted)


def _unnoted(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a wrapper for a method whose queries are the framework's own."""

    @functools.wraps(original)
    def call(*given: Any, **named: Any) -> Any:
        outer = inside.get()
        inside.set(ANY)
        try:
            return original(*given, **named)
        finally:
            inside.set(outer)

    return call


def _ran(context: Any, kind: int, error: str = "") -> Ran | None:
    """Return how a query of SQLAlchemy has run; None if its beginning was not noted."""
    began: float | None = getattr(context, "appliance_began", None)
    if began is None:
        return None
    context.appliance_began = None
    inside.set(0)
    return began, monotonic() - began, kind, error
