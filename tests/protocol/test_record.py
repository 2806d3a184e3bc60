"""Records behave as a frozen dataclass does, without a method of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from appliance.protocol import messages, page_messages, snapshot_messages
from appliance.protocol.record import Message, Record, declared_types, made_default, replace
from appliance.protocol.start import first_messages
from appliance.supervisor import lifecycle_events
from appliance.supervisor.preloading import preload_events
from appliance.supervisor.remedy_runs import remedy_states
from appliance.supervisor.steps import before_start_states
from appliance.supervisor.workers import acceptor_events, worker_events


class Noted(Record):
    kind: ClassVar[str] = "noted"
    number: int
    texts: list[str] = made_default(default_factory=list)
    loud: bool = False


class Signed(Noted):
    by: str = ""


@dataclass(frozen=True)
class NotedData:
    number: int
    loud: bool = False


@pytest.mark.parametrize(
    ("record", "values"),
    [
        (Noted(1), {"number": 1, "texts": [], "loud": False}),
        (Noted(1, ["a"], True), {"number": 1, "texts": ["a"], "loud": True}),
        (Noted(loud=True, number=1), {"number": 1, "texts": [], "loud": True}),
        (Signed(1, by="me"), {"number": 1, "texts": [], "loud": False, "by": "me"}),
    ],
)
def test_fields_come_by_position_and_name(record, values):
    """A record has the values that it was given, or else their defaults, in the order of its class."""
    assert vars(record) == values
    assert list(vars(record)) == list(values)


@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), ((1, [], True, 2), {}), ((1,), {"number": 1}), ((1,), {"other": 1}), ((), {"loud": True})],
)
def test_wrong_fields_are_refused(values, named):
    """A missing, unknown, repeated or surplus value is a TypeError that names the class."""
    with pytest.raises(TypeError, match="Noted has the fields"):
        Noted(*values, **named)


def test_a_copy_has_the_changes_alone():
    """A copy has the given values and those of the record, which stays as it was; a wrong name is refused."""
    record = Signed(1, ["a"], by="me")
    assert replace(record, loud=True) == Signed(1, ["a"], True, "me")
    assert record == Signed(1, ["a"], False, "me")
    with pytest.raises(TypeError, match="Signed has the fields"):
        replace(record, number=2, other=1)  # type: ignore[call-arg]


def test_a_record_is_immutable():
    """No attribute can be set or deleted."""
    record = Noted(1)
    with pytest.raises(AttributeError, match="number"):
        record.number = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="number"):
        del record.number
    assert record.number == 1


def test_equality_is_of_class_and_values():
    """Records are equal if class and values are, and then have the same hash."""
    assert Noted(1, ["a"]) == Noted(1, texts=["a"])
    assert Noted(1) != Noted(2)
    assert Noted(1) != Signed(1)
    assert Noted(1) != NotedData(1)
    assert hash(lifecycle_events.Installed(1)) == hash(lifecycle_events.Installed(job=1))


def test_defaults_are_not_shared():
    """Each record gets a new default from a factory."""
    assert Noted(1).texts is not Noted(1).texts


def test_patterns_take_positions():
    """A class pattern takes the fields by position."""
    match Signed(1, ["a"], True, "me"):
        case Noted(number, texts, loud):
            assert (number, texts, loud) == (1, ["a"], True)


def test_a_record_is_shown_as_a_dataclass_is():
    """The representation names class and fields."""
    assert repr(Noted(1)) == "Noted(number=1, texts=[], loud=False)"
    assert repr(NotedData(1)) == "NotedData(number=1, loud=False)"


def test_types_are_as_declared():
    """The declared types are those of the fields, without class variables."""
    assert declared_types(Signed) == {"number": "int", "texts": "list[str]", "loud": "bool", "by": "str"}
    assert declared_types(messages.Drain) == {"grace_s": "float", "streams_s": "float", "pause_s": "float"}


@pytest.mark.parametrize(
    "module",
    [
        first_messages, messages, page_messages, snapshot_messages, lifecycle_events, preload_events,
        before_start_states, remedy_states, acceptor_events, worker_events,
    ],
)  # fmt: skip
def test_events_and_messages_are_records(module):
    """Classes without a behaviour of their own compile no methods, since each start of a process would."""
    made = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and each.__module__ == module.__name__ and issubclass(each, Record | Message)
    ]
    assert made
    assert not [each for each in made if "__init__" in vars(each) or "__eq__" in vars(each)]
