"""The runs of pins, with a replayer that answers as a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from appliance.desk.comparison.outcome import Outcome
from appliance.desk.pins import pin_runs
from appliance.desk.pins.pin_file import PinFile
from appliance.desk.pins.pin_runs import Pins
from appliance.desk.replay.replayer import Known
from appliance.desk.replay.restored_request import Shown
from appliance.desk.replay.sent_request import ReplayError, SentRequest

WAIT_S = 20


class FakeReplayer:
    """Knows every request; what it sends is answered by ``answer``."""

    def __init__(self) -> None:
        self.answer: Callable[[SentRequest], Outcome] = lambda _: Outcome(200)
        self.sent: list[str] = []

    def find(self, number: int) -> Known:
        """Return a request whose target is its number; those from 100 on are POST."""
        method = "POST" if number >= 100 else "GET"
        shown = Shown(method, f"/{number}", [("Host", "localhost")])
        return Known({"id": number}, None, SentRequest(method, f"/{number}", (("Host", "localhost"),)), shown)

    def run(self, _number: int, request: SentRequest, _timeout_s: float) -> Outcome:
        """Note the request, and answer it."""
        self.sent.append(request.target)
        return self.answer(request)


class Site:
    """The pins, and what they have told."""

    def __init__(self, path: Path) -> None:
        self.replayer = FakeReplayer()
        self.events: list[dict[str, Any]] = []
        self._told: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self.pins = Pins(
            cast("Any", self.replayer), PinFile(path / "desk.sqlite3"), self._publish, lambda *each: self._log(each[2])
        )

    def _log(self, fields: dict[str, Any]) -> None:
        with self._changed:
            self.events.append(fields)
            self._changed.notify_all()

    def _publish(self, pin: dict[str, Any]) -> None:
        with self._changed:
            self._told.append(pin)
            self._changed.notify_all()

    def wait(self, state: str, generation: int | None = None, pin: int = 1) -> dict[str, Any]:
        """Wait for this state of a pin."""

        def found() -> dict[str, Any] | None:
            return next(
                (
                    each
                    for each in self._told
                    if (each["pin"], each["state"]) == (pin, state) and generation in {None, each.get("generation")}
                ),
                None,
            )

        with self._changed:
            assert self._changed.wait_for(lambda: found() is not None, WAIT_S), self._told
            return cast("dict[str, Any]", found())

    def told_states(self) -> list[str]:
        """The states that pages got."""
        with self._changed:
            return [each["state"] for each in self._told]

    def ask(self, name: str, **more: Any) -> dict[str, Any]:
        """Ask a question."""
        return self.pins.questions[name](more)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Pins whose file is in an empty folder; generation 1 serves."""
    made = Site(tmp_path)
    made.pins.serves(1, 0)
    yield made
    made.pins.serves(0, 0)


def test_a_change_is_logged_once(site: Site):
    """A run is compared with the one before; an event is logged only where something differs."""
    site.ask("pin", number=17)
    assert site.wait("first")["generation"] == 1
    site.replayer.answer = lambda _: Outcome(500)
    site.pins.serves(2, 0)
    assert site.wait("changed")["differences"] == [{"what": "status", "before": "200", "after": "500"}]
    site.pins.serves(3, 0)
    assert site.wait("same")["generation"] == 3
    site.pins.serves(3, 1)  # its templates
    site.replayer.answer = lambda _: Outcome(404)
    site.pins.serves(4, 0)
    site.wait("changed", 4)
    assert [each["of_generation"] for each in site.events] == [2, 4]


def test_pages_get_a_difference_before_the_second_run(site: Site):
    """People see the first run's difference, without its number of queries; parts that differ anyway go later."""
    site.ask("pin", number=17)
    site.wait("first")
    second = threading.Event()
    answers: Iterator[Outcome] = iter(
        [
            Outcome(404, (("X-Id", "1"),), queries=9),
            Outcome(404, (("X-Id", "2"),), queries=1),
        ]
    )

    def answer(_: SentRequest) -> Outcome:
        if len(site.replayer.sent) == 4:
            assert second.wait(WAIT_S)
        return next(answers)

    site.replayer.answer = answer
    site.pins.serves(2, 0)
    seen = site.wait("checking")
    assert [(each["what"], each["after"]) for each in seen["differences"]] == [("status", "404"), ("field", "1")]
    assert (seen["generation"], site.ask("pins")["pins"][0]["state"], site.events) == (2, "first", [])
    second.set()
    assert [each["after"] for each in site.wait("changed")["differences"]] == ["404"]


