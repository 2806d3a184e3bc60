"""The page of the pinned requests, and the presses that pin and unpin: HTML for a browser, JSON for everything else."""

from __future__ import annotations

import re
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from appliance.duration_text import duration
from appliance.plural import counted
from appliance.server.browser.own_paths import PREFIX
from appliance.server.pages.error_page import preferred_format
from appliance.standin.desk_pages.shown_values import moment, text
from appliance.standin.page_responses import file
from appliance.standin.posted_form import PAGE_VALUE, form_of

from .difference_html import differences_html
from .replay_html import hidden_fields, place_of, question_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.standin.desk_pages.page_frame import PageAnswers
    from appliance.standin.event_stream import EventStream

    from .recorder_link import RecorderLink

    StartResponse = Callable[..., Any]
    Route = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

PAGE, SCRIPT = f"{PREFIX}/pins", f"{PREFIX}/pins.js"
_PIN = re.compile(rf"{PREFIX}/requests/([0-9]{{1,15}})/pin")
_UNPIN = re.compile(rf"{PAGE}/([0-9]{{1,9}})/unpin")
_NOTE_S = 2.0  # a request's page waits no longer for its pin
_STATES = {
    "running": "It runs ...",
    "first": "It has run once. The next save shows a difference.",
    "same": "No difference.",
    "changed": "It has changed.",
    "checking": "It has changed. It runs once more, to leave out what differs anyway ...",
    "not run": "Not run",
}


