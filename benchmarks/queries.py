"""What the desk costs a query: ``python -m benchmarks.queries``.

The shortest query of SQLite, in memory, and the fetch of its row: without our hooks, with them outside of a request,
in a request that is not recorded, and in one that is. CPU time, the best of several runs.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from appliance.server.wsgi.access_log.exchange import Exchange, current
from appliance.worker.hooks import Hooks
from appliance.worker.instrumentation.details import Details
from appliance.worker.instrumentation.project_line import ProjectLine
from appliance.worker.instrumentation.query_hooks.driver_methods import DriverMethods
from appliance.worker.instrumentation.query_hooks.drivers import hook_sqlite3
from appliance.worker.instrumentation.query_hooks.query_notes import QueryNotes
from benchmarks.results import keep

if TYPE_CHECKING:
    from collections.abc import Callable

QUERIES = 900  # of one request; up to 1,000 are kept
_RUNS = 61


def main() -> None:
    """Measure, print and keep."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        run, fetch = queries(connection), fetches(connection)
        bare, bare_fetch = cost_us(run), cost_us(fetch)
        methods = DriverMethods(Hooks(), "queries", QueryNotes(ProjectLine(lambda name: name == __file__)))
        hook_sqlite3(sqlite3, methods)
        outside = cost_us(run) - bare
        unrecorded = cost_us(run, recorded=False) - bare
        recorded, recorded_fetch = cost_us(run, recorded=True) - bare, cost_us(fetch, recorded=True) - bare_fetch
    result = {
        "query_us": round(bare, 2),
        "outside_us": round(outside, 2),
        "unrecorded_us": round(unrecorded, 2),
        "recorded_us": round(recorded, 2),
        "recorded_fetch_us": round(recorded_fetch - recorded, 2),
    }
    print(result)
    keep("queries", result)


def table(result: dict[str, Any]) -> str:
    """The figures as Markdown."""
    rows = {
        "outside of a request": "outside_us",
        "in a request that is not recorded": "unrecorded_us",
        "in a request that is recorded": "recorded_us",
        "the fetch of its row": "recorded_fetch_us",
    }
    lines = [f"| {label} | {result[name]:.1f} |" for label, name in rows.items()]
    return "\n".join(["| added to a query | µs |", "|---|---:|", *lines]) + "\n"


def queries(connection: sqlite3.Connection) -> Callable[[], None]:
    """Run queries with a parameter."""
    cursor = connection.cursor()

    def run() -> None:
        for number in range(QUERIES):
            cursor.execute("SELECT ?", (number,))

    return run


def fetches(connection: sqlite3.Connection) -> Callable[[], None]:
    """Run queries, and fetch the row of each."""
    cursor = connection.cursor()

    def run() -> None:
        for number in range(QUERIES):
            cursor.execute("SELECT ?", (number,))
            cursor.fetchone()

    return run


def cost_us(run: Callable[[], None], *, recorded: bool | None = None) -> float:
    """CPU time of this thread for one query, in microseconds: the best run's; None: outside of a request."""
    spent = []
    for _ in range(_RUNS):
        exchange = Exchange(None, "127.0.0.1", 8000, time.monotonic(), "id")
        exchange.details = Details(b"") if recorded else None
        token = current.set(exchange if recorded is not None else None)
        before = time.thread_time()
        run()
        spent.append(time.thread_time() - before)
        current.reset(token)
    return min(spent) / QUERIES * 1_000_000


if __name__ == "__main__":
    main()
