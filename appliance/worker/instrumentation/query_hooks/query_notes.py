"""Note a query in the record of the request that runs it. Runs in the threads of the requests.

Theory of operation. Libraries use each other: Django psycopg, SQLAlchemy ``sqlite3``, a cursor's
``executemany`` on its ``execute``. The outermost hooked library notes a query, so that the query counts once;
``inside`` tells the inner libraries that the query is noted. Outside of a request that is recorded nothing is noted,
and nothing is looked at.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ....protocol.request_details import MANY, QUERY_MAX
from ....server.wsgi.access_log.exchange import current
from ..details import Details
from .query_arguments import text_of, types_of

if TYPE_CHECKING:
    from ..project_line import ProjectLine

ANY = -1
_FRAMES = 4  # frames of ours between the search and the project's line; drivers' methods have the fewest
# What this context is within: 0: no query that is noted; the id of a cursor: one of that cursor; ANY: one of any.
inside: ContextVar[int] = ContextVar("appliance_query", default=0)


# How a query has run: when it began (CLOCK_MONOTONIC), the seconds that it took, one of the kinds in
# ``request_details``, and the name of the exception's class; "" if it has not failed. A plain tuple costs least.
Ran = tuple[float, float, int, str]


class QueryNotes:
    """Notes the queries of a request, each with its line.

    Args:
        project_line: finds the line that causes a query.
    """

    def __init__(self, project_line: ProjectLine) -> None:
        self._project_line = project_line

    def note(self, sql: Any, parameters: Any, cursor: Any, ran: Ran) -> None:
        """Note a query that has ended.

        Args:
            sql: its text, or what the driver accepts as one.
            parameters: of which the types are noted.
            cursor: the driver's; what is fetched from it later is counted as rows of this query.
            ran: the rest.
        """
        exchange = current.get()
        details = exchange.details if exchange is not None else None
        if exchange is None or not isinstance(details, Details):
            return
        text, flag = (sql, 0) if type(sql) is str and len(sql) <= QUERY_MAX else text_of(sql, cursor)
        began, took, kind, error = ran
        rows = -1 if error else _rows(cursor)
        types = "" if parameters is None else types_of(parameters, many=kind == MANY)
        place = self._project_line.find(_FRAMES)
        details.add_query((text, place, types), (began - exchange.started, took, kind | flag, error), rows, id(cursor))


def _rows(cursor: Any) -> int:
    """Return the number of rows that the driver tells; -1 if it knows none."""
    try:
        rows = cursor.rowcount
    except Exception:  # noqa: BLE001  whatever the driver, or a subclass of the project's, does
        return -1
    return rows if type(rows) is int and 0 <= rows < 1 << 62 else -1  # MySQL's unknown is the greatest of 64 bits
