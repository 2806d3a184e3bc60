"""Lines of a log, as the supervisor writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

START = 1_795_932_799.0


def line(event: str, at: float = START, /, **fields: Any) -> bytes:
    """One line."""
    stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    entry = {"timestamp": stamp, "level": "info", "event": event, "role": "worker", **fields}
    return json.dumps(entry, separators=(",", ":")).encode()


def request(path: str, at: float = START, /, **fields: Any) -> bytes:
    """The line of a request."""
    status = fields.pop("status", 200)
    usual = {
        "http.request.method": "GET", "url.path": path, "http.response.status_code": status, "duration_s": 0.01,
        "http.response.body.size": 2, "request_id": f"id-{path}", "generation": 1,
    }  # fmt: skip
    return line("request.finished", at, **{**usual, **fields})
