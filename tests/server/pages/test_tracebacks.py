"""Exceptions within bounds: what Python would print where that is little, and little where it is not."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from appliance.server.pages.error_page import render, report
from appliance.server.pages.tracebacks import MAX_LINE, MAX_MESSAGE, MAX_TEXT, describe, safe_str, shorten


def raised(what: Callable[[], object]) -> BaseException:
    """The exception that this raises."""
    try:
        what()
    except BaseException as error:  # noqa: BLE001  SystemExit is one of the cases
        return error
    raise AssertionError("it raised nothing")


def plain() -> None:
    int("x")


def empty() -> None:
    raise KeyError


def caused() -> None:
    try:
        plain()
    except ValueError as error:
        raise RuntimeError("several\nlines") from error


def contextual() -> None:
    try:
        caused()
    except RuntimeError:
        dict[str, int]()["key"]


def suppressed() -> None:
    try:
        plain()
    except ValueError:
        raise RuntimeError from None


def noted() -> None:
    error = ValueError("noted")
    error.add_note("one")
    error.add_note("two\nlines")
    raise error


def grouped() -> None:
    raise BaseExceptionGroup("both", [raised(contextual), BaseExceptionGroup("inner", [raised(noted), ValueError(1)])])


def nested() -> None:
    try:
        grouped()
    except BaseExceptionGroup as group:
        raise ExceptionGroup("after", [KeyError("x")]) from group


def misnamed() -> None:
    plaim()  # type: ignore[name-defined]  # noqa: F821


def misspelt() -> None:
    sys.exitt()  # type: ignore[attr-defined]


def broken() -> None:
    compile("a = 1\nif a\n    b", "shop.py", "exec")


def of_a_syntax_error() -> None:
    try:
        broken()
    except SyntaxError:
        plain()


def repeated(depth: int = 20) -> None:
    if depth:
        repeated(depth - 1)
    plain()


def ended() -> None:
    raise SystemExit(3)


@pytest.mark.parametrize(
    "what",
    [plain, empty, caused, contextual, suppressed, noted, grouped, nested, misnamed, misspelt, broken,
     of_a_syntax_error, repeated, ended],
)  # fmt: skip
def test_a_small_traceback_is_as_python_prints_it(what: Callable[[], object]):
    """Every kind of exception, chain and group is described in the interpreter's own words."""
    error = raised(what)
    assert describe(error).text() == "".join(traceback.format_exception(error))


def chain(length: int) -> BaseException:
    """An exception with so many causes."""
    first = error = ValueError("first")
    for number in range(length):
        error = ValueError(number)
        error.__cause__, first = first, error
    return error


def deep(depth: int) -> BaseException:
    """An exception from so deep a recursion."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 1000)
    try:
        return raised(lambda: repeated(depth))
    finally:
        sys.setrecursionlimit(limit)


class OddError(Exception):
    """One whose words are as the test has them."""

    def __init__(self, words: Callable[[], Any]) -> None:
        super().__init__()
        self.words = words
        self.asked = 0

    def __str__(self) -> str:
        self.asked += 1
        words: str = self.words()
        return words


class Text(str):
    """A text with methods that lie."""

    __slots__ = ()

    def __getitem__(self, _: object) -> str:
        raise ZeroDivisionError

    def __len__(self) -> int:
        return 3


class Unlike(ExceptionGroup[Exception]):
    """A group whose members are a value of another type than a list."""

    exceptions = 7  # type: ignore[assignment]


def with_attributes(error: BaseException, **values: Any) -> BaseException:
    """The exception with attributes that nobody expects."""
    for name, value in values.items():
        setattr(error, name, value)
    return error


def circle() -> BaseException:
    """Two exceptions that caused each other."""
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    return first


def groups(depth: int) -> BaseException:
    """Groups within groups."""
    error: Exception = ValueError("inner")
    for number in range(depth):
        error = ExceptionGroup(str(number), [error])
    return error


MANY = [ValueError(number) for number in range(10_000)]
UNBOUNDED: dict[str, Callable[[], BaseException]] = {
    "huge words": lambda: ValueError("x" * 40_000_000),
    "words that raise": lambda: OddError(lambda: 1 / 0),
    "words that exit": lambda: OddError(lambda: sys.exit(1)),
    "words that are none": lambda: OddError(lambda: 7),
    "words of another class": lambda: OddError(lambda: Text("x" * 100_000)),
    "a key": lambda: KeyError("k" * 1_000_000),
    "a huge name": type("N" * 1_000_000, (Exception,), {}),
    "a module that is none": lambda: with_attributes(ModuleNotFoundError("x"), name="a(b" * 100_000),
    "a module of many parts": lambda: with_attributes(ModuleNotFoundError("x"), name="a." * 100_000 + "a"),
    "names that are none": lambda: with_attributes(NameError("x"), name=7),
    "10,000 causes": lambda: chain(10_000),
    "10,000 members": lambda: ExceptionGroup("many", MANY),
    "20,000 frames": lambda: deep(20_000),
    "200 groups": lambda: groups(200),
    "a group that lies": lambda: Unlike("x", [ValueError()]),
    "a circle": circle,
    "10,000 notes": lambda: with_attributes(ValueError("x"), __notes__=["n" * 10_000] * 10_000),
    "notes that are none": lambda: with_attributes(ValueError("x"), __notes__=7),
    "a long source": lambda: raised(lambda: compile("(" + "x" * 1_000_000, "x" * 10_000, "exec")),
    "a syntax error by hand": lambda: SyntaxError("m" * 100_000, (b"f" * 9000, "line", None, "t" * 100_000)),  # type: ignore[arg-type]
    "a syntax error of nothing": lambda: with_attributes(SyntaxError(), msg=7, text=7, filename=7, lineno="x"),
}


@pytest.mark.parametrize("make", UNBOUNDED.values(), ids=UNBOUNDED.keys())
def test_any_traceback_is_bounded(make: Callable[[], BaseException], tmp_path):
    """A report of an exception has bounds for each of its parts, whatever the exception is, and can be rendered."""
    found = report(make(), root=str(tmp_path), kind="request")
    more = len("... (40000000 more characters)")
    assert len(found["title"]) <= MAX_LINE + more
    assert len(found["message"]) <= MAX_MESSAGE + more
    assert len(found["text"]) <= MAX_TEXT + 2 * more
    assert len(found["type"]) <= MAX_LINE + more
    assert len(found["exception"]["frames"]) <= 101
    assert len(json.dumps(found)) < 1_000_000
    for accept in ("text/html", "application/json", "text/plain"):
        assert render({"status": 500, **found}, accept)[1]


def test_words_are_asked_for_once(tmp_path):
    """A report asks an exception for its words a single time: they may take long."""
    error = OddError(lambda: "no such table: posts")
    assert "no table posts" in report(error, root=str(tmp_path), kind="request")["action"]
    assert error.asked == 1


def test_a_cut_part_has_the_missing_size(tmp_path):
    """Each part that is cut tells how much is missing."""
    assert shorten("abcdef", 4) == "abcd... (2 more characters)"
    assert safe_str(ValueError("x" * (MAX_MESSAGE + 5))).endswith("... (5 more characters)")
    assert "[19904 frames are left out here]" in describe(deep(20_000)).text()
    assert "and 9981 more exceptions" in describe(ExceptionGroup("many", MANY)).text()
    assert "(Earlier exceptions are left out.)" in describe(chain(100)).text()
    assert "str(" not in safe_str(OddError(lambda: 1 / 0))
