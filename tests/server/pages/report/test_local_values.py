"""Local values as texts: of every kind, within limits, without running what the project wrote."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
import pathlib
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from appliance.masking import MASKED
from appliance.server.pages.report.local_values import MAX_ALL, MAX_LOCALS, MAX_VALUE, LocalValues


class Trap:
    """An object that fails the test when anything of it is called."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"{name} was called")

    def __repr__(self) -> str:
        raise AssertionError("repr was called")

    __str__ = __len__ = __iter__ = __eq__ = __hash__ = __bool__ = __repr__  # type: ignore[assignment]


class TrapText(str):
    """A text whose methods are the project's."""

    __slots__ = ()

    def __repr__(self) -> str:
        raise AssertionError("repr was called")

    def __getitem__(self, _key: Any) -> str:
        raise AssertionError("it was asked for a part")

    __len__ = __eq__ = __bool__ = __repr__  # type: ignore[assignment]
    __hash__ = str.__hash__


class Items(list[Any]):
    """A list whose methods are the project's."""

    def __iter__(self) -> Any:
        raise AssertionError("it was iterated")

    def __len__(self) -> int:
        raise AssertionError("it was counted")


class Meta(type):
    """A class whose comparison is the project's."""

    def __eq__(cls, other: object) -> bool:
        raise AssertionError("it was compared")

    __hash__ = type.__hash__


class OfMeta(metaclass=Meta):
    pass


class Colour(enum.Enum):
    RED = 1


class Number(enum.IntEnum):
    ONE = 1


class Plain:
    def __init__(self) -> None:
        self.name = "bob"
        self.password = "hunter2"
        self._hidden = 1


class Property:
    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        raise AssertionError("the property was read")


class Slots:
    __slots__ = ("a",)


def text(value: object, mask: Any = str) -> str:
    """The text of one value."""
    return LocalValues(mask).text(value)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, "None"),
        (1, "1"),
        (-1.5, "-1.5"),
        (True, "True"),
        (b"a", "b'a'"),
        (bytearray(b"a"), "bytearray(b'a')"),
        ("a'b", '"a\'b"'),
        ([], "[]"),
        ((1,), "(1,)"),
        ({"a": [1]}, "{'a': [1]}"),
        (set(), "set()"),
        ({1}, "{1}"),
        (frozenset({1}), "frozenset({1})"),
        (range(3), "range(0, 3)"),
        (collections.OrderedDict(a=1), "collections.OrderedDict({'a': 1})"),
        (dt.date(2026, 1, 2), "datetime.date(2026, 1, 2)"),
        (decimal.Decimal("1.0"), "Decimal('1.0')"),
        (uuid.UUID(int=1), "UUID('00000000-0000-0000-0000-000000000001')"),
        (pathlib.PosixPath("/a"), "PosixPath('/a')"),
        (len, "<function len>"),
        (int, "<class 'int'>"),
        (dt, "<module 'datetime'>"),
        (10**4000, "<int of 13288 bits>"),
    ],
)
def test_values_of_known_types_are_written_as_python_writes_them(value: object, wanted: str):
    """A value of a built-in type is written as Python writes it."""
    assert text(value) == wanted


def test_an_object_is_shown_as_its_class_and_attributes():
    """An object is its class and its public attributes; a member of an enumeration is its name."""
    assert text(Plain()).endswith(f"Plain object: name='bob', password={MASKED!r}>")
    assert text(Colour.RED).endswith(".Colour.RED>")
    assert text(Number.ONE).endswith(".Number.ONE>")
    assert text(Slots()).endswith("Slots object>")
    assert text(ValueError("x")) == "<ValueError>"


TRAPS: dict[str, Callable[[], object]] = {
    "an object": Trap,
    "a text": lambda: TrapText("a"),
    "a list": lambda: Items([1]),
    "an object of a metaclass": OfMeta,
    "a class of a metaclass": lambda: OfMeta,
    "a property": Property,
    "in a list": lambda: [Trap()],
    "in a dict": lambda: {"a": Trap()},
    "a key": lambda: {TrapText("k"): 1},
}


@pytest.mark.parametrize("make", TRAPS.values(), ids=TRAPS.keys())
def test_no_method_of_the_projects_runs(make: Callable[[], object]):
    """No method that the project can have replaced is called."""
    assert text(make())


def test_huge_values_are_bounded():
    """The text of any value has a limit, as have a frame's values together, and what is cut says so."""
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    circle: list[Any] = []
    circle.append(circle)
    wide = [[list(range(1000))] * 1000] * 1000
    for value in ("x" * 10**7, nested, circle, wide, dict.fromkeys(range(10**5)), {"k" * 10**6: "v"}, b"\xff" * 10**6):
        assert len(text(value)) <= MAX_VALUE + len("... (1234567 more characters)")
    assert text("x" * 1000).endswith("... (1000 in all)")
    assert "... (100000 in all)" in text(dict.fromkeys(range(10**5)))
    found = LocalValues(str).of({f"name{number}": "x" * 250 for number in range(1000)})
    assert len(found) == MAX_LOCALS + 1
    assert found[-1] == ["...", f"({1000 - MAX_LOCALS} more)"]
    values = LocalValues(str)
    total = sum(len(each) for _ in range(100) for _, each in values.of({f"n{n}": "x" * 290 for n in range(40)}))
    assert total < 1.2 * MAX_ALL


def test_secrets_are_masked_by_name_and_by_value():
    """A variable, a key or an attribute with a secret's name is masked, and a secret's value wherever it is."""
    values = LocalValues(lambda words: words.replace("s3cret-value", MASKED))
    data = {"Password": "abc", "x": ["s3cret-value"]}
    found = dict(values.of({"api_key": "abc", "token": 7, "data": data, "cut": "y" * 290 + "s3cret-value"}))
    assert found["api_key"] == found["token"] == MASKED
    assert found["data"] == f"{{'Password': {MASKED!r}, 'x': [{MASKED!r}]}}"
    assert "s3cret" not in found["cut"]


def test_a_name_without_a_secret_stays():
    """A function, an empty text or a truth value is not masked, whatever its name is."""
    found = dict(LocalValues(str).of({"get_token": len, "password": "", "use_token": True, "__builtins__": {}}))
    assert found == {"get_token": "<function len>", "password": "''", "use_token": "True"}
