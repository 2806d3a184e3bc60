"""The history of reloads: each generation with what was saved, how long each phase took, and how it ended.

Runs in the stand-in and in ``appliance mcp``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

Found = dict[str, Any]

_BEGINS = "reload.started"
SERVES = frozenset({"reload.finished", "worker.ready"})
"""The ends of a reload after which its code serves."""

_ENDS = (*sorted(SERVES), "worker.failed", "worker.exited", "install.failed", "preparation.failed")
# The events that end a phase of their own, with the name of the phase.
_STEPS = {"install.finished": "installed", "preparation.finished": "before start"}
_ROWS_OF_ONE = 5  # of a reload, at most


class _Pending:
    """The facts about the next generation: the saved files, the times, and the steps that it took."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.files: list[str] = []
        self.saved_at: float | None = None
        self.steps: dict[str, float] = {}

    def saved(self, entry: Found, at: float) -> None:
        self.files = [*self.files, *(each for each in entry.get("files", ()) if each not in self.files)]
        self.saved_at = self.saved_at or at


def reloads(connection: sqlite3.Connection, limit: int = 100) -> list[Found]:
    """Return the effects of the recorded saves, the newest first: each generation with its files, times and failure.

    Each has the fields of the event that ended it, and ``files``; ``saved_at``, when the first of them was seen, None
    for a start; ``phases``, pairs of a name and a duration in seconds, in their order.
    """
    found: list[Found] = []
    pending = _Pending("")
    for run, at, entry in _entries(connection, limit * _ROWS_OF_ONE):
        if run != pending.run:
            pending = _Pending(run)
        if entry["event"] == _BEGINS:
            pending.saved(entry, at)
        elif entry["event"] in _STEPS:
            pending.steps[_STEPS[entry["event"]]] = float(entry.get("duration_s") or 0.0)
        elif entry["event"] == "reload.finished" and found and _is_same(found[-1], entry, run):
            found[-1].update(entry, phases=_phases(entry, found[-1]["steps"]))
        else:
            known = {"files": pending.files, "saved_at": pending.saved_at, "steps": pending.steps}
            found.append({"generation": None, **known, **entry, "at": at, "run": run})
            found[-1]["phases"] = _phases(entry, pending.steps)
            pending = _Pending(run)
    for each in found:
        del each["steps"]
    return found[::-1][:limit]


def _entries(connection: sqlite3.Connection, limit: int) -> Iterator[tuple[str, float, Found]]:
    """Yield the run, the time and the fields of each event, the oldest first."""
    names = (_BEGINS, *_ENDS, *_STEPS)
    rows = connection.execute(
        # The end of a worker that a newer one has replaced is part of each reload.
        f"SELECT run, at, line FROM lines WHERE event IN ({', '.join('?' * len(names))}) "  # noqa: S608  names of ours
        "AND NOT (event = 'worker.exited' AND level IN ('debug', 'info')) ORDER BY id DESC LIMIT ?",
        (*names, limit),
    ).fetchall()
    for row in reversed(rows):
        yield row["run"], row["at"], json.loads(row["line"])


def _is_same(last: Found, entry: Found, run: str) -> bool:
    return (last["event"], last["run"], last["generation"]) == ("worker.ready", run, entry.get("generation"))


def _phases(entry: Found, steps: dict[str, float]) -> list[tuple[str, float]]:
    """Return the phases that are known; what is left of the whole comes last."""
    known = {
        "noticed": entry.get("seen_s"),
        **steps,
        "process started": entry.get("start_s"),
        "imported": entry.get("import_s"),
    }
    phases = [(name, float(took)) for name, took in known.items() if took]
    whole = entry.get("duration_s") or entry.get("total_s")
    if whole is None:
        return phases
    left = float(whole) - sum(took for name, took in phases if entry["event"] == "reload.finished" or name not in steps)
    return [*phases, ("made ready", left)] if left >= 0.0005 else phases
