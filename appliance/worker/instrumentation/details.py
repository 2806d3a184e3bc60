"""Collect the bytes that were received and sent for one request, up to a limit."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from ...protocol.request_details import (
    BODY_MAX,
    FETCHED,
    KIND,
    QUERIES_MAX,
    RESPONSE_MAX,
    TEXTS_MAX,
    TOOK,
    TRANSACTION,
    RequestDetails,
)
from .effects.request_effects import Effects, wire_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ...server.wsgi.access_log.exchange import Exchange

    AddFields = Callable[[Exchange, list[tuple[str, str]]], list[tuple[str, str]]]


class Details:
    """The bytes of one request and its response. The server calls it from the threads of the request, one at a time.

    Args:
        head: the request's.
        add_fields: returns the response's fields, given the application's.
        memory: of the process, at the beginning: ``ProcessMemory.now``.

    Attributes:
        began: when the request began to run (CLOCK_MONOTONIC).
        timing: the field that was added to its response, None before.
        left_out: how many requests before it were not recorded.
    """

    __slots__ = (
        "_add_fields", "_body", "_body_left", "_effects", "_head", "_of_cursors", "_queries", "_queries_left_out",
        "_response", "_response_left", "_texts", "_texts_left", "began",
        "left_out", "memory", "timing", "whole",
    )  # fmt: skip

    def __init__(
        self,
        head: bytes,
        add_fields: AddFields | None = None,
        memory: tuple[int, int] | None = None,
        *,
        whole: bool = True,
    ) -> None:
        self.began = monotonic()
        self.memory = memory
        self.timing: tuple[str, str] | None = None
        self.left_out = 0
        self.whole = whole  # else only its queries and calls, for their spans
        self._add_fields = add_fields
        self._head = head
        self._body: list[bytes] = []
        self._body_left = BODY_MAX if whole else 0
        self._response: list[bytes] = []
        self._response_left = RESPONSE_MAX if whole else 0
        self._queries: list[list[int]] = []
        self._queries_left_out = 0
        self._of_cursors: dict[int, list[int]] = {}  # by its id, the last query of each cursor
        self._texts: dict[str, int] = {}  # of queries, and of places: the number of each
        self._texts_left = TEXTS_MAX
        self._effects: Effects | None = None

    @property
    def effects(self) -> Effects:
        """The effects of the request, except its queries."""
        if self._effects is None:
            self._effects = Effects()
        return self._effects

    def fields(self, exchange: Exchange, fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the fields that are sent, where the application has given these."""
        return fields if self._add_fields is None else self._add_fields(exchange, fields)

    def received(self, data: bytes) -> None:
        """Take a piece of the body that the application reads."""
        if self._body_left > 0:
            self._body.append(data[: self._body_left])
        self._body_left -= len(data)

    def sent(self, parts: Iterable[bytes]) -> None:
        """Take pieces of the response, the head first."""
        for part in parts:
            if self._response_left > 0:
                self._response.append(bytes(part[: self._response_left]))
            self._response_left -= len(part)

    def add_query(
        self, texts: tuple[str, str, str], ran: tuple[float, float, int, str], rows: int, cursor: int
    ) -> None:
        """Note a query of the application.

        Args:
            texts: its text, the line that has caused it, and the types of its parameters.
            ran: when it began after the request, the seconds that it took, its kind, and the name of the exception.
            rows: as many as the driver tells; -1: it does not know.
            cursor: the id of the driver's cursor, to which ``add_rows`` adds.
        """
        if len(self._queries) >= QUERIES_MAX:
            self._queries_left_out += 1
            self._of_cursors.pop(cursor, None)
            return
        began, took, kind, error = ran
        sql, place, types = map(self._texts.get, texts)
        if sql is None or place is None or types is None:
            sql, place, types = map(self._number, texts)
        numbers = [  # of a ``NotedQuery``
            sql, place, int(began * 1_000_000), int(took * 1_000_000), rows, -1, types,
            self._number(error) if error else -1, kind,
        ]  # fmt: skip
        self._queries.append(numbers)
        self._of_cursors[cursor] = numbers

    def add_rows(self, cursor: int, rows: int, took_s: float) -> None:
        """Note that rows were fetched from this cursor, and add the time to that of the query."""
        query = self._of_cursors.get(cursor)
        if query is not None:
            query[FETCHED] = rows if query[FETCHED] < 0 else query[FETCHED] + rows
            query[TOOK] += int(took_s * 1_000_000)

    def query_total(self) -> tuple[int, int]:
        """Return how many queries there were so far, and their microseconds."""
        count = sum(each[KIND] != TRANSACTION for each in self._queries) + self._queries_left_out
        return count, sum(each[TOOK] for each in self._queries)

    def call_total(self) -> tuple[int, int]:
        """Return how many outgoing calls there were so far, and their microseconds."""
        return self._effects.call_total() if self._effects is not None else (0, 0)

    def _number(self, text: str) -> int:
        """Return the number of a text that is sent once; -1 if there were too many."""
        number = self._texts.get(text)
        if number is None:
            size = wire_size(text)
            if size > self._texts_left:
                return -1
            self._texts_left -= size
            number = self._texts[text] = len(self._texts)
        return number

    def of(self, exchange: Exchange) -> RequestDetails:
        """Return the message of a request that has ended."""
        info: dict[str, Any] = {
            "request_id": exchange.request_id, "ended_us": int(exchange.ended * 1_000_000),
            "queue_us": int((self.began - exchange.started) * 1_000_000),
        }  # fmt: skip
        if self.left_out:
            info["left_out"] = self.left_out
        if self._body_left < 0:
            info["body_cut"] = -self._body_left
        if self._response_left < 0:
            info["response_cut"] = -self._response_left
        info.update(self._done())
        if self._queries_left_out:
            info["queries_left_out"] = self._queries_left_out
        if self._effects is not None:
            info["effects"] = self._effects.to_wire()
        return RequestDetails(info, self._head, b"".join(self._body), b"".join(self._response))

    def spans_of(self, exchange: Exchange) -> RequestDetails | None:
        """Return the message about the effects of such a request, for its spans; None if there is none to export."""
        done, trace = self._done(), exchange.trace
        if self._effects is not None and (calls := self._effects.calls()):
            done["effects"] = {"calls": calls}
        if not done or trace is None or not trace.sampled:
            return None
        started = exchange.ended - (exchange.finished - exchange.started)
        info = {"trace": list(trace), "started_us": int(started * 1_000_000), **done}
        return RequestDetails(info, b"", b"", b"")

    def _done(self) -> dict[str, Any]:
        """Return the queries, as JSON values."""
        done: dict[str, Any] = {}
        if self._queries:
            done["queries"], done["texts"] = self._queries, list(self._texts)
        return done