class PinPages:
    """The page of pins.

    Args:
        link: asks the recorder.
        page_value: what a page of ours sends with each change.
        answers: makes answers of pages.
        stream: what open pages listen to.
    """

    def __init__(self, link: RecorderLink, page_value: str, answers: PageAnswers, stream: EventStream) -> None:
        self._link = link
        self.page_value = page_value
        self._answers = answers
        self._stream = stream
        script = (files("appliance.standin") / "static" / "pins.js").read_bytes()
        self.gets: dict[str, Route] = {
            PAGE: self._show,
            SCRIPT: partial(file, "text/javascript; charset=utf-8", script),
        }

    def publish(self, pin: dict[str, Any]) -> None:
        """Tell open pages the state of a pin."""
        self._stream.publish("pin", pin)

    def pin_of(self, found: dict[str, Any]) -> dict[str, Any] | None:
        """Return the pin of this request; None if it is not pinned, or nobody answers."""
        # Pins outlive a database that is replaced, and its numbers: another request may have one of them.
        own = (found["id"], found["method"], found["path"] + (f"?{found['query']}" if found["query"] else ""))
        pins = self._link.ask("pins", within_s=_NOTE_S).get("pins", ())
        return next((each for each in pins if (each["request"], each["method"], each["target"]) == own), None)

    def find(self, method: str, path: str) -> Route | None:
        """Return the route of a press; None for all other paths."""
        if method != "POST":
            return None
        if (found := _PIN.fullmatch(path)) is not None:
            return partial(self._pin, int(found[1]))
        if (found := _UNPIN.fullmatch(path)) is not None:
            return partial(self._unpin, int(found[1]))
        return None

    def _show(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        found = self._link.ask("pins")
        if "error" in found:
            return self._failed(found, environ, start)
        values = {**found, PAGE_VALUE: self.page_value}
        page = partial(pins_html, found["pins"], self.page_value)
        return self._answers.answer(environ, start, "Pinned requests", page, values, page_name="pins")

    def _pin(self, number: int, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        confirmed = bool(form_of(environ).get("confirmed"))
        values = self._link.ask("pin", number=number, confirmed=confirmed)
        if "unconfirmed" not in values:
            return self._done(values, environ, start)
        method = values["unconfirmed"]
        question = f"{method} may change data of the project. It runs after every save, until you unpin it."
        page = question_html(number, "pin", {PAGE_VALUE: self.page_value}, question, f"Pin {method}")
        values = {**values, "error": f"{question} Send confirmed=1 to pin it."}
        status = "200 OK" if preferred_format(environ.get("HTTP_ACCEPT", "")) == "html" else "409 Conflict"
        return self._answers.answer(
            environ, start, f"Pin {method}?", lambda: page, values, page_name="-", status=status
        )

    def _unpin(self, number: int, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        return self._done(self._link.ask("unpin", pin=number), environ, start)

    def _done(self, values: dict[str, Any], environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        """Lead a browser to the page of pins."""
        if "error" in values:
            return self._failed(values, environ, start)
        if preferred_format(environ.get("HTTP_ACCEPT", "")) != "html":
            return self._answers.answer(environ, start, "", str, values, page_name="-")
        start("303 See Other", [("Location", f"{PAGE}#pin-{values['pin']}"), ("Content-Length", "0")])
        return []

    def _failed(self, values: dict[str, Any], environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        body = f'<p class="s5" role="alert">{text(values["error"])}</p><p><a href="{PREFIX}/">All requests</a></p>'
        status = "422 Unprocessable Content"
        return self._answers.answer(environ, start, "Not pinned", lambda: body, values, page_name="-", status=status)


def pins_html(pins: list[dict[str, Any]], page_value: str) -> str:
    """Return the body of the page."""
    lead = (
        "<p>A pinned request runs again by itself after each save. What differs from the run before is shown here.</p>"
    )
    sections = "".join(_section(each, page_value) for each in pins)
    if not pins:
        sections = "<p>Nothing is pinned. The page of a request has a button for it.</p>"
    return f'{lead}{sections}<script src="{SCRIPT}" defer></script>'


def pin_note(pin: dict[str, Any]) -> str:
    """Return the note about the last run on the page of a pinned request."""
    link = f'<a href="{PAGE}#pin-{pin["pin"]}">{"The difference" if pin["differences"] else "Its runs"}</a>'
    return (
        f'<p class="summary" id="pin-note" data-pin="{pin["pin"]}" data-at="{pin["at"]}" role="status"><span>Pinned. '
        f'<span class="state">{text(_state(pin))}</span></span><span class="facts">{_facts(pin)}</span>{link}</p>'
        f'<script src="{SCRIPT}" defer></script>'
    )


def _state(pin: dict[str, Any]) -> str:
    state = _STATES.get(pin["state"], pin["state"])
    return f"{state}: {pin['reason']}" if pin["reason"] else f"{state}"


def _section(pin: dict[str, Any], page_value: str) -> str:
    differences = differences_html(pin["differences"]) if pin["differences"] else ""
    unpin = f'<form method="post" action="{PAGE}/{pin["pin"]}/unpin">{hidden_fields({PAGE_VALUE: page_value})}'
    return (
        f'<section id="pin-{pin["pin"]}" class="pin" data-pin="{pin["pin"]}"><h2>{text(pin["method"])} '
        f'<a href="{place_of(pin["request"])}">{text(pin["target"])}</a></h2>'
        f'<p class="state" role="status">{text(_state(pin))}</p><p class="facts">{_facts(pin)}</p>'
        f'<div class="differences">{differences}</div><div class="notes">{_notes(pin)}</div>'
        f"{unpin}<button>Unpin</button></form></section>"
    )


def _facts(pin: dict[str, Any]) -> str:
    if not pin["generation"]:
        return ""
    facts = [f"Generation {pin['generation']}", moment(pin["at"]), f"status {pin['status'] or 'none'}"]
    if pin["queries"] is not None:
        facts.append(counted(pin["queries"], "query", "queries"))
    return ", ".join([*facts, duration(pin["duration_s"])] if pin["duration_s"] is not None else facts)


def _notes(pin: dict[str, Any]) -> str:
    notes = ""
    if pin["left_out"]:
        names = text(", ".join(pin["left_out"]))
        notes += f'<p class="s4">Sent without what is known only masked since a restart: {names}.</p>'
    if pin["volatile"]:
        names = text(", ".join(pin["volatile"]))
        notes += f"<p>Left out, because it differs from one response to the next: {names}.</p>"
    return notes
