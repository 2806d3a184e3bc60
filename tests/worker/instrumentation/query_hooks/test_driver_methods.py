"""The wrappers of PEP 249: one note for one query, whatever form it has."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from appliance.protocol.request_details import MANY, PROCEDURE
from appliance.worker.instrumentation.query_hooks.driver_methods import DriverMethods
from tests.worker.instrumentation.query_hooks.noted_queries import driver_methods, request


class Composed:
    """A text that the driver composes, with a value in it."""

    def as_string(self, _: object) -> str:
        """Return the text."""
        return "SELECT 'value'"


class Undecided:
    """Parameters of a driver's own kind, which don't tell whether they are empty, as arrays don't."""

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


def cursor_of(methods: DriverMethods) -> Any:
    """A cursor of a driver in Python, whose methods are wrapped and call each other."""

    class Cursor:
        """The cursor."""

        rowcount = 18446744073709551615  # what MySQL's clients tell of rows that are not fetched yet

        def execute(self, query: Any, args: Any = None) -> int:
            """Return a number, or raise."""
            if query == "raise":
                raise LookupError("no such table: secret")
            return len(str(args))

        def executemany(self, query: str, args: Any) -> list[int]:
            """Execute each."""
            return [self.execute(query, each) for each in args]

        def callproc(self, procname: str, args: Any = ()) -> int:
            """Execute a call."""
            return self.execute(f"CALL {procname}()", args)

        async def execute_later(self, query: str, args: Any = None) -> int:
            """Wait, and execute."""
            await asyncio.sleep(0)
            return self.execute(query, args)

    kind: Any = Cursor
    kind.execute = methods.executing()(kind.execute)
    kind.executemany = methods.executing(MANY)(kind.executemany)
    kind.callproc = methods.executing(PROCEDURE)(kind.callproc)
    kind.execute_later = methods.awaiting()(kind.execute_later)
    return kind()


def test_what_a_method_calls_is_not_noted_again():
    """Many rows, procedures and named arguments are one query each, and a failed one names its exception alone."""
    methods, events = driver_methods(__file__)
    cursor = cursor_of(methods)
    with request() as noted:
        assert cursor.executemany("INSERT", [(1,), ("two",)]) == [4, 8]
        assert cursor.callproc("books", (1, None)) == 9
        assert cursor.execute(query="SELECT", args={"id": 1}) == 9
        assert cursor.execute(Composed()) == 4
        with pytest.raises(LookupError):
            cursor.execute("raise")
        with pytest.raises(TypeError):
            cursor.execute()
        assert cursor.executemany("INSERT", (each for each in ("a",))) == [1]
    assert [(each["sql"], each["parameters"], each["error"], each["kind"]) for each in noted] == [
        ("INSERT", "2 times int", "", "many"),
        ("CALL books", "int, None", "", "procedure"),
        ("SELECT", "id: int", "", "query"),
        ("SELECT ?", "", "", "query"),
        ("raise", "", "LookupError", "query"),
        ("", "", "TypeError", "query"),
        ("INSERT", "", "", "many"),
    ]
    assert {each["rows"] for each in noted} == {None}
    assert not events


def test_queries_at_the_same_time_are_each_noted():
    """A query is noted while other tasks of the request wait."""
    methods, events = driver_methods(__file__)
    cursor = cursor_of(methods)

    async def together() -> None:
        await asyncio.gather(*(cursor.execute_later("SELECT", (number,)) for number in range(3)))
        with pytest.raises(LookupError):
            await cursor.execute_later("raise")

    with request() as noted:
        asyncio.run(together())
    assert [each["error"] for each in noted] == ["", "", "", "LookupError"]
    assert not events


@pytest.mark.parametrize(
    ("parameters", "types"),
    [
        ([1, "a", None, 1.5, b""], "int, str, None, float, bytes"),
        (tuple(range(25)), ", ".join(["int"] * 20) + ", ..."),
        ({"a": 1, "b" * 99: None}, "a: int, " + "b" * 40 + ": None"),
        (iter([1]), ""),
        ("abc", ""),
        ((), ""),
        (17, ""),
        (Undecided(), ""),
    ],
)
def test_parameters_are_noted_by_their_types(parameters: Any, types: str):
    """No value is noted, and no iterator is used up."""
    methods, _ = driver_methods(__file__)
    with request() as noted:
        cursor_of(methods).execute("SELECT", parameters)
    assert noted[0]["parameters"] == types
    if hasattr(parameters, "__next__"):
        assert [*parameters] == [1]
