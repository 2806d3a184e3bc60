"""Render a page as JSON: problem details for HTTP APIs (RFC 9457), with the page's parts as extension members."""

from __future__ import annotations

import json
from typing import Any

from ..http.refusal import phrase

# The title of a type of problem does not change from one occurrence to the next (RFC 9457, 3.1.4).
_TITLES = {
    "application.failed": "The application raised an exception",
    "application.missing": "No WSGI application was found",
    "install.failed": "The project's dependencies can't be installed",
    "interpreter.missing": "There is no Python for this project",
    "preparation.failed": "A command of BEFORE_START failed",
    "worker.failed": "The project can't be imported",
    "worker.exited": "The worker ended",
    "host.refused": "This host is not served",
}
# For the page's own script and links.
_NOT_SHOWN = frozenset({"refresh", "version", "title", "status", "error", "editor", "root", "type"})


def problem(page: dict[str, Any]) -> bytes:
    """Return the page as JSON.

    ``type`` and ``title`` name the type of problem, ``detail`` is the page's title, ``exception_type`` the exception's.
    """
    status, error = int(page.get("status", 500)), str(page.get("error", ""))
    known = _TITLES.get(error)
    request_id = page.get("request_id")
    members = {
        "type": f"urn:problem-type:appliance:{error.replace('.', '-')}" if known else "about:blank",
        "title": known or phrase(status),
        "status": status,
        "detail": page.get("title", ""),
        **({"instance": f"urn:request:{request_id}"} if request_id else {}),
        **({"exception_type": page["type"]} if page.get("type") else {}),
    }
    more = {key: value for key, value in page.items() if key not in _NOT_SHOWN and value != ""}
    return json.dumps({**more, **members}).encode()
