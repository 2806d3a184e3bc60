"""The page that shows a request as a test of the project, and writes it into the file that a person names.

A browser posts a place and the digest of what was shown: the text is made here again, so no text of a browser is ever
written into the project.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.desk import recorded_requests
from appliance.desk.database import UnreadableError, open_for_reading
from appliance.desk.replay.sent_request import NOT_KEPT, ReplayError
from appliance.desk.request_tests.new_file import NotWrittenError, write_new
from appliance.desk.request_tests.request_test import RequestTest, request_test
from appliance.server.browser.own_paths import PREFIX
from appliance.standin.desk_pages.shown_values import text
from appliance.standin.posted_form import PAGE_VALUE, form_of

from .replay_html import hidden_fields, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.standin.desk_pages.page_frame import PageAnswers

    StartResponse = Callable[..., Any]
    Route = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_PLACE = re.compile(rf"{PREFIX}/requests/([0-9]{{1,15}})/test")
_SHOWN, _FILE = "shown", "file"


class WrittenPages:
    """Makes the page that writes a request as a test.

    Args:
        path: the desk's database.
        root: the project's folder.
        page_value: what a page of ours sends with each change.
        answers: makes answers of pages.
    """

    def __init__(self, path: str, root: str, page_value: str, answers: PageAnswers) -> None:
        self._path = Path(path)
        self._root = root
        self.page_value = page_value
        self._answers = answers
        self.gets: dict[str, Route] = {}

    def find(self, method: str, path: str) -> Route | None:
        """Return the route of a path; None for all other paths."""
        found = _PLACE.fullmatch(path)
        return None if found is None else partial(self._write if method == "POST" else self._show, int(found[1]))

    def _test(self, number: int) -> RequestTest:
        """Make the test of a request.

        Raises:
            ReplayError: it is not kept, or was not recorded whole.
        """
        try:
            with closing(open_for_reading(self._path)) as connection:
                found = recorded_requests.read(connection, number)
                project = recorded_requests.project_found(connection)
        except (UnreadableError, sqlite3.Error) as error:
            raise ReplayError(f"Nothing is recorded: {error}.", action="Open the project, then try again.") from error
        if found is None:
            raise ReplayError(NOT_KEPT, action="Choose one from the list.")
        return request_test(found, str(project.get("application", "")), str(project.get("framework", "")))

    def _show(self, number: int, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        try:
            test = self._test(number)
        except ReplayError as error:
            return self._failed(number, str(error), environ, start)
        values = {
            _FILE: self._suggested(test), "text": test.text, "command": test.command, "missing": test.missing,
            _SHOWN: _digest(test), PAGE_VALUE: self.page_value,
        }  # fmt: skip
        page = partial(_page, number, values)
        return self._answers.answer(environ, start, "The request as a test", page, values, page_name="-")

    def _suggested(self, test: RequestTest) -> str:
        is_package = os.path.isfile(os.path.join(self._root, "tests", "__init__.py"))  # noqa: PTH113, PTH118  a text
        return f"tests/{test.file_name}" if is_package else test.file_name

    def _write(self, number: int, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        form = form_of(environ)
        place = form.get(_FILE, "")
        try:
            test = self._test(number)
            if form.get(_SHOWN) != _digest(test):
                return self._failed(number, "The project has changed since. Look at the test again.", environ, start)
            write_new(self._root, place, test.text)
        except (ReplayError, NotWrittenError) as error:
            return self._failed(number, str(error), environ, start)
        values = {_FILE: place.strip(), "command": test.command}
        body = (
            f'<p class="s2" role="status">Written: <code>{text(place)}</code>.</p><p>Run it: <code>{text(test.command)}'
            f'</code></p><p><a href="{place_of(number)}">The request</a></p>'
        )
        return self._answers.answer(environ, start, "The test is written", lambda: body, values, page_name="-")

    def _failed(self, number: int, why: str, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        body = f'<p class="s5" role="alert">{text(why)}</p><p><a href="{place_of(number, "test")}">The test</a></p>'
        status = "422 Unprocessable Content"
        return self._answers.answer(
            environ, start, "Not written", lambda: body, {"error": why}, page_name="-", status=status
        )


def _digest(test: RequestTest) -> str:
    return hashlib.sha256(test.text.encode("utf-8", "backslashreplace")).hexdigest()


def _page(number: int, values: dict[str, Any]) -> str:
    missing = ""
    if values["missing"]:
        missing = f'<p class="s4">Fill in by hand what is only known masked: {text(", ".join(values["missing"]))}.</p>'
    own = hidden_fields({PAGE_VALUE: values[PAGE_VALUE], _SHOWN: values[_SHOWN]})
    return (
        f'<p><a href="{place_of(number)}">The request</a></p><p>It checks what does not depend on the data: status, '
        f"type, names of members, title.</p>{missing}"
        f'<pre id="test" tabindex="0" role="region" aria-label="The test">{text(values["text"])}</pre>'
        '<button type="button" data-copy="test" hidden>Copy</button>'
        f'<form method="post" action="{place_of(number, "test")}">{own}<label class="wide">File, below the project '
        f'<input name="{_FILE}" value="{text(values[_FILE])}" required></label><button>Write the file</button></form>'
    )
