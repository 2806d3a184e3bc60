"""The notes of the queries of a request that runs in this thread."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from appliance.desk.queries.recorded_queries import queries_of
from appliance.desk.redaction import Redaction
from appliance.server.wsgi.access_log.exchange import Exchange, current
from appliance.worker.hooks import Hooks
from appliance.worker.instrumentation.details import Details
from appliance.worker.instrumentation.project_line import ProjectLine
from appliance.worker.instrumentation.query_hooks.driver_methods import DriverMethods
from appliance.worker.instrumentation.query_hooks.query_notes import QueryNotes


class Noted(list[dict[str, Any]]):
    """The queries, once the request has ended."""

    @property
    def texts(self) -> list[str]:
        """The texts of the queries."""
        return [each["sql"] for each in self]


@contextlib.contextmanager
def request() -> Iterator[Noted]:
    """A request that is recorded."""
    exchange = Exchange(None, "127.0.0.1", 8000, 0.0, "id")
    exchange.details = details = Details(b"")
    noted = Noted()
    token = current.set(exchange)
    try:
        yield noted
    finally:
        current.reset(token)
        noted.extend(queries_of(details.of(exchange).info, Redaction())[0])


def driver_methods(own: str, notes: QueryNotes | None = None) -> tuple[DriverMethods, list[dict[str, object]]]:
    """The wrappers for a project whose one file is ``own``, and the events that they report."""
    hooks, events = Hooks(), list[dict[str, object]]()
    hooks.report_to(lambda _, event, fields: events.append({"event": event, **fields}))
    found = notes or QueryNotes(ProjectLine(lambda name: name == own))
    return DriverMethods(hooks, "queries of a test", found), events