def test_a_first_run_that_is_overtaken_shows_nothing(site: Site):
    """A difference from before the last save is no longer told."""
    site.ask("pin", number=17)
    site.wait("first")

    def answer(_: SentRequest) -> Outcome:
        if len(site.replayer.sent) == 3:
            site.pins.serves(3, 0)
        return Outcome(500 if len(site.replayer.sent) < 5 else 200)

    site.replayer.answer = answer
    site.pins.serves(2, 0)
    assert site.wait("same")["generation"] == 3
    assert "checking" not in site.told_states()


def test_volatile_places_are_learned(site: Site):
    """Places that differ between two runs of one generation never count; the second number of queries counts."""
    numbers = iter(range(1000))

    def answer(_: SentRequest) -> Outcome:
        number = next(numbers)
        body = f'{{"at": {number}, "word": "{word}"}}'
        fields = (("Content-Type", "application/json"), ("X-Id", str(number)))
        return Outcome(200, fields, body, digest=body, queries=5 if number % 2 == 0 else 2)

    word, site.replayer.answer = "one", answer
    site.ask("pin", number=17)
    first = site.wait("first")
    assert first["volatile"] == ["field x-id", "$.at"]
    assert first["queries"] == 2
    word = "two"
    site.pins.serves(2, 0)
    assert [each["path"] for each in site.wait("changed")["differences"]] == ["$.word"]


def test_lines_that_always_differ_are_left_out(site: Site):
    """A token in a form and the time in a line are not a change; a change of another line is."""
    numbers = iter(range(10**6, 10**7))

    def answer(_: SentRequest) -> Outcome:
        number = next(numbers)
        text = f"<h1>{word}</h1>\n<input value={number}>\nnow {number}\n"
        return Outcome(200, (("Content-Type", "text/html"),), text, digest=text)

    word, site.replayer.answer = "one", answer
    site.ask("pin", number=17)
    site.wait("first")
    site.pins.serves(2, 0)
    site.wait("same")
    word = "two"
    site.pins.serves(3, 0)
    (difference,) = site.wait("changed")["differences"]
    assert [text for kind, text in difference["lines"] if kind != " "] == ["<h1>one</h1>", "<h1>two</h1>"]


def test_only_the_last_generation_is_run(site: Site):
    """Generations that come during another save are dropped; for a broken project the page says so."""
    site.ask("pin", number=17)
    site.wait("first")
    held, released = threading.Event(), threading.Event()

    def answer(_: SentRequest) -> Outcome:
        held.set()
        assert released.wait(WAIT_S)
        return Outcome(201)

    site.replayer.answer = answer
    site.pins.serves(2, 0)
    assert held.wait(WAIT_S)
    for generation in range(3, 9):
        site.pins.serves(generation, 0)
    released.set()
    assert site.wait("changed")["generation"] == 8
    assert len(site.replayer.sent) <= 7
    site.pins.serves(0, 0)
    assert site.wait("not run")["reason"] == "the project does not start"


def test_a_slow_pin_holds_up_no_other(site: Site, monkeypatch: pytest.MonkeyPatch):
    """A request without a response is a change to no response, with its reason; the others have run before it."""
    released = threading.Event()

    def answer(request: SentRequest) -> Outcome:
        if request.target == "/1":
            assert released.wait(WAIT_S)
            raise ReplayError("There was no response within 10 s.", action="Look at the log.")
        return Outcome(200)

    for number in (1, 2, 3):
        site.ask("pin", number=number)
        site.wait("first", pin=number)
    site.replayer.answer = answer
    site.pins.serves(2, 0)
    site.wait("same", pin=2)
    site.wait("same", pin=3)
    released.set()
    assert site.wait("changed", pin=1)["reason"] == "There was no response within 10 s. Look at the log."


