"""Describe a query: its text, and the types of its parameters, never their values.

Nothing of the project's own is called: a value is asked for its type alone, and an iterable that is neither a list, a
tuple nor a dict is not looked at.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ....protocol.request_details import INLINED, QUERY_MAX

_SHOWN = 20  # parameters of one query
_NAME_MAX = 40  # characters
_SEQUENCES = (list, tuple)
_KNOWN_MAX = 500
_TEXT_NAMES = ("query", "statement", "sql", "operation", "sql_script", "procname")
_PARAMETER_NAMES = ("parameters", "params", "vars", "vars_list", "args", "params_seq")


def text_of(sql: Any, cursor: Any) -> tuple[str, int]:
    """Return the text of a query, and ``INLINED`` if a driver may have put values into it, else 0."""
    if isinstance(sql, str):
        return sql[:QUERY_MAX], 0
    if isinstance(sql, (bytes, bytearray)):
        return bytes(sql[:QUERY_MAX]).decode("utf-8", "replace"), INLINED
    as_string = getattr(sql, "as_string", None)  # psycopg's composed queries
    if callable(as_string):
        return str(as_string(cursor))[:QUERY_MAX], INLINED
    return str(sql)[:QUERY_MAX], 0


def arguments_of(given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any]:
    """Return the text and the parameters that a method of a cursor was called with."""
    sql = given[0] if given else next((named[each] for each in _TEXT_NAMES if each in named), "")
    if len(given) > 1:
        return sql, given[1]
    return sql, next((named[each] for each in _PARAMETER_NAMES if each in named), None)


def types_of(parameters: Any, *, many: bool = False) -> str:
    """Return the types of parameters, as ``int, str`` or ``id: int, name: str``; "" if they are not known."""
    kind = type(parameters)
    if many:
        if kind not in _SEQUENCES or not parameters:
            return ""
        return f"{len(parameters)} times {types_of(parameters[0]) or '?'}"
    if kind in _SEQUENCES:
        kinds = tuple(map(type, parameters if len(parameters) <= _SHOWN else parameters[: _SHOWN + 1]))
        return _named(kinds)
    if kind is not dict:
        return ""  # it is not even asked whether it is empty
    parts = [f"{str(name)[:_NAME_MAX]}: {_name(type(parameters[name]))}" for name in list(parameters)[:_SHOWN]]
    return ", ".join(parts) + (", ..." if len(parameters) > _SHOWN else "")


@lru_cache(_KNOWN_MAX)
def _named(kinds: tuple[type, ...]) -> str:
    return ", ".join(map(_name, kinds[:_SHOWN])) + (", ..." if len(kinds) > _SHOWN else "")


def _name(kind: type) -> str:
    return "None" if kind is type(None) else kind.__name__[:_NAME_MAX]
