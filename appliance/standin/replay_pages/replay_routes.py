"""The routes on which a recorded request is sent again: HTML for a browser, JSON for everything else.

Each change is a POST that the access policy has admitted. A method that is not safe is asked for once for each request.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from appliance.protocol.page_messages import EDITED, RECORDING_S
from appliance.server.browser.own_paths import PREFIX
from appliance.server.pages.error_page import preferred_format
from appliance.standin.desk_pages.shown_values import text
from appliance.standin.page_responses import answer
from appliance.standin.posted_form import PAGE_VALUE, form_of

from .difference_html import result_html
from .replay_html import copies_html, edit_html, place_of, question_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.standin.desk_pages.page_frame import PageAnswers

    from .recorder_link import RecorderLink

    StartResponse = Callable[..., Any]
    Route = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_PLACE = re.compile(rf"{PREFIX}/requests/([0-9]{{1,15}})/(replay|copy)")
_RESULTS_MAX = 20
_ABSENT_S = 5.0
_CONFIRMED_MAX = 1_000


class ReplayPages:
    """The pages of replays.

    Args:
        link: asks the recorder.
        page_value: what a page of ours sends with each change.
        answers: makes answers of pages.
    """

    def __init__(self, link: RecorderLink, page_value: str, answers: PageAnswers) -> None:
        self._link = link
        self.page_value = page_value
        self._answers = answers
        self.gets: dict[str, Route] = {}
        self._lock = threading.Lock()
        self._results: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._result_count = 0
        self._absent_since = 0.0  # CLOCK_MONOTONIC; 0.0: the recorder has answered last
        self._confirmed: OrderedDict[tuple[int, str], None] = OrderedDict()

    def find(self, method: str, path: str) -> Route | None:
        """Return the route of a path; None for all other paths."""
        found = _PLACE.fullmatch(path)
        if found is None:
            return None
        number = int(found[1])
        if method == "POST":
            return partial(self._replay if found[2] == "replay" else self._copy, number)
        return partial(self._form, number) if found[2] == "replay" else None

    def recording_failure(self) -> str:
        """Ask the recorder why requests are not recorded at present; return "" while they are.

        A recorder that starts, or is replaced, gets the lines that came before: only a long absence is a failure.
        """
        answer = self._link.ask("recording", within_s=RECORDING_S)
        with self._lock:
            if "error" not in answer:
                self._absent_since = 0.0
                return str(answer.get("failure") or "")
            now = time.monotonic()
            self._absent_since = self._absent_since or now
            return str(answer["error"]) if now - self._absent_since >= _ABSENT_S else ""

    # -- routes --------------------------------------------------------------------------------------------------------

    def _form(self, number: int, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        form = self._link.ask("form", number=number)
        if "error" in form:
            return self._failed(form, environ, start)
        name = parse_qs(environ.get("QUERY_STRING", "")).get("result", [""])[0]
        with self._lock:
            result = self._results.get(name)
        edited = result["edited"] if result is not None else {}
        parts = [result_html(result) if result is not None else "", edit_html(form, edited, self.page_value)]
        parts.append(copies_html(number, form["copies"], self.page_value, secret=False, in_memory=form["in_memory"]))
        title = f"Send again: {form['method']} {form['target']}"
        values = {**form, PAGE_VALUE: self.page_value}
        return self._page(environ, start, title, f"{_back(number)}{''.join(parts)}", values)

    def _replay(self, number: int, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        given = form_of(environ)
        edit = {name: given[name] for name in EDITED if name in given}
        method = edit.get("method", "")
        with self._lock:
            confirmed = bool(given.get("confirmed")) or (number, method) in self._confirmed
        result = self._link.ask("replay", number=number, edit=edit, confirmed=confirmed)
        if "error" in result:
            return self._failed(result, environ, start)
        if "unconfirmed" in result:
            return self._unconfirmed(number, {**edit, PAGE_VALUE: self.page_value}, result, environ, start)
        with self._lock:
            if confirmed:
                self._confirmed[number, method] = self._confirmed[number, result["method"]] = None
                while len(self._confirmed) > _CONFIRMED_MAX:
                    self._confirmed.popitem(last=False)
            self._result_count += 1
            name = str(self._result_count)
            self._results[name] = {**result, "edited": edit}
            while len(self._results) > _RESULTS_MAX:
                self._results.popitem(last=False)
        if not _is_html(environ):
            return _json(start, result)
        # A page that is loaded again must not send the request again.
        start("303 See Other", [("Location", f"{place_of(number, 'replay')}?result={name}"), ("Content-Length", "0")])
        return []

    def _unconfirmed(
        self, number: int, fields: dict[str, str], result: dict[str, Any], environ: dict[str, Any], start: StartResponse
    ) -> Iterable[bytes]:
        method = result["unconfirmed"]
        values = {"error": f"{method} may change data. Send confirmed=1 to send it again.", "unconfirmed": method}
        status = "200 OK" if _is_html(environ) else "409 Conflict"
        question = f"{method} may change data of the project, and would do it again. It is asked once for each request."
        page = question_html(number, "replay", fields, question, f"Send {method} again")
        return self._page(environ, start, f"Send {method} again?", page, values, status=status)

    def _copy(self, number: int, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        found = self._link.ask("copy", number=number)
        if "error" in found:
            return self._failed(found, environ, start)
        shown = copies_html(number, found["copies"], self.page_value, secret=True, in_memory=True)
        return self._page(environ, start, "The request as a command", f"{_back(number)}{shown}", found)

    # -- answers -------------------------------------------------------------------------------------------------------

    def _failed(self, values: dict[str, Any], environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        back = f'<p><a href="{PREFIX}/">All requests</a></p>'
        body = f'<p class="s5" role="alert">{text(values["error"])}</p>{back}'
        return self._page(environ, start, "Not sent", body, values, status="422 Unprocessable Content")

    def _page(
        self,
        environ: dict[str, Any],
        start: StartResponse,
        title: str,
        body: str,
        values: dict[str, Any],
        *,
        status: str = "200 OK",
    ) -> Iterable[bytes]:
        return self._answers.answer(environ, start, title, lambda: body, values, page_name="-", status=status)


def _is_html(environ: dict[str, Any]) -> bool:
    return preferred_format(environ.get("HTTP_ACCEPT", "")) == "html"


def _json(start: StartResponse, values: dict[str, Any]) -> Iterable[bytes]:
    return answer(start, "200 OK", "application/json", json.dumps(values).encode())


def _back(number: int) -> str:
    return f'<p><a href="{place_of(number)}">The request</a></p>'
