"""Find recorded lines of the log in the desk's database. Every function reads, none writes.

Runs in the stand-in and in ``appliance mcp``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from appliance.conventions import LOG_LEVELS
from appliance.desk.filters import FIELDS_MAX, MOST, TEXT_MAX

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True)
class LogFilters:
    """Filters for lines of the log. None and "": all.

    Attributes:
        q: a text that the line contains.
        event: the name of an event.
        level: the least level.
        generation: of the current run.
        run: an id of a run of the appliance; "" for all.
        before, after: numbers of lines: only older, only newer ones.
        since: seconds since 1970: only lines of this time and later.
        limit: how many, from 1 to ``MOST``.
    """

    q: str = ""
    event: str = ""
    level: str = ""
    generation: int | None = None
    run: str = ""
    before: int | None = None
    after: int | None = None
    since: float | None = None
    limit: int = 100

    @classmethod
    def of_query(cls, query: str) -> LogFilters:
        """Read the filters of a query string; what can't be read filters nothing."""
        try:
            given = {name: values[-1].strip() for name, values in parse_qs(query, max_num_fields=FIELDS_MAX).items()}
        except ValueError:  # too many of them
            return cls()
        texts: dict[str, Any] = {name: given.get(name, "")[:TEXT_MAX] for name in ("q", "event", "run")}
        if (level := given.get("level", "").lower()) in LOG_LEVELS:
            texts["level"] = level
        for name in ("generation", "before", "after", "limit"):
            text = given.get(name, "")
            if text.isascii() and text.isdigit() and len(text) < 16:
                texts[name] = int(text)
        texts["limit"] = min(max(texts.get("limit", cls.limit), 1), MOST)
        return cls(**texts)

    def condition(self) -> tuple[str, list[Any]]:
        """Return the SQL condition, and its values."""
        parts: list[tuple[str, object]] = []
        if self.q:
            parts.append(("instr(lower(line), lower(?)) > 0", self.q))
        if self.level in LOG_LEVELS:
            names = ", ".join(f"'{name}'" for name in LOG_LEVELS[LOG_LEVELS.index(self.level) :])
            parts.append((f"level IN ({names}) AND ?", 1))
        compared = [
            ("event = ?", self.event), ("run = ?", self.run), ("generation = ?", self.generation),
            ("id < ?", self.before), ("id > ?", self.after), ("at >= ?", self.since),
        ]  # fmt: skip
        parts += [(text, value) for text, value in compared if value not in ("", None)]
        return " AND ".join(text for text, _ in parts) or "1", [value for _, value in parts]


def log_lines(connection: sqlite3.Connection, filters: LogFilters) -> list[dict[str, Any]]:
    """Return the lines that the filters let through, the newest first; ``id`` is the number of the line."""
    condition, values = filters.condition()
    order = "ASC" if filters.after is not None else "DESC"
    rows = connection.execute(
        f"SELECT id, line FROM lines WHERE {condition} ORDER BY id {order} LIMIT ?",  # noqa: S608  texts of ours
        [*values, filters.limit],
    ).fetchall()
    found = [{"id": row["id"], **json.loads(row["line"])} for row in rows]
    return found[::-1] if filters.after is not None else found


def unfinished_requests(connection: sqlite3.Connection, run: str) -> list[dict[str, Any]]:
    """Return the requests of a run that were reported as slow and have not ended, each once, the newest first."""
    rows = connection.execute(
        "SELECT max(id), line FROM lines WHERE event = 'request.slow' AND run = ? AND NOT EXISTS "
        "(SELECT 1 FROM requests WHERE requests.request_id = lines.request_id AND requests.run = lines.run) "
        "GROUP BY request_id ORDER BY max(id) DESC LIMIT 20",
        (run,),
    )
    return [json.loads(row["line"]) for row in rows]


def left_out(connection: sqlite3.Connection, since: float) -> dict[str, Any] | None:
    """Return how many lines since this time were not recorded, and when that was logged last (``at``); None if none."""
    at, count = connection.execute(
        "SELECT max(at), sum(json_extract(line, '$.count')) FROM lines WHERE event = 'desk.incomplete' AND at >= ?",
        (since,),
    ).fetchone()
    return {"at": at, "count": count} if count else None
