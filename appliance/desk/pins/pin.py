"""A pinned request: the request to send, its last outcome, and how that differs from the one before.

Decision 58 says why.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from appliance.desk.comparison.compare import compare, difference_line, volatile_of
from appliance.desk.comparison.outcome import Outcome
from appliance.desk.comparison.volatile_parts import Volatile
from appliance.desk.pins.pin_states import State
from appliance.desk.replay.restored_request import Shown, restored
from appliance.desk.replay.sent_request import ReplayError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.desk.replay.restored_request import Restored
    from appliance.desk.replay.sent_request import SentRequest

FIRST, SAME, CHANGED, NOT_RUN, RUNNING = "first", "same", "changed", "not run", "running"
CHECKING = "checking"  # only sent to open pages: the first run differs, the second one is under way


@dataclass
class Pin:
    """One pinned request.

    Attributes:
        number: of this pin.
        request: the number of the request that was pinned.
        shown: the request, masked: this alone is stored.
        raw: the request as it was received; None after a restart.
        last: the outcome of the last run; None before the first.
        volatile: what differs anyway.
        state: one of FIRST, SAME, CHANGED, NOT_RUN.
        reason: why it was not run, or why there was no response.
        differences: between the last run and the one before it.
        generation: of the last run.
        at: when it ended, in seconds since 1970.
        left_out: what was masked, and is no longer known.
        runs: the state that decides when it runs (``pin_states``).
    """

    number: int
    request: int
    shown: Shown
    raw: SentRequest | None = None
    last: Outcome | None = None
    volatile: Volatile = field(default_factory=Volatile)
    state: str = RUNNING
    reason: str = ""
    differences: list[dict[str, Any]] = field(default_factory=list)
    generation: int = 0
    at: float = 0.0
    left_out: list[str] = field(default_factory=list)
    runs: State = field(default_factory=State)

    def to_send(self) -> Restored:
        """Return the request to send.

        Raises:
            ReplayError: it can't be sent.
        """
        return restored(self.shown, {}, self.raw)

    def as_json(self) -> dict[str, Any]:
        """Return the pages' view of the pin, as JSON values."""
        return {
            "pin": self.number, "request": self.request, "method": self.shown.method, "target": self.shown.target,
            "state": self.state, "reason": self.reason, "differences": self.differences, "generation": self.generation,
            "at": self.at, "left_out": self.left_out, "volatile": self.volatile.names(),
            "status": self.last.status if self.last is not None else 0,
            "queries": self.last.queries if self.last is not None else None,
            "duration_s": self.last.took_s if self.last is not None else None,
        }  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return the pin's form on the disk, as JSON values, without any masked value."""
        return {"pin": self.number, "request": self.request, "shown": asdict(self.shown)}

    @classmethod
    def of_stored(cls, stored: Mapping[str, Any]) -> Pin:
        """Return a pin that was stored.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        shown = stored["shown"]
        fields = [(str(name), str(value)) for name, value in shown["fields"]]
        body = shown["body"]
        made = Shown(
            str(shown["method"]), str(shown["target"]), fields, None if body is None else str(body),
            bool(shown["has_body"]), int(shown["cut"]),
        )  # fmt: skip
        return cls(int(stored["pin"]), int(stored["request"]), made)


class Run(NamedTuple):
    """The end of a run.

    Attributes:
        outcome: what the request has led to.
        volatile: what differs anyway.
        differences: from the last run.
        left_out: what was masked, and is no longer known.
    """

    outcome: Outcome
    volatile: Volatile
    differences: list[dict[str, Any]]
    left_out: list[str]


def run(
    pin: Pin, send: Callable[[SentRequest], Outcome], show_early: Callable[[Outcome, list[dict[str, Any]]], object]
) -> Run:
    """Run a pin; if a safe request seems changed, run it a second time.

    Args:
        pin: which; it is not changed.
        send: sends a request and returns the outcome.
        show_early: gets the differences of the first run before the second one, for people who wait.
    """
    try:
        made = pin.to_send()
        after = send(made.request)
    except ReplayError as error:
        after = Outcome(0, note=str(error))
        differences = compare(pin.last, after)[:1] if pin.last is not None else []
        return Run(after, pin.volatile, differences, pin.left_out)
    if pin.last is not None and not (differences := compare(pin.last, after, pin.volatile)):
        return Run(after, pin.volatile, [], made.left_out)
    volatile = pin.volatile
    if made.request.is_safe and after.status:
        if pin.last is not None and (sure := [each for each in differences if each["what"] != "queries"]):
            show_early(after, sure)
        try:
            again = send(made.request)
        except ReplayError:
            again = after
        volatile |= volatile_of(after, again)
        # The first request of a generation may run queries that fill a cache: the second one's number is compared.
        after = replace(after, queries=again.queries)
    differences = compare(pin.last, after, volatile) if pin.last is not None else []
    return Run(after, volatile, differences, made.left_out)


def early(pin: Pin, outcome: Outcome, differences: list[dict[str, Any]], generation: int) -> dict[str, Any]:
    """Return the pages' view of a pin between its first run and the second one, which says what differs anyway."""
    shown = replace(pin, last=outcome, differences=differences, generation=generation, at=time.time())
    return {**shown.as_json(), "state": CHECKING, "reason": ""}


def finished(pin: Pin, ended: Run, generation: int) -> None:
    """Note the end of a run in the pin."""
    pin.state = FIRST if pin.last is None else CHANGED if ended.differences else SAME
    pin.last, pin.volatile, pin.differences, pin.left_out = ended
    pin.reason = "" if ended.outcome.status else ended.outcome.note
    pin.generation, pin.at = generation, time.time()


def summary(pin: Pin, most: int = 5) -> list[str]:
    """Return the first differences as lines, for the log."""
    return [difference_line(each)[:200] for each in pin.differences[:most]]
