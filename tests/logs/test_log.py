"""The log as the supervisor uses it: one valid line an event, in order, whatever the children send."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.logs.events import EVENTS
from appliance.logs.log import make_log
from appliance.logs.project_output.output_events import Part
from appliance.logs.project_output.output_lines import OutputLine
from appliance.logs.render.console import Console
from appliance.protocol.access_record import AccessRecord

ACCESS: dict[str, Any] = {
    "event": "request.finished",
    "ended_us": 1_500_000,
    "duration_us": 100_000,
    "method": "GET",
    "path": "/",
    "query": "",
    "status": 200,
}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


class Recorder:
    """A log whose writes are kept."""

    def __init__(self, *, form="json", level="info", access="on"):
        self.writes: list[bytes] = []
        console = Console(colour=False, root="/w", width=lambda: 0) if form == "console" else None
        self.log = make_log(self.writes.append, level=level, access=access, console=console)

    @property
    def lines(self):
        """Every line so far, parsed."""
        return [json.loads(line) for line in b"".join(self.writes).splitlines()]


def access(**changes):
    """An access record as it comes from a worker."""
    return AccessRecord(**(ACCESS | changes)).to_wire()


def test_every_line_opens_with_the_same_five_fields():
    """A line opens with timestamp, level, event, role and generation, in this order, then its fields."""
    recorder = Recorder()
    recorder.log.event("info", "reload.finished", generation=3, at=0.25, duration_s=1.5)
    assert list(recorder.lines[0].items()) == [
        ("timestamp", "1970-01-01T00:00:00.250000Z"),
        ("level", "info"),
        ("event", "reload.finished"),
        ("role", "supervisor"),
        ("generation", 3),
        ("duration_s", 1.5),
    ]


@pytest.mark.parametrize(("role", "status", "level"), [
    ("standin", 503, "info"), ("standin", 500, "error"), ("worker", 503, "error"),
])  # fmt: skip
def test_waiting_is_not_an_error(role, status, level):
    """The page that says that the project is being started is not an error; a worker's own 503 is one."""
    recorder = Recorder()
    recorder.log.records([access(status=status)], role=role, generation=1)
    assert recorder.lines[0]["level"] == level


def test_an_event_without_generation_has_no_such_field():
    """An event of no generation has no field for it."""
    recorder = Recorder()
    recorder.log.event("info", "appliance.stopped")
    assert list(recorder.lines[0]) == ["timestamp", "level", "event", "role"]


def test_a_batch_is_one_write_in_order():
    """The lines of a batch are written at once, in the order of its records, each with its own time."""
    recorder = Recorder()
    failed = ["event", 2.5, "error", "application.failed", {"error": "ZeroDivisionError"}]
    recorder.log.records(
        [access(path="/a"), failed, access(path="/b", ended_us=3_000_000)], role="worker", generation=2
    )
    assert len(recorder.writes) == 1
    assert [(line["timestamp"][17:21], line["event"], line["role"], line["generation"]) for line in recorder.lines] == [
        ("01.5", "request.finished", "worker", 2),
        ("02.5", "application.failed", "worker", 2),
        ("03.0", "request.finished", "worker", 2),
    ]


def test_an_empty_batch_writes_nothing():
    """A batch of which nothing is shown makes no write."""
    recorder = Recorder(access="off")
    recorder.log.records([access()], role="worker", generation=1)
    recorder.log.records([], role="worker", generation=1)
    assert recorder.writes == []


@pytest.mark.parametrize(
    "record",
    [
        None,
        3,
        "access",
        [],
        {},
        {"0": "access"},
        ["access"],
        ["access", *range(18)],
        ["other", 1, "info", "output", {}],
        ["event"],
        ["event", "now", "error", "application.failed", {}],
        ["event", 1e300, "error", "application.failed", {}],
        ["event", 1, "loud", "application.failed", {}],
        ["event", 1, ["error"], "application.failed", {}],
        ["event", 1, "error", ["application.failed"], {}],
        ["event", 1, "error", "application.failed", []],
        ["event", 1, "info", "no.such.event", {}],
        access(ended_us=None),
        access(event="output"),
    ],
)
def test_a_malformed_record_is_one_event(record):
    """A value that is not a record becomes one record.malformed, and the records around it are unchanged."""
    recorder = Recorder()
    recorder.log.records([access(), record, access()], role="worker", generation=1)
    assert [line["event"] for line in recorder.lines] == ["request.finished", "record.malformed", "request.finished"]


@pytest.mark.parametrize("name", sorted(name for name, event in EVENTS.items() if "worker" not in event.by))
def test_a_worker_forges_nothing(name):
    """An event that is not a worker's can't be had from one."""
    recorder = Recorder()
    recorder.log.records([["event", 1.0, "info", name, {"found": "x"}]], role="worker", generation=1)
    assert [line["event"] for line in recorder.lines] == ["record.malformed"]


