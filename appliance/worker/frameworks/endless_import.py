"""Recognise an import that never ends although the application exists: the main thread loops, as a bot does.

Runs in the worker, in a thread beside the import, and only if that has taken long.

Theory of operation. If a module starts its server in a thread and then loops at its top level, its import never
returns, so the project would never be served. A long wait alone proves nothing: the import may wait for a database, and
then go on. So the main thread's frames are compared with their sources: if a frame of the project is within a loop
without an end, the import is endless.
"""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class Place(NamedTuple):
    """The place of the loop."""

    file: str
    line: int

    def fields(self) -> dict[str, object]:
        """Return the fields of its event."""
        action = "Put that loop under if __name__ == '__main__', or run it in a thread."
        return {"file": self.file, "line": self.line, "action": action}


def endless_loop(thread: int, is_project_path: Callable[[str], bool]) -> Place | None:
    """Return the endless loop of the project's that this thread is in; None if there is none."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001  the only way to see where a thread is
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE:
            break
        if is_project_path(frame.f_code.co_filename) and _is_endless(frame):
            return Place(frame.f_code.co_filename, frame.f_lineno or 0)
        frame = frame.f_back
    return None


def _is_endless(frame: FrameType) -> bool:
    try:
        with open(frame.f_code.co_filename, "rb") as file:
            source = file.read()
        if b"while" not in source:
            return False
        tree: Any = ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return False
    line = frame.f_lineno or 0
    body = next((each for each in ast.walk(tree) if _first_line(each) == frame.f_code.co_firstlineno), None)
    scope = tree if frame.f_code.co_name == "<module>" else body
    return scope is not None and any(
        loop.lineno <= line <= (loop.end_lineno or 0) and _has_no_end(loop)
        for loop in _within(scope)
        if isinstance(loop, ast.While)
    )


def _first_line(node: ast.AST) -> int:
    """Return the first line of a function, including its decorators; 0 for other nodes."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return 0
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _within(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope, without those of the functions and classes in it."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _within(node)


def _has_no_end(loop: ast.While) -> bool:
    if not isinstance(loop.test, ast.Constant) or not loop.test.value:
        return False
    inner = {id(node) for each in _within(loop) if isinstance(each, (ast.While, ast.For)) for node in _within(each)}
    for node in _within(loop):
        if isinstance(node, ast.Return) or (isinstance(node, ast.Break) and id(node) not in inner):
            return False
    return True
