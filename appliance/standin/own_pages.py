"""The application below ``/__appliance__/``: each request passes the access policy, and then has a route.

Decision 41 says why.
"""

from __future__ import annotations

import time
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

from appliance.server.browser.local_peers import container_gateways, is_local
from appliance.server.browser.own_paths import CLIENT, PREFIX, WAIT
from appliance.server.pages import error_page
from appliance.server.pages.html.content_policy import UNFRAMED_POLICY
from appliance.server.wsgi.access_log.exchange import current

from . import access_policy
from .browser_errors import BODY_MAX, BrowserErrors
from .page_responses import file
from .posted_form import PAGE_VALUE, receive_form
from .programs.program_routes import MCP, REFUSALS_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .access_policy import AccessDenied, AccessPolicy, Allowed
    from .desk_pages.desk import Desk
    from .desk_pages.machine.machine_pages import MachinePages
    from .event_stream import EventStream
    from .programs.program_routes import ProgramRoutes
    from .remedy_pages import RemedyPages
    from .waiting_page import WaitingPage

    StartResponse = Callable[..., Any]
    Report = Callable[[str, str, dict[str, object]], None]
    Route = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_REASONS = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large"}
_PLACEHOLDER = b"{page-value}"
_SCRIPT = "text/javascript; charset=utf-8"


