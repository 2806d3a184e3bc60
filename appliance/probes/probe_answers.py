"""Answer one request of a probe: parse its head, and write the response. Uses no socket.

Whatever a client sends gets a short response of one of a few forms. A request with a body is answered, and its
connection closed, since nothing here reads a body.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from appliance.conventions import TCHAR

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.protocol.probe_state import ProbeState

MAX_HEAD = 16_384  # bytes
STALLED_S = 10.0  # the supervisor's loop goes round every second

_REQUEST_LINE = re.compile(rb"(%b+) (?:https?://[^/?# ]*)?([^# ]+) HTTP/1\.([01])" % TCHAR.encode())
_FIELD = re.compile(rb"(%b+):[ \t]*(.*)" % TCHAR.encode())
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PHRASES = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}
_STAGES = {
    "starting": "the appliance starts",
    "analysing": "the appliance looks for the project's application",
    "installing": "the project's dependencies are being installed",
    "before-start": "the commands of BEFORE_START run",
    "importing": "the project's application is being imported",
    "serving": "the project is served",
    "broken": "the project is broken; its page and the log say why",
    "hanging": "the worker makes no progress; the log has its stacks",
    "stopping": "the appliance stops",
    "stalled": "the supervisor makes no progress",
}


class Answer(NamedTuple):
    """A response.

    Attributes:
        data: its bytes.
        close: whether the connection ends after it.
    """

    data: bytes
    close: bool


class ProbeAnswers:
    """Answers from the supervisor's state.

    Args:
        state: returns the state.
        stalled_s: returns for how long the supervisor has shown no progress.
        asked: is called for each question for readiness.
    """

    def __init__(
        self, state: Callable[[], ProbeState], stalled_s: Callable[[], float], asked: Callable[[], None]
    ) -> None:
        self._state = state
        self._stalled_s = stalled_s
        self._asked = asked

    def __call__(self, head: bytes) -> Answer:
        """Return the response to a request, whose head ends before the empty line."""
        first, *lines = head.replace(b"\r\n", b"\n").split(b"\n")
        request = _REQUEST_LINE.fullmatch(first)
        fields = [_FIELD.fullmatch(line) for line in lines]
        if request is None or None in fields:
            return refusal(400)
        method, target, minor = request.groups()
        named = {field[1].lower(): field[2].lower() for field in fields if field is not None}
        options = {option.strip() for option in named.get(b"connection", b"").split(b",")}
        close = b"close" in options or (minor == b"0" and b"keep-alive" not in options)
        close = close or named.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in named
        if method not in {b"GET", b"HEAD"}:
            return _response(405, "only GET and HEAD are answered here", close=True, allow=True)
        status, facts = self._answer(target.partition(b"?")[0])
        as_json = b"application/json" in named.get(b"accept", b"")
        return _response(
            status, json.dumps(facts) if as_json else facts["message"], close=close, as_json=as_json,
            keep=minor == b"0" and not close, bodiless=method == b"HEAD",
        )  # fmt: skip

    def _answer(self, path: bytes) -> tuple[int, dict[str, object]]:
        stalled = self._stalled_s() > STALLED_S
        if path == b"/livez":
            message = f"not live: {_STAGES['stalled']}" if stalled else "live: the supervisor makes progress"
            return (503 if stalled else 200), {"live": not stalled, "message": message}
        if path == b"/readyz":
            self._asked()
            return self._readiness(self._state(), stalled=stalled)
        return 404, {"message": "not found: the probes are /livez and /readyz"}

    def _readiness(self, state: ProbeState, *, stalled: bool) -> tuple[int, dict[str, object]]:
        stage = "stalled" if stalled else state.stage
        reloads = stage != "stalled" and time.monotonic() < state.ready_until
        ready = stage == "serving" or reloads
        meaning = "a reload is under way, and requests wait for it" if reloads else _STAGES.get(stage, stage)
        message = f"{'ready' if ready else 'not ready'}: {stage}: {meaning}"
        return (200 if ready else 503), {
            "ready": ready, "stage": stage, "generation": state.generation, "message": message,
        }  # fmt: skip


def refusal(status: int) -> Answer:
    """Return the response to a head that is not valid, or too long; the connection ends."""
    return _response(status, "the request is not valid: GET /livez or GET /readyz is", close=True)


def _response(
    status: int, text: object, *, close: bool, as_json: bool = False, keep: bool = False, bodiless: bool = False,
    allow: bool = False,
) -> Answer:  # fmt: skip
    body = f"{text}\n".encode()
    now = time.gmtime()
    date = f"{_DAYS[now.tm_wday]}, {now.tm_mday:02} {_MONTHS[now.tm_mon - 1]} {now.tm_year}"
    fields = [
        f"HTTP/1.1 {status} {_PHRASES[status]}",
        f"Date: {date} {now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02} GMT",
        f"Content-Type: {'application/json' if as_json else 'text/plain; charset=utf-8'}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        *(["Allow: GET, HEAD"] if allow else []),
        *(["Connection: close"] if close else ["Connection: keep-alive"] if keep else []),
    ]
    return Answer("\r\n".join([*fields, "", ""]).encode() + (b"" if bodiless else body), close)
