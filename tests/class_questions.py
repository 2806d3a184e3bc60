"""Reads the methods of a class without running them: which are questions, and which of these change something.

A question has the name of one (``is_``, ``has_``, ``may_`` ...), is a property, or has a docstring that begins with
"Whether", "Return whether" or "Return why". It changes something if it sets or deletes an attribute or an item of its
object or of an argument, calls a method that changes a collection (``self.seen.add``), or calls a method of its class
that does one of these. A call that changes another object by a method of its own is not found.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef

_NAME = re.compile(r"_?(?:locked_)?(?:is|are|was|has|may|can|needs|must|should)_")
_SENTENCE = ("Whether", "Return whether", "Return why")
_PROPERTIES = {"property", "cached_property", "functools.cached_property"}
_CHANGING = {
    "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "remove",
    "setdefault", "update",
}  # fmt: skip


def changing_questions(tree: ast.AST, permitted: Collection[str] = ()) -> dict[str, str]:
    """The questions of a file's classes that change something, as ``Class.method``, with the first thing that changes.

    Those that are permitted count as methods that change nothing, also where another method calls them.
    """
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            functions = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
            methods = {each.name: each for each in functions if f"{node.name}.{each.name}" not in permitted}
            for name in filter(lambda name: _is_question(methods[name]), methods):
                changes = next(_changes(name, methods, set()), None)
                if changes is not None:
                    found[f"{node.name}.{name}"] = changes
    return found


def _is_question(method: Function) -> bool:
    is_property = any(ast.unparse(each) in _PROPERTIES for each in method.decorator_list)
    return is_property or bool(_NAME.match(method.name)) or (ast.get_docstring(method) or "").startswith(_SENTENCE)


def _changes(name: str, methods: dict[str, Function], seen: set[str]) -> Iterator[str]:
    """Return the changes of a method, by itself or by methods of its class."""
    seen.add(name)
    given = {each.arg for each in (*methods[name].args.posonlyargs, *methods[name].args.args)}
    given |= {each.arg for each in methods[name].args.kwonlyargs}
    for node in ast.walk(methods[name]):
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            if _owner(node.value) in given:
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called, owner = node.func.attr, node.func.value
            if isinstance(owner, ast.Name) and owner.id == "self":
                if called in methods.keys() - seen:
                    yield from _changes(called, methods, seen)
            elif called in _CHANGING and _owner(owner) in given:
                yield ast.unparse(node.func)


def _owner(node: ast.expr) -> str:
    """The variable that an expression is a part of; "" if there is none."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