def test_fields_can_not_pass_for_ours():
    """A worker's fields with the names of the fields that open every line are left out."""
    recorder = Recorder()
    fields = {
        "event": "worker.ready",
        "role": "supervisor",
        "timestamp": "x",
        "level": "x",
        "generation": 9,
        "error": "e",
    }
    recorder.log.records([["event", 1.0, "error", "application.failed", fields]], role="worker", generation=1)
    assert recorder.lines == [
        {
            "timestamp": "1970-01-01T00:00:01.000000Z",
            "level": "error",
            "event": "application.failed",
            "role": "worker",
            "generation": 1,
            "error": "e",
        }
    ]


@given(st.lists(ANY_JSON | st.lists(ANY_JSON).map(lambda rest: ["access", *rest]), max_size=4))
def test_any_batch_is_lines(batch):
    """Each record of any batch is one line of valid JSON without control characters."""
    recorder = Recorder(level="debug")
    recorder.log.records(batch, role="worker", generation=1)
    text = b"".join(recorder.writes)
    assert len(recorder.lines) == len(batch)
    assert not any(byte < 0x20 for byte in text.replace(b"\n", b""))


@given(st.dictionaries(st.text(), ANY_JSON))
def test_any_event_of_a_worker_is_a_line(fields):
    """The line of an event with any fields parses, also by orjson, and begins with ours."""
    for form in ("json", "console"):
        recorder = Recorder(form=form)
        recorder.log.records([["event", 1.0, "error", "application.failed", fields]], role="worker", generation=1)
        text = b"".join(recorder.writes)
        assert not any(
            ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0
            for character in text.decode()
            if character not in "\n\t"
        )
        if form == "json":
            assert list(orjson.loads(text))[:5] == ["timestamp", "level", "event", "role", "generation"]


@pytest.mark.parametrize(
    ("mode", "seen"),
    [
        ("on", ["/ok", "/missing", "/broken", "/left"]),
        ("errors", ["/missing", "/broken", "/left"]),
        ("off", []),
    ],
)
def test_the_access_log_has_three_states(mode, seen):
    """Off shows no access events, errors those that did not go well, on all; other events are shown in each."""
    recorder = Recorder(access=mode)
    records = [
        access(path="/ok"),
        access(path="/missing", status=404),
        access(path="/broken", status=500),
        access(path="/left", event="request.aborted"),
        ["event", 1.0, "error", "application.failed", {}],
    ]
    recorder.log.records(records, role="worker", generation=1)
    assert [line["url.path"] for line in recorder.lines if "url.path" in line] == seen
    assert recorder.lines[-1]["event"] == "application.failed"


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("debug", ["debug", "info", "warning", "error", "critical"]),
        ("warning", ["warning", "error", "critical"]),
        ("critical", ["critical"]),
    ],
)
def test_events_below_the_level_are_left_out(level, seen):
    """Events below the level are not shown, except for the output of the project."""
    recorder = Recorder(level=level)
    for each in ("debug", "info", "warning", "error", "critical"):
        recorder.log.event(each, "worker.exited")
    recorder.log.output([OutputLine(b"printed")], stream="stdout", role="worker", generation=1, pid=2)
    assert [line["level"] for line in recorder.lines] == [*seen, "info"]
    assert recorder.lines[-1]["text"] == "printed"


def test_a_printed_line_has_its_origin():
    """A printed line has its stream, its process and its request."""
    recorder = Recorder()
    recorder.log.output(
        [OutputLine(b"hi \x1b[0m", request_id="r1")], stream="stderr", role="worker", generation=4, pid=7
    )
    line = recorder.lines[0]
    del line["timestamp"]
    assert line == {
        "level": "info",
        "event": "output",
        "role": "worker",
        "generation": 4,
        "stream": "stderr",
        "pid": 7,
        "request_id": "r1",
        "text": "hi \\x1b[0m",
    }


def test_a_project_can_not_forge_an_event():
    """A printed line that looks like one of ours stands under project, below an output event."""
    forged = {"timestamp": "x", "level": "error", "event": "request.finished", "role": "supervisor", "request_id": "y"}
    recorder = Recorder()
    recorder.log.output([OutputLine(json.dumps(forged).encode())], stream="stdout", role="worker", generation=1, pid=1)
    line = recorder.lines[0]
    assert (line["event"], line["role"], line["project"]) == ("output", "worker", forged)
    assert "request_id" not in line


def test_a_part_of_a_line_says_which_it_is():
    """A piece of a long line says which it is, and whether more comes."""
    recorder = Recorder()
    recorder.log.output(
        [OutputLine(Part.of(b"x", number=2, more=True))], stream="stdout", role="worker", generation=1, pid=1
    )
    assert (recorder.lines[0]["part"], recorder.lines[0]["more"]) == (2, True)
