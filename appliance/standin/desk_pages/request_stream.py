"""The stream of new requests that an open list listens to (server-sent events, HTML 9.2)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from appliance.desk import questions
from appliance.desk.database import UnreadableError, open_for_reading

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator
    from pathlib import Path

    from appliance.desk.filters import Filters

LOOK_S = 0.1  # between two looks for something new; a look costs some microseconds
_PING_LOOKS = 150


def new_requests(path: Path, filters: Filters, closed: threading.Event) -> Generator[bytes, None, None]:
    """Yield the requests that come after ``filters.after``, until ``closed`` is set."""
    yield b"retry: 1000\n\n"
    seen, version, silent = filters.after or 0, -1, 0
    try:
        connection = open_for_reading(path)
    except UnreadableError:
        return  # the browser connects again
    try:
        while not closed.is_set():
            (now,) = connection.execute("PRAGMA data_version").fetchone()
            found: list[dict[str, Any]] = []
            if now != version:
                version = now
                found = questions.requests(connection, replace(filters, after=seen, before=None))
            if found:
                seen, silent = found[0]["id"], 0
                yield f"id: {seen}\nevent: requests\ndata: {json.dumps(found)}\n\n".encode()
                continue
            silent += 1
            if silent % _PING_LOOKS == 0:
                yield b":\n\n"
            closed.wait(LOOK_S)
    finally:
        connection.close()
