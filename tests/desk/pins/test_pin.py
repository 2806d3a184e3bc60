"""One pin: what it shows and stores, and what the one or two runs after a save say."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from appliance.desk.comparison.outcome import Outcome
from appliance.desk.comparison.volatile_parts import Volatile
from appliance.desk.pins.pin import Pin, Run, early, finished, run, summary
from appliance.desk.replay.restored_request import Shown
from appliance.desk.replay.sent_request import ReplayError, SentRequest

SHOWN = Shown("GET", "/a?b=c", [("Host", "localhost"), ("Cookie", "sid=********")], "body", has_body=True, cut=3)
STATUS = {"what": "status", "before": "200", "after": "404"}


def pin(method: str = "GET", **more: Any) -> Pin:
    """A pin whose request is still known."""
    raw = SentRequest(method, "/a", (("Host", "localhost"),))
    return Pin(3, 17, Shown(method, "/a", [("Host", "localhost")]), raw, **more)


class Runs:
    """Answers one outcome after the other, and keeps what was shown between."""

    def __init__(self, *answers: Outcome | ReplayError) -> None:
        self._answers = list(answers)
        self.sent: list[SentRequest] = []
        self.shown: list[tuple[Outcome, list[dict[str, Any]]]] = []

    def send(self, request: SentRequest) -> Outcome:
        """Send a request."""
        self.sent.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, ReplayError):
            raise answer
        return answer

    def of(self, pin: Pin) -> Run:
        """Run a pin."""
        return run(pin, self.send, lambda *seen: self.shown.append(seen))


def refused() -> ReplayError:
    """There is no response."""
    return ReplayError("No response.", action="Look at the log.")


def test_a_pin_is_shown_as_json():
    """Pages get the request without its fields, the state, and what the last run has led to."""
    last = Outcome(404, queries=2, took_s=0.5)
    volatile = Volatile(frozenset({"x-id"}))
    shown = Pin(
        3, 17, SHOWN, last=last, volatile=volatile, state="changed", reason="why", differences=[STATUS],
        generation=5, at=1.5, left_out=["Cookie"],
    ).as_json()  # fmt: skip
    assert shown == {
        "pin": 3, "request": 17, "method": "GET", "target": "/a?b=c", "state": "changed", "reason": "why",
        "differences": [STATUS], "generation": 5, "at": 1.5, "left_out": ["Cookie"], "volatile": ["field x-id"],
        "status": 404, "queries": 2, "duration_s": 0.5,
    }  # fmt: skip


def test_a_new_pin_has_no_outcome():
    """Before its first run it is running, and knows no status, queries or time."""
    shown = Pin(3, 17, SHOWN).as_json()
    assert {name: shown[name] for name in ("state", "reason", "differences", "generation", "at", "left_out")} == {
        "state": "running", "reason": "", "differences": [], "generation": 0, "at": 0.0, "left_out": [],
    }  # fmt: skip
    assert (shown["status"], shown["queries"], shown["duration_s"]) == (0, None, None)


@pytest.mark.parametrize("shown", [SHOWN, Shown("POST", "/", [])])
def test_a_stored_pin_is_read_again(shown: Shown):
    """The file has the masked request alone; what it was read from is what it makes."""
    stored = json.loads(json.dumps(Pin(3, 17, shown, SentRequest("GET", "/a", (("Cookie", "sid=secret"),))).to_json()))
    assert "secret" not in str(stored)
    read = Pin.of_stored(stored)
    assert (read.number, read.request, read.raw) == (3, 17, None)
    assert read.to_json() == Pin(3, 17, shown).to_json()


@pytest.mark.parametrize("name", ["fields", "method", "cut"])
def test_a_file_of_another_form_is_not_a_pin(name: str):
    """A stored pin without one of its parts, or with another kind of it, is refused."""
    stored = Pin(3, 17, SHOWN).to_json()
    with pytest.raises(KeyError):
        Pin.of_stored({**stored, "shown": {each: value for each, value in stored["shown"].items() if each != name}})
    with pytest.raises((TypeError, ValueError)):
        Pin.of_stored({**stored, "shown": {**stored["shown"], "fields": 1, "cut": "a"}})


def test_the_first_run_learns_what_differs():
    """A safe request is sent twice; what differs between both is volatile, and nothing is a difference yet."""
    one, two = Outcome(200, (("X-Id", "1"),), queries=9), Outcome(200, (("X-Id", "2"),), queries=1)
    runs = Runs(one, two)
    ended = runs.of(pin())
    assert ended == Run(Outcome(200, (("X-Id", "1"),), queries=1), Volatile(frozenset({"x-id"})), [], [])
    assert (len(runs.sent), runs.shown) == (2, [])


def test_an_unsafe_request_is_sent_once():
    """A POST runs once after each save, though it differs."""
    runs = Runs(Outcome(404))
    ended = runs.of(pin("POST", last=Outcome(200)))
    assert (ended.differences, len(runs.sent), runs.shown) == ([STATUS], 1, [])


def test_a_run_without_a_difference_is_not_repeated():
    """If the first run equals the last one, no more are sent; volatile parts stay volatile."""
    volatile = Volatile(frozenset({"x-id"}))
    runs = Runs(Outcome(200, (("X-Id", "2"),), took_s=2.0))
    ended = runs.of(pin(last=Outcome(200, (("X-Id", "1"),)), volatile=volatile))
    assert ended == Run(Outcome(200, (("X-Id", "2"),), took_s=2.0), volatile, [], [])


def test_a_difference_is_shown_before_the_second_run():
    """Open pages get it at once, without the number of queries, which a filled cache changes."""
    one, two = Outcome(404, queries=9), Outcome(404, queries=1)
    runs = Runs(one, two)
    ended = runs.of(pin(last=Outcome(200, queries=1)))
    assert runs.shown == [(one, [STATUS])]
    assert ended.differences == [STATUS]
    only_queries = Runs(Outcome(200, queries=9), Outcome(200, queries=1))
    assert only_queries.of(pin(last=Outcome(200, queries=1))).differences == []
    assert only_queries.shown == []


def test_what_was_learned_is_joined():
    """The parts that a run learns are added to the known ones, and left out of its differences."""
    last = Outcome(200, (("X-Id", "0"), ("X-Old", "0")))
    one, two = (Outcome(404, (("X-Id", number), ("X-Old", "1"))) for number in "12")
    ended = Runs(one, two).of(pin(last=last, volatile=Volatile(frozenset({"x-old"}))))
    assert (ended.volatile, ended.differences) == (Volatile(frozenset({"x-id", "x-old"})), [STATUS])


def test_a_second_run_without_a_response_changes_nothing():
    """The first run counts, and nothing is learned."""
    ended = Runs(Outcome(404, queries=9), refused()).of(pin(last=Outcome(200, queries=9)))
    assert ended == Run(Outcome(404, queries=9), Volatile(), [STATUS], [])


def test_no_response_is_a_difference():
    """A request without a response is one difference, that of the status, with the reason as its note."""
    volatile = Volatile(frozenset({"x-id"}))
    known = pin(last=Outcome(200, (("X-A", "1"),)), volatile=volatile, left_out=["Cookie"])
    ended = Runs(refused()).of(known)
    assert ended.outcome == Outcome(0, note="No response. Look at the log.")
    assert ended.differences == [{"what": "status", "before": "200", "after": "none"}]
    assert (ended.volatile, ended.left_out) == (volatile, ["Cookie"])
    assert Runs(refused()).of(pin()).differences == []


def test_an_answer_without_a_status_is_sent_once():
    """Without a response, the request is not sent again."""
    runs = Runs(Outcome(0))
    assert runs.of(pin(last=Outcome(200))).outcome == Outcome(0)
    assert len(runs.sent) == 1


def test_what_is_masked_and_unknown_is_named():
    """After a restart a masked value is left out of the request, and named."""
    runs = Runs(Outcome(200), Outcome(200))
    ended = runs.of(Pin(3, 17, Shown("GET", "/", [("Host", "a"), ("Authorization", "********")])))
    assert ended.left_out == ["Authorization"]
    again = Runs(Outcome(200))
    assert again.of(Pin(3, 17, Shown("GET", "/", [("Authorization", "********")]), last=Outcome(200))).left_out


def test_an_early_view_is_of_the_first_run():
    """Pages see the outcome and its differences as "checking", while the pin stays as it was."""
    known = pin(last=Outcome(200), state="not run", reason="why", generation=4)
    began = time.time()
    shown = early(known, Outcome(404), [STATUS], 5)
    assert (shown["state"], shown["reason"], shown["status"], shown["generation"]) == ("checking", "", 404, 5)
    assert shown["differences"] == [STATUS]
    assert began <= shown["at"] <= time.time()
    assert (known.last, known.state, known.generation) == (Outcome(200), "not run", 4)


@pytest.mark.parametrize(
    ("last", "differences", "state"), [(None, [], "first"), (Outcome(1), [], "same"), (Outcome(1), [STATUS], "changed")]
)
def test_the_end_of_a_run_is_noted(last: Outcome | None, differences: list[dict[str, Any]], state: str):
    """The first run is "first"; a later one is the same, or has changed; all that it led to is the pin's."""
    known, volatile, began = pin(last=last, reason="why"), Volatile(frozenset({"x-id"})), time.time()
    finished(known, Run(Outcome(200, note="cut"), volatile, differences, ["Cookie"]), 5)
    assert (known.state, known.reason, known.generation) == (state, "", 5)
    assert (known.last, known.volatile, known.differences) == (Outcome(200, note="cut"), volatile, differences)
    assert known.left_out == ["Cookie"]
    assert began <= known.at <= time.time()


def test_the_reason_of_no_response_is_noted():
    """If there was no response, its note is the pin's reason."""
    known = pin()
    finished(known, Run(Outcome(0, note="why"), Volatile(), [], []), 5)
    assert known.reason == "why"


@pytest.mark.parametrize(("given", "lines"), [({}, 5), ({"most": 1}, 1)])
def test_the_log_gets_the_first_differences(given: dict[str, int], lines: int):
    """The first five differences, each of at most 200 characters."""
    known = pin(differences=[{"what": "field", "name": "x" * 300, "before": "a", "after": "b"}, *[STATUS] * 6])
    assert summary(known, **given) == [f"field {'x' * 194}", *["status: 200 -> 404"] * 4][:lines]
