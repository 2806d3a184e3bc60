"""Methods of classes are replaced, also of those in C."""

from __future__ import annotations

import array
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from appliance.worker.instrumentation.query_hooks.method_replacement import replace


class Own:
    """A class in Python."""

    def method(self) -> int:
        """Return a number."""
        return 1


class Derived(Own):
    """A class that inherits the method."""


def one_more(original: Callable[..., int]) -> Callable[..., int]:
    """A wrapper that adds one."""
    return lambda *given: original(*given) + 1


def test_a_method_in_python_is_replaced_where_it_is_defined():
    """A class that inherits it is left as it is: it has the replacement already."""
    original = Own.method
    replace(Derived, "method", one_more)
    assert "method" not in vars(Derived)
    replace(Own, "method", one_more)
    assert (Own().method(), Derived().method()) == (2, 2)
    replace(Own, "method", lambda _: original)
    replace(Own, "absent", one_more)
    assert not hasattr(Own, "absent")


def test_a_class_in_c_takes_the_replacement_at_once():
    """Code that has run often finds it too, in instances that there are and in subclasses; and the original again."""

    class Numbers(array.array):  # type: ignore[type-arg]
        """A subclass that the project has made before."""

        def count(self, value: Any) -> int:
            """Call the method of the class in C."""
            return super().count(value)

    plain, derived = array.array("i", [5, 5]), Numbers("i", [5, 5])

    def counts() -> set[tuple[int, int]]:
        return {(plain.count(5), derived.count(5)) for _ in range(500)}

    assert counts() == {(2, 2)}
    kind: Any = array.array
    original, flags = vars(kind)["count"], kind.__flags__
    try:
        replace(kind, "count", one_more)
        assert counts() == {(3, 3)}
    finally:
        replace(kind, "count", lambda _: original)
    assert counts() == {(2, 2)}
    assert kind.__flags__ == flags
    assert "__abstractmethods__" not in vars(kind)
    assert type(plain) is array.array


@pytest.mark.parametrize("kind", [sqlite3.Cursor, sqlite3.Connection])
def test_the_interpreters_own_classes_refuse_assignments(kind: Any):
    """Otherwise an assignment would do."""
    with pytest.raises(TypeError):
        kind.execute = None
