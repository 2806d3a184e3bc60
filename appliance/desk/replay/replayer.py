"""Answer the questions of pages: show a request for editing, send it again, copy it as a command.

Theory of operation. Questions come from the stand-in through the supervisor, as JSON values; each is answered in a
thread of its own, because a response may take long. Answers are masked, except for the copies that a person has asked
for with their secrets. The recorder's own thread never waits for any of this.
"""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from appliance.desk import raised_errors, recorded_requests
from appliance.desk.comparison.compare import compare
from appliance.desk.comparison.outcome import Outcome, of_record, outcome
from appliance.desk.content_decoding import charset_of
from appliance.desk.database import UnreadableError, open_for_reading
from appliance.desk.queries.recorded_queries import query_count
from appliance.desk.replay.copy_commands import copies
from appliance.desk.replay.restored_request import Restored, Shown, restored
from appliance.desk.replay.sending import send
from appliance.desk.replay.sent_request import (
    CODING,
    NOT_KEPT,
    ReplayError,
    SentRequest,
    of_head,
    origin_form,
    without,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from appliance.desk.redaction import Redaction
    from appliance.desk.replay.raw_requests import RawRequests
    from appliance.desk.replay.sending import Place
    from appliance.protocol.request_details import RequestDetails

TIMEOUT_S = 30.0  # of a replay that a person waits for
RECORDED_S = 0.5  # after its response, for the record of a request
FRESH_S = 2.0  # since the end of a request: its head and body may still be on their way
_AT_ONCE = 8

Answer = dict[str, Any]


class Known(NamedTuple):
    """A recorded request: its row, the way it was received if that is still in memory, and what a person sees."""

    found: dict[str, Any]
    details: RequestDetails | None
    raw: SentRequest | None
    shown: Shown


class Replayer:
    """Sends requests again.

    Args:
        path: the database.
        raw: the requests in memory.
        place: where the appliance listens.
        redaction: returns what masks secrets now.
    """

    def __init__(self, path: Path, raw: RawRequests, place: Place, redaction: Callable[[], Redaction]) -> None:
        self._path = path
        self._raw = raw
        self._place = place
        self._redaction = redaction
        self._running = threading.BoundedSemaphore(_AT_ONCE)
        self.questions: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "form": self._form, "replay": self._replay, "copy": self._copy,
        }  # fmt: skip

    def answer(self, question: Mapping[str, Any]) -> Answer:
        """Return the answer; ``error`` in it says why there is none."""
        asked = self.questions.get(str(question.get("ask")))
        if asked is None:
            return {"error": "The recorder has no such question. Load the page again."}
        if not self._running.acquire(blocking=False):
            return {"error": f"{_AT_ONCE} requests are being sent again already. Try again in a moment."}
        try:
            return asked(question)
        except ReplayError as error:
            return {"error": str(error)}
        finally:
            self._running.release()

    def find(self, number: Any) -> Known:
        """Return a recorded request.

        Raises:
            ReplayError: it is not kept, or was not recorded whole.
        """
        try:
            found = self._whole_row(number)
        except UnreadableError as error:
            raise ReplayError(f"Nothing is recorded: {error}.", action="Open the project, then try again.") from error
        if found is None:
            raise ReplayError(NOT_KEPT, action="Choose one from the list.")
        details = self._raw.get(found["request_id"] or "", found["at"])
        raw = of_head(details.head, details.body) if details is not None else None
        return Known(found, details, raw, Shown.of({**found, "path": origin_form(found["path"] or "")}))

    def _whole_row(self, number: Any) -> dict[str, Any] | None:
        """Return the row of a request; wait for its head and body if it has just ended: they arrive separately."""
        pause = threading.Event()
        until = time.monotonic() + RECORDED_S
        while True:
            with closing(open_for_reading(self._path)) as connection:
                found = _row(connection, number)
            if found is None or found["details"] is not None or found["at"] < time.time() - FRESH_S:
                return found
            if found["event"] != "request.finished" or time.monotonic() > until:
                return found
            pause.wait(0.02)

    def run(self, number: int, request: SentRequest, timeout_s: float) -> Outcome:
        """Send a request that repeats the one of this number, and return what it has led to.

        Raises:
            ReplayError: there was no response.
        """
        head = request.head()
        self._raw.expect(head, number)
        try:
            received = send(self._place, request.method, head, request.body, timeout_s)
            recorded = self._raw.arrived(head, RECORDED_S)
        finally:
            self._raw.forget(head)
        return outcome(
            received.status, received.fields, received.content, self._redaction(), is_whole=not received.is_cut,
            queries=query_count(recorded.info) if recorded is not None else None,
            took_s=received.took_s, request_id=str(recorded.info["request_id"]) if recorded is not None else "",
        )  # fmt: skip

    # -- questions -----------------------------------------------------------------------------------------------------

    def _form(self, question: Mapping[str, Any]) -> Answer:
        """Show a request: masked, and as a command with placeholders."""
        known = self.find(question.get("number"))
        shown = known.shown
        return {
            "number": known.found["id"],
            "method": shown.method,
            "target": shown.target,
            "fields": [list(each) for each in shown.fields],
            "body": shown.body,
            "has_body": shown.has_body,
            "body_note": known.found["details"]["body_note"],
            "in_memory": known.raw is not None,
            "safe": SentRequest(shown.method, "/", ()).is_safe,
            "copies": copies(_as_shown(known), secure=self._place.secure),
        }

    def _copy(self, question: Mapping[str, Any]) -> Answer:
        """Copy a request with its secrets: a person has asked for them."""
        known = self.find(question.get("number"))
        if known.raw is None:
            raise ReplayError(
                "The request is no longer in memory, so its secrets are not known.", action="Copy it without them."
            )
        return {"copies": copies(known.raw, secure=self._place.secure)}

    def _replay(self, question: Mapping[str, Any]) -> Answer:
        """Send a request again, edited if that is asked for, and compare the response with the recorded one."""
        known = self.find(question.get("number"))
        edit = question.get("edit") or {}
        made = restored(known.shown, edit, known.raw)
        if not made.request.is_safe and not question.get("confirmed"):
            return {"unconfirmed": made.request.method}
        after = self.run(known.found["id"], made.request, TIMEOUT_S)
        before = of_record(known.found, known.details, self._redaction())
        return {
            "number": known.found["id"], "replayed": self._number_of(after.request_id), **view_of(made),
            "before": before.to_json(), "after": after.to_json(), "differences": compare(before, after),
        }  # fmt: skip

    def _number_of(self, request_id: str) -> int | None:
        """Return the number under which a request was stored just now; None if it is not stored yet."""
        if not request_id:
            return None
        pause = threading.Event()
        for _ in range(20):
            with closing(open_for_reading(self._path)) as connection:
                number = raised_errors.number_of(connection, request_id)
            if number is not None:
                return number
            pause.wait(0.02)
        return None


def view_of(made: Restored) -> Answer:
    """Return the pages' view of a request that was sent."""
    return {"method": made.request.method, "left_out": made.left_out, "notes": made.notes}


def _as_shown(known: Known) -> SentRequest:
    """Return the request as it is shown, for a command with placeholders."""
    shown = known.shown
    fields = tuple((name, value.encode("utf-8", "replace").decode("latin-1")) for name, value in shown.fields)
    text = ("<body>" if shown.has_body else "") if shown.body is None else shown.body
    request = without(SentRequest(shown.method, shown.target, fields), CODING)
    return replace(request, body=text.encode(charset_of(request.value("content-type")), "replace"))


def _row(connection: sqlite3.Connection, number: Any) -> dict[str, Any] | None:
    return recorded_requests.read(connection, number) if isinstance(number, int) and 0 < number < 1 << 60 else None
