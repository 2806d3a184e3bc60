"""The filters of the list of requests, as they stand in a URL.

Runs in the recorder, in the stand-in, and in ``appliance requests`` and ``appliance mcp``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import parse_qs, urlencode

MOST = 500  # requests in one answer
_STATUSES = frozenset({"1xx", "2xx", "3xx", "4xx", "5xx"})
FIELDS_MAX = 50
TEXT_MAX = 200  # characters
_ROUTE_MAX = 8_192  # a path without a route stands for it, whole


_NO_REPLAY = (
    "NOT EXISTS (SELECT 1 FROM details WHERE details.request_id = requests.request_id AND details.run = requests.run "
    "AND abs(details.at - requests.at) < 0.000002 AND details.replay_of IS NOT NULL)"
)


@dataclass(frozen=True)
class Filters:
    """Which requests are listed. None and "": all.

    Attributes:
        q: a text that path or query contain.
        method: as sent.
        status: "404", or a class such as "4xx".
        route: the framework's pattern, or a path without one.
        generation: of the current run.
        slower_ms: took at least so long.
        replays: "off": without those that the appliance has sent again, also for pins.
        limit: how many, from 1 to ``MOST``.
        before, after: ids of requests: only older, only newer ones.
    """

    q: str = ""
    method: str = ""
    status: str = ""
    route: str = ""
    generation: int | None = None
    slower_ms: int | None = None
    replays: str = ""
    limit: int = 100
    before: int | None = None
    after: int | None = None

    @classmethod
    def of_query(cls, query: str) -> Filters:
        """Read the filters of a query string; what can't be read filters nothing."""
        try:
            given = {name: values[-1].strip() for name, values in parse_qs(query, max_num_fields=FIELDS_MAX).items()}
        except ValueError:  # too many of them
            return cls()
        read: dict[str, Any] = {name: given.get(name, "")[:TEXT_MAX] for name in ("q", "method")}
        read["route"] = given.get("route", "")[:_ROUTE_MAX]
        read["method"] = read["method"].upper()
        status = given.get("status", "").lower()
        if status in _STATUSES or (status.isascii() and status.isdigit() and len(status) == 3):
            read["status"] = status
        read["replays"] = "off" if given.get("replays", "").lower() == "off" else ""
        for name in ("generation", "slower_ms", "before", "after", "limit"):
            if (number := _number(given.get(name, ""))) is not None:
                read[name] = number
        read["limit"] = min(max(read.get("limit", cls.limit), 1), MOST)
        return cls(**read)

    def query(self, **changed: object) -> str:
        """Return these filters as a query string, some of them changed; "" if nothing is filtered."""
        values = {each.name: getattr(self, each.name) for each in fields(self)} | changed
        defaults = {each.name: each.default for each in fields(self)}
        return urlencode({name: value for name, value in values.items() if value not in ("", None, defaults[name])})

    def condition(self, run: str) -> tuple[str, list[Any]]:
        """Return the SQL condition, and its values; ``run`` is the one that generations are counted in."""
        given: list[tuple[str, tuple[Any, ...]]] = []
        if self.q:
            given.append(("instr(lower(path || '?' || coalesce(query, '')), lower(?)) > 0", (self.q,)))
        if self.status.endswith("xx"):
            given.append(("status / 100 = ?", (int(self.status[0]),)))
        elif self.status:
            given.append(("status = ?", (int(self.status),)))
        if self.generation is not None:
            given.append(("generation = ? AND run = ?", (self.generation, run)))
        if self.slower_ms is not None:
            given.append(("duration_s >= ?", (self.slower_ms / 1000,)))
        if self.replays:
            given.append((_NO_REPLAY, ()))
        given += [(part, (value,)) for part, value in self._compared() if value not in ("", None)]
        return " AND ".join(part for part, _ in given) or "1", [value for _, values in given for value in values]

    def _compared(self) -> list[tuple[str, object]]:
        return [
            ("method = ?", self.method), ("coalesce(route, path) = ?", self.route),
            ("id < ?", self.before), ("id > ?", self.after),
        ]  # fmt: skip


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
