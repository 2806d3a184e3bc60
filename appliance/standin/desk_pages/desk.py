"""The routes of the desk: HTML for a browser, JSON for everything else."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.desk import raised_errors, recorded_requests
from appliance.desk.database import UnreadableError, open_for_reading
from appliance.desk.filters import Filters
from appliance.desk.recorded_lines import left_out
from appliance.desk.reload_history import reloads
from appliance.server.browser.own_paths import PREFIX
from appliance.standin.page_responses import StreamedParts
from appliance.standin.replay_pages.pin_pages import PinPages, pin_note
from appliance.standin.replay_pages.replay_html import replay_bar
from appliance.standin.replay_pages.replay_routes import ReplayPages

from .errors_page import errors_page
from .list_page import failure_note, list_page
from .mail_page import mail_page
from .relative_paths import RelativePaths
from .reloads_page import reloads_page
from .request_page import request_page, request_title
from .request_stream import new_requests
from .routes_page import routes_page
from .sections.section_table import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.standin.replay_pages.request_test_page import WrittenPages

    from .page_frame import PageAnswers

    StartResponse = Callable[..., Any]
    Route = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
    Ask = Callable[[sqlite3.Connection], Any]

REQUESTS = f"{PREFIX}/requests"
_STREAM = f"{REQUESTS}/stream"
_STREAMS_MAX = 24  # each holds a thread of this process


class Desk:
    """Finds the desk's page of a path, and answers with it.

    Args:
        path: the database.
        answers: makes answers of pages.
        project: the project's folder.
        replays: the pages on which a request is sent again, pinned, and written as a test.
    """

    def __init__(
        self, path: str, answers: PageAnswers, project: str, *replays: ReplayPages | PinPages | WrittenPages
    ) -> None:
        self._shown = RelativePaths(project).apply
        self._replays = replays
        self._path = Path(path)
        self._answer = answers.answer
        self._closed = threading.Event()
        self._streams = threading.BoundedSemaphore(_STREAMS_MAX)
        self.gets: dict[str, Route] = {
            REQUESTS: self.requests,
            _STREAM: self._stream,
            f"{PREFIX}/routes": self._routes,
            f"{PREFIX}/reloads": self._reloads,
            f"{PREFIX}/errors": self._errors,
        }
        for each in replays:
            self.gets.update(each.gets)

    def find(self, method: str, path: str) -> Route | None:
        """Return the route of a path that holds the number of a request, and maybe the name of a section."""
        route = next(filter(None, (each.find(method, path) for each in self._replays)), None)
        if route is not None or method == "POST":
            return route
        number, _, section = path.removeprefix(f"{REQUESTS}/").partition("/")
        is_number = number.isascii() and number.isdigit() and len(number) < 16
        if path.startswith(f"{REQUESTS}/") and is_number and section in SECTIONS:
            return partial(self._request, int(number), section)
        position = section.removeprefix("mail/")
        if is_number and position != section and position.isascii() and position.isdigit() and len(position) < 4:
            return partial(self._mail, int(number), int(position))
        return None

    def close(self) -> None:
        """End every stream."""
        self._closed.set()

    def requests(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        """Answer with the list of requests."""
        filters = Filters.of_query(environ.get("QUERY_STRING", ""))

        def ask(connection: sqlite3.Connection) -> tuple[list[dict[str, Any]], int, dict[str, Any] | None]:
            newest = recorded_requests.newest(connection)
            found = recorded_requests.find(connection, filters)
            return found, newest, left_out(connection, found[-1]["at"]) if found else None

        found, newest, missing = self._ask(ask, ([], 0, None))
        value = self._replays[0].page_value if self._replays else ""
        failure = self._recording_failure()
        values = {"requests": found, "left_out": missing, "not_recorded": failure}

        def page() -> str:
            return failure_note(failure) + list_page(found, filters, newest, value, missing)

        return self._answer(environ, start, "Requests", page, values, page_name="")

    def _recording_failure(self) -> str:
        """Return why requests are not recorded at present; "" while they are."""
        replays = next((each for each in self._replays if isinstance(each, ReplayPages)), None)
        return replays.recording_failure() if replays is not None else ""

    def _request(self, number: int, section: str, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        filters = Filters.of_query(environ.get("QUERY_STRING", ""))
        found = self._ask(lambda connection: recorded_requests.read(connection, number, filters), None)
        if found is None:
            body = f"<p>This request is not kept, or was never recorded. <a href='{PREFIX}/'>All requests</a></p>"
            values = {"error": f"request {number} is not kept"}
            return self._answer(
                environ, start, "No such request", lambda: body, values, page_name="-", status="404 Not Found"
            )

        def page() -> str:
            return self._bar(found) + request_page(self._shown(found), section, filters)

        return self._answer(environ, start, request_title(found), page, found, page_name="-")

    def _bar(self, found: dict[str, Any]) -> str:
        """Return the buttons for a request, with the note of its pin."""
        if not self._replays:
            return ""
        pins = next((each for each in self._replays if isinstance(each, PinPages)), None)
        pin = pins.pin_of(found) if pins is not None and found["path"] else None
        note = pin_note(pin) if pin is not None else ""
        bar = replay_bar(found["id"], self._replays[0].page_value, pin["pin"] if pin is not None else None)
        return f"{bar}{note}"

    def _mail(self, number: int, position: int, _environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        found = self._ask(lambda connection: recorded_requests.read(connection, number), None)
        return mail_page(found, position, start)

    def _routes(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        found, saved = self._ask(
            lambda each: (recorded_requests.routes(each), recorded_requests.last_save(each)), ([], 0.0)
        )
        page = partial(routes_page, found, saved)
        return self._answer(environ, start, "Routes", page, {"routes": found, "saved_at": saved}, page_name="routes")

    def _reloads(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        found, run = self._ask(lambda each: (reloads(each), recorded_requests.current_run(each)), ([], ""))

        def page() -> str:
            return reloads_page(self._shown(found), run)

        return self._answer(environ, start, "Reloads", page, {"reloads": found}, page_name="reloads")

    def _errors(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        found = self._ask(raised_errors.errors, [])

        def page() -> str:
            return errors_page(self._shown(found))

        return self._answer(environ, start, "Errors", page, {"errors": found}, page_name="errors")

    def _stream(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        if not self._streams.acquire(blocking=False):
            start("503 Service Unavailable", [("Content-Length", "0"), ("Retry-After", "5")])
            return []
        filters = Filters.of_query(environ.get("QUERY_STRING", ""))
        last = environ.get("HTTP_LAST_EVENT_ID", "")
        if last.isascii() and last.isdigit() and len(last) < 16:
            filters = replace(filters, after=int(last))
        start("200 OK", [("Content-Type", "text/event-stream"), ("X-Accel-Buffering", "no")])
        return StreamedParts(new_requests(self._path, filters, self._closed), self._streams.release)

    def _ask(self, ask: Ask, otherwise: Any) -> Any:
        """Ask the database; ``otherwise`` is the answer if there is none."""
        try:
            with closing(open_for_reading(self._path)) as connection:
                return ask(connection)
        except (UnreadableError, sqlite3.Error):
            return otherwise
