"""Reads tests without running them: which can't fail, which wait for time, and which look into others.

A test asserts where it has ``assert``, ``raise``, ``pytest.raises``, ``pytest.fail``, ``pytest.warns`` or
``check=True``, or calls what does. What it calls is looked up by its name: first in its own file and in the
``conftest.py`` of its folders, where one function or method of that name has to assert; then among all that the tests
share, where each of that name has to.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.parsed_files import nodes, parsed

TESTS = Path(__file__).parent
_PYTEST = {"fail", "raises", "warns"}
_DOCUMENTED = {"_asdict", "_exit", "_fields", "_getframe", "_make", "_replace"}  # of the standard library, and public


def modules() -> list[Path]:
    """Every file of the tests, but the projects of users that they serve."""
    return [path for path in sorted(TESTS.rglob("*.py")) if TESTS / "apps" not in path.parents]


def asserts_itself(function: Iterable[ast.AST]) -> bool:
    """Whether one of its nodes can fail a test by itself."""
    return any(isinstance(node, ast.Assert | ast.Raise) or _can_raise(node) for node in function)


def _can_raise(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if any(word.arg == "check" and isinstance(word.value, ast.Constant) and word.value.value for word in node.keywords):
        return True
    called = node.func
    return isinstance(called, ast.Attribute) and called.attr in _PYTEST and ast.unparse(called.value) == "pytest"


def calls(function: Iterable[ast.AST]) -> frozenset[str]:
    """The names of what its nodes call, or pass on to be called."""
    names = set()
    for node in function:
        for each in (node.func, *node.args) if isinstance(node, ast.Call) else ():
            if isinstance(each, ast.Attribute):
                names.add(each.attr)
            elif isinstance(each, ast.Name):
                names.add(each.id)
    return frozenset(names)


@dataclass(frozen=True)
class Read:
    """A function as far as it counts here."""

    name: str
    line: int
    asserts: bool
    calls: frozenset[str]

    @classmethod
    def all(cls, path: Path) -> list[Read]:
        """The functions and methods of a file."""
        found = (node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
        walked = ((node, list(ast.walk(node))) for node in found)
        return [cls(each.name, each.lineno, asserts_itself(body), calls(body)) for each, body in walked]


def _spread(known: Iterable[Read], asserting: frozenset[str], *, every: bool) -> frozenset[str]:
    """The names of the functions that assert, or call one that does; ``every`` one of a name has to."""
    by_name: dict[str, list[Read]] = {}
    for function in known:
        by_name.setdefault(function.name, []).append(function)
    judge = all if every else any
    found: set[str] = set()

    def asserts(function: Read) -> bool:
        return function.asserts or not (asserting.isdisjoint(function.calls) and found.isdisjoint(function.calls))

    unknown = {name: group for name, group in by_name.items() if name not in asserting}
    while newly := {name for name, group in unknown.items() if judge(map(asserts, group))}:
        found |= newly
        unknown = {name: group for name, group in unknown.items() if name not in newly}
    return asserting | found


def tests_that_cannot_fail() -> list[str]:
    """The tests in which nothing asserts."""
    files = {path.relative_to(TESTS): Read.all(path) for path in modules()}
    shared = _spread((each for functions in files.values() for each in functions), frozenset(), every=True)
    lost = []
    for path, functions in files.items():
        if not path.name.startswith("test_"):
            continue
        fixtures = [each for folder in path.parents for each in files.get(folder / "conftest.py", [])]
        known = _spread([*functions, *fixtures], shared, every=False)
        lost += [
            f"{path}:{each.line} {each.name}"
            for each in functions
            if each.name.startswith("test_") and not (each.asserts or each.calls & known)
        ]
    return lost


def busy_loops() -> list[str]:
    """Loops that ask again and again for what another object keeps to itself."""
    return [
        f"{path.relative_to(TESTS)}:{loop.lineno} {ast.unparse(loop.test)}"
        for path in modules()
        for loop in nodes(path)
        if isinstance(loop, ast.While) and any(map(_is_private, _asked(loop.test, parsed(path))))
    ]


def reaches() -> Counter[str]:
    """How often each file names another object's private attribute, or replaces one."""
    return Counter(
        str(path.relative_to(TESTS))
        for path in modules()
        for node in nodes(path)
        if _is_private(node) or (isinstance(node, ast.Call) and _replaces_private(node))
    )


def _replaces_private(call: ast.Call) -> bool:
    name = call.args[1] if len(call.args) > 1 and ast.unparse(call.func).endswith("setattr") else None
    return isinstance(name, ast.Constant) and str(name.value).startswith("_") and not str(name.value).startswith("__")


def sleeps() -> Counter[str]:
    """How often each file waits for time to pass: by a sleep, or by a wait that has to end with its time."""
    return Counter(
        str(path.relative_to(TESTS))
        for path in modules()
        for node in nodes(path)
        if (isinstance(node, ast.Call) and _is_sleep(node)) or _waits_for_nothing(node)
    )


def _is_sleep(call: ast.Call) -> bool:
    """Whether a call is a sleep, a wait for an event that nobody can set, or a join for less than a second."""
    called = ast.unparse(call.func)
    given = [*call.args, *(each.value for each in call.keywords if each.arg == "timeout")]
    if called in {"Event().wait", "threading.Event().wait"}:
        return bool(given)
    return called in {"sleep", "time.sleep"} or (called.endswith(".join") and any(map(_is_short, given)))


def _waits_for_nothing(node: ast.AST) -> bool:
    """Whether a statement waits for less than a second, and asserts that nothing came, or does not ask what came."""
    match node:
        case ast.Assert(test=test):
            denied = [each.operand for each in ast.walk(test) if isinstance(each, ast.UnaryOp)]
            waits = [each for each in denied if isinstance(each, ast.Call)]
        case ast.Expr(value=ast.Call() as call) if ast.unparse(call.func).endswith(".wait"):
            waits = [call]
        case _:
            waits = []
    return any(_is_short_wait(each) and not _is_sleep(each) for each in waits)


def _is_short_wait(call: ast.Call) -> bool:
    given = [each.value for each in call.keywords if each.arg in {"timeout", "within_s"}]
    given += call.args if ast.unparse(call.func).endswith(".wait") else []
    return any(map(_is_short, given))


def _is_short(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and 0 < node.value < 1


def _asked(test: ast.expr, tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes of a loop's condition, and of the functions in the same file that it calls."""
    yield from ast.walk(test)
    called = {node.func.id for node in ast.walk(test) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in called:
            yield from ast.walk(node)


def _is_private(node: ast.AST) -> bool:
    """Whether a node is ``another._name``; ``self._name`` is one's own."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and node.attr not in _DOCUMENTED
        and not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"})
    )
