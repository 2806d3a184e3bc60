"""Make the queries of a message readable, and mask the secrets in their texts.

Runs in the recorder, and in the stand-in and commands that show requests. The worker has bounded them; but the project
has the socket too, and may write anything.
"""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Any

from appliance.desk.queries.repeated_queries import shape
from appliance.protocol.request_details import (
    EXECUTE,
    INLINED,
    MANY,
    PROCEDURE,
    SCRIPT,
    TRANSACTION,
    NotedQuery,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.desk.redaction import Redaction

Query = dict[str, Any]

KINDS = {EXECUTE: "query", MANY: "many", SCRIPT: "script", PROCEDURE: "procedure", TRANSACTION: "transaction"}


def queries_of(info: dict[str, Any], redaction: Redaction) -> tuple[list[Query], int]:
    """Return the queries of a message, and how many the request has run; ends of transactions are not counted.

    Raises:
        ValueError, TypeError, KeyError: they are not of their form.
    """
    texts = [redaction.masked(str(each)) for each in info.get("texts", ())]
    shapes: dict[int, str] = {}

    def text_of(number: int) -> str:
        return texts[number] if 0 <= number < len(texts) else ""

    def shape_of(number: int) -> str:
        if number not in shapes:
            shapes[number] = shape(text_of(number))
        return shapes[number]

    queries: list[Query] = [
        {
            "sql": shape_of(each.text) if each.kind & INLINED else text_of(each.text),
            "place": text_of(each.place),
            "began_s": each.began_us / 1_000_000,
            "duration_s": each.took_us / 1_000_000,
            "rows": _known(each.reported_rows if each.fetched_rows < 0 else each.fetched_rows),
            "parameters": text_of(each.parameters),
            "error": text_of(each.error),
            "kind": KINDS[each.kind & ~INLINED],
        }
        for each in starmap(NotedQuery, info.get("queries", ()))
    ]
    return queries, query_count(info)


def query_count(info: dict[str, Any]) -> int:
    """Return how many queries the request of this message has run.

    Raises:
        ValueError, TypeError: they are not of their form.
    """
    kinds = [each.kind for each in starmap(NotedQuery, info.get("queries", ()))]
    return len(kinds) - kinds.count(TRANSACTION) + int(info.get("queries_left_out", 0))


def count_queries(queries: Sequence[Query]) -> int:
    """Return how many of these are queries, and no ends of transactions."""
    return sum(each.get("kind") != "transaction" for each in queries)


def _known(rows: int) -> int | None:
    return rows if rows >= 0 else None
