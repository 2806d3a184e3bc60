"""All pins of an appliance: which there are, and their runs after each save.

Theory of operation. The supervisor says which generation serves, or that the project is broken. ``pin_states`` decides
what each pin does then. A pin that has not run for the serving generation gets a thread. At most a few send at a time,
so a slow request delays few others. One lock holds the pins and their states; a second one, taken first, keeps the
messages to open pages in order: the thread that holds it reads what is known of a pin, and sends that.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from appliance.desk.pins.pin import NOT_RUN, Pin, early, finished, run, summary
from appliance.desk.pins.pin_states import (
    Action,
    Broke,
    Ended,
    Event,
    Failed,
    Keep,
    Send,
    Served,
    Serves,
    ShowBroken,
    ShowFailed,
    StartThread,
    TurnCame,
    Unpinned,
    step,
)
from appliance.desk.replay.restored_request import restored
from appliance.desk.replay.sent_request import ReplayError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.desk.comparison.outcome import Outcome
    from appliance.desk.pins.pin import Run
    from appliance.desk.pins.pin_file import PinFile
    from appliance.desk.replay.replayer import Replayer
    from appliance.desk.replay.sent_request import SentRequest

MOST = 20
TIMEOUT_S = 10.0  # of one run
_AT_ONCE = 4
_BROKEN = "the project does not start"
_FAILED = "the recorder could not send it; the next save runs it again"

Answer = dict[str, Any]


class Pins:
    """Runs the pinned requests after each save, and reports their differences.

    Args:
        replayer: sends requests.
        file: keeps the pins.
        publish: tells open pages what is known of a pin.
        report: logs an event: level, name, fields.
    """

    def __init__(
        self,
        replayer: Replayer,
        file: PinFile,
        publish: Callable[[dict[str, Any]], object],
        report: Callable[[str, str, dict[str, object]], object],
    ) -> None:
        self._replayer = replayer
        self._file = file
        self._publish = publish
        self._report = report
        self._lock = threading.Lock()
        self._telling = threading.Lock()  # never taken by a thread that has the other one
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._pins = {each.number: each for each in file.read()[:MOST]}
        self._last: Serves | Broke | None = None  # what the supervisor said last
        self.questions: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "pins": self._all, "pin": self._pin, "unpin": self._unpin,
        }  # fmt: skip

    # -- what the supervisor says --------------------------------------------------------------------------------------

    def serves(self, generation: int, revision: int) -> None:
        """Run every pin: this generation serves; 0: none does, and the project is broken."""
        event = Serves(Served(generation, revision)) if generation else Broke()
        with self._lock:
            self._last = event
            taken = [(pin, self._locked_take(pin, event)) for pin in self._pins.values()]
        for pin, actions in taken:
            self._perform(pin, actions)

    # -- questions -----------------------------------------------------------------------------------------------------

    def _all(self, _question: Mapping[str, Any]) -> Answer:
        with self._lock:
            return {"pins": [each.as_json() for each in self._pins.values()]}

    def _pin(self, question: Mapping[str, Any]) -> Answer:
        """Pin a request, and run it for the first time."""
        known = self._replayer.find(question.get("number"))
        made = restored(known.shown, {}, known.raw)
        if not made.request.is_safe and not question.get("confirmed"):
            return {"unconfirmed": made.request.method}
        with self._lock:
            same = [each for each in self._pins.values() if each.request == known.found["id"]]
            if same:
                return same[0].as_json()
            if len(self._pins) >= MOST:
                raise ReplayError(f"{MOST} requests are pinned already.", action="Unpin one.")
            number = max(self._pins, default=0) + 1
            pin = self._pins[number] = Pin(number, known.found["id"], known.shown, known.raw)
            shown = {**pin.as_json(), **self._stored()}
            actions = self._locked_take(pin, self._last) if self._last is not None else ()
        self._perform(pin, actions)
        return shown

    def _unpin(self, question: Mapping[str, Any]) -> Answer:
        with self._telling:
            with self._lock:
                pin = self._pins.pop(int(question.get("pin") or 0), None)
                if pin is None:
                    raise ReplayError("This request is not pinned any longer.", action="Load the page of pins again.")
                self._locked_take(pin, Unpinned())
                shown = {"pin": pin.number, "request": pin.request, "state": "unpinned", **self._stored()}
            self._publish(shown)
        return shown

    def _stored(self) -> Answer:
        """Write the file; return what went wrong. The lock is held."""
        try:
            self._file.write(self._pins.values())
        except OSError as error:
            return {"unsaved": f"The pins are not kept over a restart: {error.strerror or error}."}
        return {}

    # -- runs ----------------------------------------------------------------------------------------------------------

    def _run(self, pin: Pin) -> None:
        """Run a pin, until its last run is of what serves."""
        with self._turns:
            goes_on = self._take(pin, TurnCame())
            while goes_on:
                found = None
                try:
                    found = run(pin, partial(self._send, pin), partial(self._show_early, pin))
                finally:  # a defect ends the thread, whose hook reports it; the next save starts another one
                    goes_on = self._take(pin, Failed() if found is None else Ended(), found)

    def _send(self, pin: Pin, request: SentRequest) -> Outcome:
        return self._replayer.run(pin.request, request, TIMEOUT_S)

    def _show_early(self, pin: Pin, outcome: Outcome, differences: list[dict[str, Any]]) -> None:
        """Tell open pages the differences of the first run, unless a save or a person has overtaken it."""
        with self._telling:
            with self._lock:
                sent_to = pin.runs.sent_to
                if sent_to is None or sent_to != pin.runs.serving or self._pins.get(pin.number) is not pin:
                    return
                shown = early(pin, outcome, differences, sent_to.generation)
            self._publish(shown)

    def _take(self, pin: Pin, event: Event, found: Run | None = None) -> bool:
        """Take an event; return whether the thread sends the request now."""
        with self._lock:
            actions = self._locked_take(pin, event, found)
        self._perform(pin, actions)
        return Send() in actions

    def _locked_take(self, pin: Pin, event: Event, found: Run | None = None) -> tuple[Action, ...]:
        """Apply an event to a pin, and return the actions to perform without the lock."""
        pin.runs, actions = step(pin.runs, event)
        for action in actions:
            if isinstance(action, Keep) and found is not None:
                finished(pin, found, action.served.generation)
            elif isinstance(action, ShowBroken | ShowFailed):
                pin.state, pin.differences = NOT_RUN, []
                pin.reason = _BROKEN if isinstance(action, ShowBroken) else _FAILED
        return actions

    def _perform(self, pin: Pin, actions: tuple[Action, ...]) -> None:
        for action in actions:
            if isinstance(action, StartThread):
                try:
                    threading.Thread(target=self._run, args=(pin,), name=f"pin-{pin.number}", daemon=True).start()
                except RuntimeError:  # there are too many, or no memory for one more
                    self._take(pin, Failed())
            elif isinstance(action, Keep | ShowBroken | ShowFailed):
                self._tell(pin, is_kept=isinstance(action, Keep))

    def _tell(self, pin: Pin, *, is_kept: bool) -> None:
        """Tell open pages the state of a pin, and the log the changes of its run."""
        with self._telling:
            with self._lock:
                if self._pins.get(pin.number) is not pin:
                    return
                shown, changes = pin.as_json(), _event_fields(pin)
            self._publish(shown)
        if is_kept and changes["count"]:
            self._report("info", "replay.changed", changes)


def _event_fields(pin: Pin) -> dict[str, object]:
    return {
        "pin": pin.number,
        "http.request.method": pin.shown.method,
        "url.path": pin.shown.target.partition("?")[0],
        "of_generation": pin.generation,
        "count": len(pin.differences),
        "differences": summary(pin),
    }