def test_a_method_that_is_not_safe_is_confirmed_once(site: Site):
    """Without the confirmation nothing is sent; with it, it runs after each save, and never twice."""
    assert site.ask("pin", number=100) == {"unconfirmed": "POST"}
    assert site.replayer.sent == []
    site.ask("pin", number=100, confirmed=True)
    site.wait("first")
    site.replayer.answer = lambda _: Outcome(409)
    site.pins.serves(2, 0)
    site.wait("changed")
    assert site.replayer.sent == ["/100", "/100"]


def test_there_is_a_limit_of_pins(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """One more is refused; a request is pinned once; what was unpinned does not run again, also after a restart."""
    monkeypatch.setattr(pin_runs, "MOST", 2)
    for number in (1, 2):
        site.ask("pin", number=number)
        site.wait("first", pin=number)
    assert site.ask("pin", number=1)["pin"] == 1
    with pytest.raises(ReplayError, match="Unpin one"):
        site.ask("pin", number=3)
    assert site.ask("unpin", pin=1)["state"] == "unpinned"
    with pytest.raises(ReplayError, match="not pinned"):
        site.ask("unpin", pin=1)
    again = Site(tmp_path)
    assert [each["target"] for each in again.ask("pins")["pins"]] == ["/2"]
    again.pins.serves(1, 0)
    again.wait("first", pin=2)
    assert again.replayer.sent[0] == "/2"


def test_a_full_disk_is_reported_with_the_pin(site: Site, tmp_path: Path):
    """The request is pinned, and the answer says that it is not kept over a restart."""
    (tmp_path / "desk.pins.part").mkdir()
    assert "not kept over a restart" in site.ask("pin", number=17)["unsaved"]
    site.wait("first")


def test_a_defect_stops_no_later_run(site: Site, monkeypatch: pytest.MonkeyPatch):
    """A pin whose run fails by a defect is not run, with the reason, and runs after the next save."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    site.ask("pin", number=17)
    site.wait("first")
    site.replayer.answer = lambda _: Outcome(int("no status"))
    site.pins.serves(2, 0)
    assert "the next save" in site.wait("not run")["reason"]
    site.replayer.answer = lambda _: Outcome(200)
    site.pins.serves(3, 0)
    assert site.wait("same")["generation"] == 3


def test_an_event_says_what_has_changed(tmp_path: Path):
    """The event of a change has the request without its query, and its first five differences, each cut."""
    reported: list[tuple[str, str, dict[str, object]]] = []
    logged = threading.Event()
    replayer = FakeReplayer()

    def report(level: str, name: str, fields: dict[str, object]) -> None:
        reported.append((level, name, fields))
        logged.set()

    def find(_number: int) -> Known:
        target, secret = "/a?b=c?d", (("Cookie", "sid=secret"),)
        shown = Shown("GET", target, [("Cookie", "sid=********")])
        return Known({"id": 17}, None, SentRequest("GET", target, secret), shown)

    sent: list[SentRequest] = []

    def answer(request: SentRequest) -> Outcome:
        sent.append(request)
        return Outcome(500, tuple((f"X-{name}", "x" * 300) for name in "abcdef"))

    replayer.find = find  # type: ignore[method-assign,assignment]  # a request with a secret
    first = threading.Event()
    pins = Pins(cast("Any", replayer), PinFile(tmp_path / "desk.sqlite3"), lambda _: first.set(), report)
    pins.serves(1, 0)
    shown = pins.questions["pin"]({"number": 17})
    assert (shown["method"], shown["target"], shown["status"], shown["duration_s"]) == ("GET", "/a?b=c?d", 0, None)
    assert first.wait(WAIT_S)
    replayer.answer = answer
    pins.serves(2, 0)
    assert logged.wait(WAIT_S)
    ((level, name, fields),) = reported
    lines = cast("list[str]", fields.pop("differences"))
    assert (level, name) == ("info", "replay.changed")
    assert fields == {"pin": 1, "http.request.method": "GET", "url.path": "/a", "of_generation": 2, "count": 7}
    assert (len(lines), max(map(len, lines))) == (5, 200)
    assert ("Cookie", "sid=secret") in sent[0].fields, "the request as it was received is sent"
    (pin,) = pins.questions["pins"]({})["pins"]
    assert (pin["left_out"], pin["reason"], pin["at"] > 0) == ([], "", True)
