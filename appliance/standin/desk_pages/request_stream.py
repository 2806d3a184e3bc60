"""The stream of new requests that an open list listens to (server-sent events, HTML 9.2)."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from appliance.desk import recorded_requests
from appliance.desk.database import UnreadableError, open_for_reading

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator
    from pathlib import Path

    from appliance.desk.filters import Filters

LOOK_S = 0.1  # between two looks for something new; a look costs some microseconds
_PING_LOOKS = 150
_FILE_LOOKS = 10


def new_requests(path: Path, filters: Filters, closed: threading.Event) -> Generator[bytes, None, None]:
    """Yield the requests that come after ``filters.after``, until ``closed`` is set or the database is removed."""
    yield b"retry: 1000\n\n"
    version, silent = -1, 0
    try:
        connection, file = open_for_reading(path), _identity(path)
    except (UnreadableError, OSError):
        return  # the browser connects again
    try:
        # An id from a database that was removed does not exist in this one.
        seen = filters.after if filters.after and filters.after <= recorded_requests.newest(connection) else 0
        while not closed.is_set():
            (now,) = connection.execute("PRAGMA data_version").fetchone()
            found: list[dict[str, Any]] = []
            if now != version:
                found = recorded_requests.find(connection, replace(filters, after=seen, before=None))
                if len(found) < filters.limit:  # else there may be more
                    version = now
            if found:
                seen, silent = found[0]["id"], 0
                yield f"id: {seen}\nevent: requests\ndata: {json.dumps(found)}\n\n".encode()
                continue
            silent += 1
            if silent % _PING_LOOKS == 0:
                yield b":\n\n"
            if silent % _FILE_LOOKS == 0 and _identity(path) != file:
                return
            closed.wait(LOOK_S)
    except (sqlite3.Error, OSError):
        return  # it was removed or replaced: the browser connects again
    finally:
        connection.close()


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