class OwnPages:
    """Answers requests below ``/__appliance__/``.

    Args:
        policy: decides which requests are answered.
        page: the page that is shown while no worker serves.
        stream: what open pages listen to.
        report: logs an event.
        status: returns the page at the root.
        remedies: the pages of remedies.
        machine: the desk's pages about processes, settings and packages.
        desk: the desk's pages about requests; None if nothing is recorded.
        programs: the routes for scripts and assistants.
    """

    def __init__(
        self,
        policy: AccessPolicy,
        page: WaitingPage,
        stream: EventStream,
        report: Report,
        status: Callable[[], dict[str, Any]],
        remedies: RemedyPages,
        *,
        machine: MachinePages | None = None,
        desk: Desk | None = None,
        programs: ProgramRoutes | None = None,
    ) -> None:
        self._policy = policy
        self._page = page
        self._report = report
        self._status = status
        self._desk = desk
        self._machine = machine
        self._programs = programs
        self._errors = BrowserErrors(report)
        self._gateways = container_gateways()
        self._refused_at = 0.0
        folder = files(__package__) / "static"
        client = (folder / "client.js").read_bytes().replace(_PLACEHOLDER, policy.page_value.encode())
        self._gets: dict[str, Route] = {
            PREFIX: self._root,
            f"{PREFIX}/": self._root,
            CLIENT: partial(file, _SCRIPT, client),
            f"{PREFIX}/events.js": partial(file, _SCRIPT, (folder / "events.js").read_bytes()),
            f"{PREFIX}/events": stream.application,
            **remedies.gets,
            **(machine.gets if machine is not None else {}),
            **(desk.gets if desk is not None else {}),
        }
        self._posts: dict[str, Route] = {f"{PREFIX}/browser-error": self._browser_error, **remedies.posts}

    def application(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, if it is allowed."""
        path = environ["PATH_INFO"]
        if path == WAIT:  # tells no more than the project's page itself does
            return self._page.wait(environ, start_response)
        start: StartResponse = partial(_with_fields, start_response)
        asked = self._page_request(environ)
        if path == MCP and self._programs is not None:
            return self._programs.assistant(asked, environ, start)
        decision = self._policy.decide(asked)
        if isinstance(decision, access_policy.AccessDenied):
            return self._refuse(decision, environ, start)
        if decision.cookie:
            return self._without_token(decision, environ, start)
        routes = self._posts if environ["REQUEST_METHOD"] == "POST" else self._gets
        route = routes.get(path)
        if route is None:
            route = self._find(environ["REQUEST_METHOD"], path)
        if route is None:
            known = path in self._posts or path in self._gets
            status, reason = (405, "the page takes another method") if known else (404, "there is no such page")
            return self._refuse(access_policy.AccessDenied(status, reason, f"Open {PREFIX}/."), environ, start)
        return route(environ, start)

    def _find(self, method: str, path: str) -> Route | None:
        """Return the route of a path with a number or a name in it."""
        route = self._desk.find(method, path) if self._desk is not None else None
        if route is None and method != "POST" and self._programs is not None:
            route = self._programs.find(path)
        return route

    def _page_request(self, environ: dict[str, Any]) -> access_policy.PageRequest:
        fields = {key[5:].lower().replace("_", "-"): value for key, value in environ.items() if key.startswith("HTTP_")}
        token = parse_qs(environ.get("QUERY_STRING", "")).get(access_policy.PARAMETER, [""])[0]
        form = receive_form(environ)
        return access_policy.PageRequest(
            environ["REQUEST_METHOD"],
            environ["wsgi.url_scheme"],
            fields,
            token=token,
            page_value=fields.get(access_policy.PAGE_VALUE_FIELD.lower(), "") or form.get(PAGE_VALUE, ""),
            local=self._is_local(environ),
        )

    def _is_local(self, environ: dict[str, Any]) -> bool:
        """Whether the client is this machine. An untrusted proxy, such as a tunnel, may forward for anybody."""
        exchange = current.get()
        head = exchange.head if exchange is not None else None
        claims = head.fields.forwarded if head is not None else None
        believed = not claims or any(key in environ for key in claims)
        return believed and is_local(environ["REMOTE_ADDR"], self._gateways)

    def _refuse(self, refused: AccessDenied, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        now = time.monotonic()
        if refused.status == 403 and now - self._refused_at > REFUSALS_S:
            self._refused_at = now
            self._report(
                "warning",
                "pages.refused",
                {"reason": refused.reason, "action": refused.action, "client.address": environ["REMOTE_ADDR"]},
            )
        page = {"status": refused.status, "title": f"Not shown: {refused.reason}.", "action": refused.action}
        return _page(page, environ, start, f"{refused.status} {_REASONS[refused.status]}")

    def _without_token(self, allowed: Allowed, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        """Lead the browser to the same page without the token, which its cookie has now."""
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        query.pop(access_policy.PARAMETER, None)
        rest = urlencode(query, doseq=True)
        place = environ["PATH_INFO"] + (f"?{rest}" if rest else "")
        start("303 See Other", [("Location", place), ("Set-Cookie", allowed.cookie), ("Content-Length", "0")])
        return []

    def _root(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        if error_page.preferred_format(environ.get("HTTP_ACCEPT", "")) == "html":
            if self._desk is not None:
                return self._desk.requests(environ, start)
            if self._machine is not None:
                return self._machine.processes(environ, start)
        return _page(self._status(), environ, start, "200 OK")

    def _browser_error(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(BODY_MAX + 1)
        if len(body) > BODY_MAX:
            return self._refuse(access_policy.AccessDenied(413, "the report is too long", "Send less."), environ, start)
        if not self._errors.take(body):
            return self._refuse(
                access_policy.AccessDenied(400, "this is not a report of an error", "Send JSON."), environ, start
            )
        start("204 No Content", [])
        return []


def _with_fields(start_response: StartResponse, status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
    own = {name for name, _ in headers}
    return start_response(status, [*headers, *(each for each in access_policy.FIELDS if each[0] not in own)], *more)


def _page(page: dict[str, Any], environ: dict[str, Any], start: StartResponse, status: str) -> Iterable[bytes]:
    """Answer with a page: its own policy admits its style and its script, and forbids what ``access_policy`` does."""
    kind, body = error_page.render(page, environ.get("HTTP_ACCEPT", ""))
    fields = {**dict(error_page.fields(kind)), "Content-Type": kind, "Content-Length": str(len(body))}
    if "Content-Security-Policy" in fields:
        fields["Content-Security-Policy"] = UNFRAMED_POLICY
    start(status, list(fields.items()))
    return [body]
