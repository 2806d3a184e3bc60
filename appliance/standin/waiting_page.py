"""The page that the project's requests get while no worker serves: what is under way, or what is broken.

A WSGI application of its own. The page's script waits by a long request until the page has changed.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from appliance.server.pages import error_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_IN_PLACE = ("version", "title", "lead", "details", "progress")


class WaitingPage:
    """The page that is shown now; requests read it, the control thread changes it.

    Args:
        max_wait_s: how long a request waits for a change; below the idle time-outs of proxies.
    """

    def __init__(self, max_wait_s: float = 20.0) -> None:
        self._max_wait_s = max_wait_s
        self._changed = threading.Condition()
        self._content: dict[str, Any] = {"status": 503, "title": "Starting", "lead": "", "version": 0}

    def show(self, content: dict[str, Any]) -> None:
        """Show this page from now on, and wake the requests that wait for a change."""
        with self._changed:
            self._content = content
            self._changed.notify_all()

    def stop(self) -> None:
        """Wake the requests that wait for a change: a worker serves now."""
        self.show({**self._content, "version": -1})

    def application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer with the page: HTML, JSON or text, by the Accept header."""
        content = self._content
        if environ["REQUEST_METHOD"] != "GET":
            content = {**content, "refresh": False}  # a reload would send the form again
        headers, body = error_page.response(content, environ.get("HTTP_ACCEPT", ""))
        headers.append(("Content-Length", str(len(body))))
        if content["status"] == 503:
            headers.append(("Retry-After", "1"))
        start_response("503 Service Unavailable" if content["status"] == 503 else "500 Internal Server Error", headers)
        return [body]

    def wait(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer once the page has another version than the query says, or after a while.

        A client that accepts JSON gets the new page while something is under way, to show it in place.
        """
        version = parse_qs(environ.get("QUERY_STRING", "")).get("version", [""])[0]
        with self._changed:
            changed = self._changed.wait_for(lambda: str(self._content["version"]) != version, self._max_wait_s)
            content = self._content
        common = [("Cache-Control", "no-store")]
        in_place = changed and content["version"] > 0 and "progress" in content
        if in_place and environ.get("HTTP_ACCEPT", "").startswith("application/json"):
            body = json.dumps({name: content.get(name, "") for name in _IN_PLACE}).encode()
            common += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
            start_response("200 OK", [*common, ("X-Appliance-Wait", "progress")])
            return [body]
        start_response("204 No Content", [*common, ("X-Appliance-Wait", "changed" if changed else "same")])
        return []
