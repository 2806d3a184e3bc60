"""Wrap the methods of PEP 249, so that what they do is noted. Each wrapper is a function from the original method.

The original gets the same arguments, and its result and its exceptions pass through. Only the clock is read
around the call; the query is noted after it.

Decision 59 says why.
"""

from __future__ import annotations

import functools
from time import monotonic
from typing import TYPE_CHECKING, Any

from ....protocol.request_details import EXECUTE, PROCEDURE, TRANSACTION
from ....server.wsgi.access_log.exchange import current
from .query_arguments import arguments_of
from .query_notes import ANY, inside

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...hooks import Hooks
    from .query_notes import QueryNotes, Ran

    Method = Callable[..., Any]
    Wrap = Callable[[Method], Method]


class DriverMethods:
    """The wrappers for one driver.

    Args:
        hooks: guards our code in the project's process.
        hook: names this driver's hook.
        notes: notes the queries.
    """

    def __init__(self, hooks: Hooks, hook: str, notes: QueryNotes) -> None:
        self._hooks = hooks
        self._hook = hook
        self._notes = notes
        self._dropped = hooks.dropped  # checked here: a call of the guard would cost as much as everything else

    def executing(self, kind: int = EXECUTE, *, of_connection: bool = False, leaf: bool = False) -> Wrap:
        """Return a wrapper for a method that runs queries.

        Args:
            kind: of the query; of a procedure, the method gets the name.
            of_connection: the method is a connection's, and returns a cursor.
            leaf: the method calls no other hooked method, so no mark is needed, which would cost half a µs.
        """
        note = self._note_procedure if kind == PROCEDURE else self._note
        hook, dropped = self._hook, self._dropped

        def wrap(original: Method) -> Method:
            @functools.wraps(original)
            def execute(target: Any, *given: Any, **named: Any) -> Any:
                exchange = current.get()
                if (
                    exchange is None
                    or exchange.details is None
                    or hook in dropped
                    or (outer := inside.get()) == ANY
                    or outer == id(target)
                ):
                    return original(target, *given, **named)
                if not leaf:
                    inside.set(ANY)
                began = monotonic()
                try:
                    result = original(target, *given, **named)
                except BaseException as error:
                    ran = (began, monotonic() - began, kind, type(error).__name__)
                    if not leaf:
                        inside.set(outer)
                    note(given, named, target, ran)
                    raise
                ran = (began, monotonic() - began, kind, "")
                if not leaf:
                    inside.set(outer)
                cursor = result if of_connection else target
                note(given, named, cursor, ran)
                return result

            return execute

        return wrap

    def awaiting(self, kind: int = EXECUTE) -> Wrap:
        """Return a wrapper for a coroutine function that runs queries."""

        def wrap(original: Method) -> Method:
            @functools.wraps(original)
            async def execute(target: Any, *given: Any, **named: Any) -> Any:
                exchange = current.get()
                if (
                    exchange is None
                    or exchange.details is None
                    or self._hook in self._dropped
                    or (outer := inside.get()) == ANY
                    or outer == id(target)
                ):
                    return await original(target, *given, **named)
                inside.set(ANY)
                began = monotonic()
                try:
                    result = await original(target, *given, **named)
                except BaseException as error:
                    ran = (began, monotonic() - began, kind, type(error).__name__)
                    inside.set(outer)
                    self._note(given, named, target, ran)
                    raise
                ran = (began, monotonic() - began, kind, "")
                inside.set(outer)
                self._note(given, named, target, ran)
                return result

            return execute

        return wrap

    def fetching(self, count: Callable[[Any], int]) -> Wrap:
        """Return a wrapper for a method that fetches rows; ``count`` tells how many it has returned."""
        hook, dropped = self._hook, self._dropped

        def wrap(original: Method) -> Method:
            @functools.wraps(original)
            def fetch(cursor: Any, *given: Any, **named: Any) -> Any:
                exchange = current.get()
                if (
                    exchange is None
                    or (details := exchange.details) is None
                    or hook in dropped
                    or inside.get() == ANY  # of a query that is not noted: an earlier cursor had the same id
                ):
                    return original(cursor, *given, **named)
                began = monotonic()
                result = original(cursor, *given, **named)
                took = monotonic() - began
                try:
                    details.add_rows(id(cursor), count(result), took)  # type: ignore[attr-defined]  # a worker's
                except Exception as error:  # noqa: BLE001  the hook's, not the project's
                    self._failed(error)
                return result

            return fetch

        return wrap

    def ending(self, text: str, is_open: Callable[[Any], Any] = lambda _: True) -> Wrap:
        """Return a wrapper for a method that ends a transaction.

        Args:
            text: COMMIT or ROLLBACK; "": what ``__exit__`` does with these arguments.
            is_open: whether there is one; without one the method does nothing, and nothing is noted.
        """

        def wrap(original: Method) -> Method:
            @functools.wraps(original)
            def end(connection: Any, *given: Any, **named: Any) -> Any:
                exchange = current.get()
                if exchange is None or exchange.details is None or inside.get() or not _is_open(connection, is_open):
                    return original(connection, *given, **named)
                shown = (text or ("ROLLBACK" if given and given[0] is not None else "COMMIT"),)
                inside.set(ANY)
                began = monotonic()
                try:
                    result = original(connection, *given, **named)
                except BaseException as error:
                    ran = (began, monotonic() - began, TRANSACTION, type(error).__name__)
                    inside.set(0)
                    self._note(shown, {}, None, ran)
                    raise
                ran = (began, monotonic() - began, TRANSACTION, "")
                inside.set(0)
                self._note(shown, {}, None, ran)
                return result

            return end

        return wrap

    def _note(self, given: Any, named: Any, cursor: Any, ran: Ran) -> None:
        try:
            if len(given) == 2:
                self._notes.note(given[0], given[1], cursor, ran)
            else:
                self._notes.note(*arguments_of(given, named), cursor, ran)
        except Exception as error:  # noqa: BLE001  the hook's, not the project's
            self._failed(error)

    def _note_procedure(self, given: Any, named: Any, cursor: Any, ran: Ran) -> None:
        name, *rest = given or arguments_of(given, named)
        self._note((f"CALL {name}", *rest), named, cursor, ran)

    def _failed(self, error: Exception) -> None:
        """Leave this hook out from now on."""
        self._hooks.call(self._hook, _raise, error, otherwise=None)


def _raise(error: Exception) -> None:
    raise error


def _is_open(connection: Any, is_open: Callable[[Any], Any]) -> bool:
    try:
        return bool(is_open(connection))
    except Exception:  # noqa: BLE001  a closed connection, for example: the original says so
        return False
