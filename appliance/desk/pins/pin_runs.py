"""All pins of an appliance: which there are, and their runs after each save.

Theory of operation. The supervisor says which generation serves, or that the project is broken. A pin that has not run
for the serving generation gets a thread. At most a few send at a time, so a slow request delays few others. A thread
reads which generation serves when its turn comes, so in a burst of saves only the last one is run. A result that came
while the next save was under way is dropped, and the request runs again.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from appliance.desk.pins.pin import NOT_RUN, Pin, finished, run, summary
from appliance.desk.replay.restored_request import restored
from appliance.desk.replay.sent_request import ReplayError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.desk.comparison.outcome import Outcome
    from appliance.desk.pins.pin_file import PinFile
    from appliance.desk.replay.replayer import Replayer
    from appliance.desk.replay.sent_request import SentRequest

MOST = 20
TIMEOUT_S = 10.0  # of one run
_AT_ONCE = 4
_BROKEN = "the project does not start"

Answer = dict[str, Any]
Wanted = tuple[int, int]  # the generation that serves, and the revision of its templates


class Pins:
    """The pins.

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
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._pins = {each.number: each for each in file.read()[:MOST]}
        self._wanted: Wanted = (0, 0)
        self._done: dict[int, Wanted] = {}
        self._running: set[int] = set()
        self.questions: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "pins": self._all, "pin": self._pin, "unpin": self._unpin,
        }  # fmt: skip

    # -- what the supervisor says --------------------------------------------------------------------------------------

    def serves(self, generation: int, revision: int) -> None:
        """Run every pin: this generation serves; 0: none does, and the project is broken."""
        with self._lock:
            self._wanted = (generation, revision)
            pins = list(self._pins.values())
            if not generation:
                for pin in pins:
                    pin.state, pin.reason, pin.differences = NOT_RUN, _BROKEN, []
        for pin in pins:
            if generation:
                self._begin(pin)
            else:
                self._publish(pin.as_json())

    # -- questions -----------------------------------------------------------------------------------------------------

    def _all(self, _question: Mapping[str, Any]) -> Answer:
        with self._lock:
            return {"pins": [each.as_json() for each in self._pins.values()]}

    def _pin(self, question: Mapping[str, Any]) -> Answer:
        """Pin a request, and run it for the first time."""
        known = self._replayer.known(question.get("number"))
        made = restored(known.shown, {}, known.raw)
        if not made.request.is_safe and not question.get("confirmed"):
            return {"unconfirmed": made.request.method}
        with self._lock:
            same = [each for each in self._pins.values() if each.request == known.found["id"]]
            if same:
                return same[0].as_json()
            if len(self._pins) >= MOST:
                raise ReplayError(f"{MOST} requests are pinned already. Unpin one.")
            number = max(self._pins, default=0) + 1
            pin = self._pins[number] = Pin(number, known.found["id"], known.shown, known.raw)
            shown = {**pin.as_json(), **self._stored()}
        self._begin(pin)
        return shown

    def _unpin(self, question: Mapping[str, Any]) -> Answer:
        with self._lock:
            pin = self._pins.pop(int(question.get("pin") or 0), None)
            if pin is None:
                raise ReplayError("This request is not pinned any longer. Load the page of pins again.")
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

    def _begin(self, pin: Pin) -> None:
        with self._lock:
            if pin.number in self._running or not self._wanted[0]:
                return
            self._running.add(pin.number)
        threading.Thread(target=self._run, args=(pin,), name=f"pin-{pin.number}", daemon=True).start()

    def _run(self, pin: Pin) -> None:
        """Run a pin until its last run is of the generation that serves."""
        with self._turns:
            while (wanted := self._next(pin)) is not None:
                found = run(pin, lambda request: self._send(pin, request))
                with self._lock:
                    if self._wanted != wanted or self._pins.get(pin.number) is not pin:
                        continue
                    finished(pin, *found, wanted[0])
                    self._done[pin.number] = wanted
                    shown, changed = pin.as_json(), bool(pin.differences)
                self._publish(shown)
                if changed:
                    self._log(pin)

    def _next(self, pin: Pin) -> Wanted | None:
        with self._lock:
            wanted = self._wanted
            if not wanted[0] or self._done.get(pin.number) == wanted or self._pins.get(pin.number) is not pin:
                self._running.discard(pin.number)
                return None
            return wanted

    def _send(self, pin: Pin, request: SentRequest) -> Outcome:
        return self._replayer.run(pin.request, request, TIMEOUT_S)

    def _log(self, pin: Pin) -> None:
        fields: dict[str, object] = {
            "pin": pin.number,
            "http.request.method": pin.shown.method,
            "url.path": pin.shown.target.partition("?")[0],
            "of_generation": pin.generation,
            "count": len(pin.differences),
            "differences": summary(pin),
        }
        self._report("info", "replay.changed", fields)
