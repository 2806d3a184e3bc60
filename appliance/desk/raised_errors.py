"""The exceptions in lines of the log, in one form: those that the server, a framework or the project has logged.

A framework answers most exceptions itself: Flask and Django log them, Falcon prints the traceback. Runs in the
recorder, in the stand-in, and in ``appliance requests`` and ``appliance mcp``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

Found = dict[str, Any]

_LATEST = 20_000  # lines that are looked at
_MOST = 2_000  # lines with an exception
_START = "Traceback (most recent call last):\n"
_FRAME = re.compile(r'^ {2}File "(?P<file>[^"\n]{1,1000})", line (?P<line>\d{1,9}), in ', re.MULTILINE)
_OTHERS = re.compile(r"/(?:site|dist)-packages/|/lib/python3(?:\.\d+)?/|^<")  # files of libraries
_OURS = f"{Path(__file__).parents[1]}/"  # where queries are noted, for example
_CAUSES = {
    "cause": "The above exception was the direct cause of the following exception:",
    "context": "During handling of the above exception, another exception occurred:",
}
_LOGGED = """
SELECT id, at, request_id, line FROM lines WHERE id > (SELECT max(id) - ? FROM lines) AND (
    event = 'application.failed'
    OR (event = 'project.logged' AND level IN ('error', 'critical') AND instr(line, '"exception":') > 0)
    OR (event = 'output' AND level = 'error' AND instr(line, 'Traceback (most recent call last)') > 0)
) ORDER BY id DESC LIMIT ?
"""


def raised_error(entry: Found) -> Found | None:
    """Return the exception that a line of the log tells: its fields, with ``error``, ``file``, ``line``, ``traceback``.

    None for a line without one.
    """
    if entry["event"] == "application.failed":
        return entry
    if entry.get("level") not in {"error", "critical"}:
        return None
    if entry["event"] == "project.logged" and entry.get("exception"):
        return _logged(entry)
    if entry["event"] == "output" and _START in str(entry.get("text")):
        return _printed(entry)
    return None


def error_of(lines: Sequence[Found]) -> Found | None:
    """Return the exception of a request from its lines: what the server says of it, with the traceback."""
    found = [each for each in map(raised_error, lines) if each is not None]
    ours = next((each for each in found if each["event"] == "application.failed"), None)
    whole = next((each for each in found if each.get("traceback")), None)
    if ours is None or whole is None or ours is whole:
        return ours or whole
    return {**ours, "traceback": whole["traceback"]}


def errors(connection: sqlite3.Connection, limit: int = 100, *, with_traceback: bool = False) -> list[Found]:
    """Return the recorded exceptions in groups: the same error at the same line of the project is one group."""
    groups: dict[tuple[str, str, int], Found] = {}
    reporters: dict[tuple[str, tuple[str, str, int]], str] = {}  # which event has reported it
    for row in connection.execute(_LOGGED, (_LATEST, _MOST)):
        entry = raised_error(json.loads(row["line"]))
        if entry is None:
            continue
        kind = str(entry.get("error", "")).partition(":")[0].rpartition(".")[2]
        key = (kind, str(entry.get("file", "")), int(entry.get("line") or 0))
        group = groups.setdefault(
            key,
            {
                "error": entry.get("error", ""), "file": key[1], "line": key[2], "count": 0, "last_at": row["at"],
                "first_at": row["at"], "request": None, "request_id": row["request_id"], "action": "",
            },
        )  # fmt: skip
        group["action"] = group["action"] or entry.get("action", "")
        if with_traceback:
            group["traceback"] = group.get("traceback") or entry.get("traceback", "")
        if row["request_id"] and reporters.setdefault((row["request_id"], key), entry["event"]) != entry["event"]:
            continue  # a framework has logged what the server has logged too
        group["count"] += 1
        group["first_at"] = row["at"]
    found = list(groups.values())[:limit]
    for group in found:
        group["request"] = number_of(connection, group.pop("request_id"))
    return found


def number_of(connection: sqlite3.Connection, request_id: str | None) -> int | None:
    """Return the id of the last request with this request id; None without one."""
    row = connection.execute(
        "SELECT id FROM requests WHERE request_id = ? ORDER BY id DESC LIMIT 1", (request_id,)
    ).fetchone()
    return row["id"] if row is not None else None


def _logged(entry: Found) -> Found:
    """Return a record of ``logging``: its exceptions are values, the one that was raised last is the first."""
    exceptions = [each for each in entry["exception"] if isinstance(each, dict)]
    if not exceptions:
        return {**entry, "error": str(entry.get("message", ""))}
    places = [(each.get("file", ""), each.get("line")) for each in exceptions[0].get("frames", ())]
    file, line = _innermost(places)
    texts = []
    for each in reversed(exceptions):
        texts.append(_text(each))
        if each is not exceptions[0]:
            texts.append(f"\n{_CAUSES.get(str(each.get('of')), _CAUSES['context'])}\n\n")
    return {**entry, "error": _title(exceptions[0]), "file": file, "line": line, "traceback": "".join(texts)}


def _innermost(places: Sequence[tuple[str, int | None]]) -> tuple[str, int | None]:
    """Return the innermost place in the project, or else in a library, as the server does: never in the appliance."""
    seen = [each for each in places if not str(each[0]).startswith(_OURS)]
    own = [each for each in seen if not _OTHERS.search(str(each[0]))]
    return (own or seen or [("", None)])[-1]


def _title(exception: Found) -> str:
    message = str(exception.get("message") or "")
    return f"{exception.get('type')}: {message}" if message else str(exception.get("type"))


def _text(exception: Found) -> str:
    """Return one exception as Python prints it."""
    lines = [
        f'  File "{each.get("file")}", line {each.get("line")}, in {each.get("function")}\n'
        + (f"    {each['source']}\n" if each.get("source") else "")
        for each in exception.get("frames", ())
    ]
    return f"{_START}{''.join(lines)}{_title(exception)}\n"


def _printed(entry: Found) -> Found:
    """Return a traceback that was printed: its last line names the error."""
    text = str(entry["text"])
    traceback = text[text.index(_START) :]
    last = traceback.rstrip().rpartition(_START)[2]
    ends = [line for line in last.splitlines() if line and not line.startswith(" ")]
    places = [(found["file"], int(found["line"])) for found in _FRAME.finditer(last)]
    file, line = _innermost(places)
    return {**entry, "error": ends[0] if ends else "", "file": file, "line": line, "traceback": traceback}
