"""The pages of remedies: what one would run or change, the form with its button, its output, and how it ended.

A browser posts an id, and the supervisor decides what that means: this process runs nothing. Pages work without script;
``server/pages/live_parts/remedy_script`` does the same in place, on the page that shows the failure.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from functools import partial
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

from appliance.protocol.page_messages import CancelRemedy, RunRemedy
from appliance.server.browser.own_paths import PREFIX
from appliance.server.pages.error_page import preferred_format
from appliance.server.pages.live_parts.remedy_html import PAGE, SCRIPT, remedy_details
from appliance.server.pages.live_parts.remedy_script import REMEDY_SCRIPT

from .page_responses import answer, file
from .posted_form import PAGE_VALUE, form_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.protocol.page_messages import RemedyProgress
    from appliance.protocol.record import Message

    from .event_stream import EventStream

    StartResponse = Callable[..., Any]
    Route = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

SHOWN = "shown"  # the field with the digest of what the page shows
STYLE = f"{PREFIX}/remedy.css"
_LINES_MAX = 500
_RUNS_MAX = 20
_STATES = {
    "running": "Running ...",
    "done": "Done. The project is served again.",
    "failed": "It failed",
    "refused": "Refused",
}


class RemedyPages:
    """The remedies as pages show them.

    Args:
        send: sends a message to the supervisor.
        stream: what open pages listen to.
        page_value: what a page of ours sends with each change.
        wait_s: how long a request waits for a remedy of a failure that has just happened.
    """

    def __init__(
        self, send: Callable[[Message], object], stream: EventStream, page_value: str, wait_s: float = 3.0
    ) -> None:
        self._send = send
        self._wait_s = wait_s
        self._stream = stream
        self._page_value = page_value
        self._changed = threading.Condition()
        self._remedies: dict[str, dict[str, Any]] = {}
        self._runs: OrderedDict[str, dict[str, Any]] = OrderedDict()
        style = (files(__package__) / "static" / "remedy.css").read_bytes()
        self.gets: dict[str, Route] = {
            PAGE: self._show,
            SCRIPT: partial(file, "text/javascript; charset=utf-8", REMEDY_SCRIPT.encode()),
            STYLE: partial(file, "text/css; charset=utf-8", style),
        }
        self.posts: dict[str, Route] = {PAGE: self._run, f"{PAGE}/cancel": self._cancel}

    # -- what the supervisor says --------------------------------------------------------------------------------------

    def set(self, remedies: list[dict[str, Any]]) -> None:
        """Replace the remedies that may be run now."""
        with self._changed:
            self._remedies = {str(each.get("id")): each for each in remedies}
            self._changed.notify_all()
        self._stream.publish("remedies", {})  # a page that shows one asks for it again

    def progress(self, message: RemedyProgress) -> None:
        """Note that a remedy has printed something, has ended, or was refused."""
        with self._changed:
            run = self._runs.setdefault(message.remedy, {"lines": [], "state": "", "reason": ""})
            if message.state == "running" and not message.lines:
                run["lines"] = []  # it begins
            run.update(state=message.state, reason=message.reason, lines=[*run["lines"], *message.lines][-_LINES_MAX:])
            while len(self._runs) > _RUNS_MAX:
                self._runs.popitem(last=False)
        self._stream.publish("remedy", vars(message))

    # -- what a browser asks for ---------------------------------------------------------------------------------------

    def _show(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        remedy_id = parse_qs(environ.get("QUERY_STRING", "")).get("id", [""])[0]
        with self._changed:
            self._changed.wait_for(lambda: remedy_id in self._remedies or remedy_id in self._runs, self._wait_s)
            remedy, run = self._remedies.get(remedy_id), dict(self._runs.get(remedy_id, {}))
        status = "200 OK" if remedy or run else "404 Not Found"
        if preferred_format(environ.get("HTTP_ACCEPT", "")) == "json":
            values = {
                **(remedy or {"title": "No such remedy is known.", "action": "Load the page of the failure again."}),
                "run": run,
                "page_value": self._page_value,
            }
            return answer(start, status, "application/json", json.dumps(values).encode())
        page = self._document(remedy_id, remedy, run)
        # Without a referrer, a form's Origin would be "null" (Fetch, "append a request Origin header").
        return answer(start, status, "text/html; charset=utf-8", page.encode(), ("Referrer-Policy", "same-origin"))

    def _document(self, remedy_id: str, remedy: dict[str, Any] | None, run: dict[str, Any]) -> str:
        state = run.get("state", "")
        title = escape(str(remedy["label"])) if remedy else "This remedy is no longer known"
        parts = [f"<h1>{title}</h1>"]
        parts.append(remedy_details(remedy) if remedy else "<p>The code has changed since: load the page again.</p>")
        if state:
            reason = f": {run['reason']}" if run["reason"] else ""
            parts.append(f'<p role="status" class="{escape(state)}">{escape(_STATES.get(state, state) + reason)}</p>')
        if run.get("lines"):
            text = escape("\n".join(run["lines"]))
            parts.append(f'<pre tabindex="0" role="region" aria-label="Output">{text}</pre>')
        if state == "running":
            parts.append(self._form(f"{PAGE}/cancel", {"id": remedy_id}, "Cancel"))
        elif remedy and remedy.get("runs") and state != "done":
            fields = {"id": remedy_id, SHOWN: str(remedy.get(SHOWN, ""))}
            parts.append(self._form(PAGE, fields, str(remedy["label"])))
        parts.append('<p><a href="/">Back to the project</a></p>')
        refresh = '<meta http-equiv="refresh" content="1">' if state == "running" else ""
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>{refresh}'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<link rel="stylesheet" href="{STYLE}"></head><body><main>{"".join(parts)}</main></body></html>\n'
        )

    def _form(self, action: str, hidden: dict[str, str], label: str) -> str:
        hidden = {**hidden, PAGE_VALUE: self._page_value}
        fields = "".join(f'<input type="hidden" name="{name}" value="{escape(text)}">' for name, text in hidden.items())
        return f'<form method="post" action="{action}">{fields}<button>{escape(label)}</button></form>'

    def _run(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        remedy_id, shown = _field(environ, "id"), _field(environ, SHOWN)
        with self._changed:
            known = self._remedies.get(remedy_id)
            if known is not None and known.get("runs"):
                # The page must not come before the supervisor's first message: it would never refresh itself.
                self._runs.setdefault(remedy_id, {"lines": [], "reason": ""}).update(state="running")
        return self._ask(RunRemedy(remedy=remedy_id, shown=shown), environ, start)

    def _cancel(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        return self._ask(CancelRemedy(remedy=_field(environ, "id")), environ, start)

    def _ask(self, message: RunRemedy | CancelRemedy, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        self._send(message)
        if preferred_format(environ.get("HTTP_ACCEPT", "")) == "json":
            return answer(start, "202 Accepted", "application/json", b"{}")
        start("303 See Other", [("Location", f"{PAGE}?id={quote(message.remedy)}"), ("Content-Length", "0")])
        return []


def _field(environ: dict[str, Any], name: str) -> str:
    return form_of(environ).get(name, "")[:64]
