"""Find the settings module that a file names: Django's ``manage.py``, a ``wsgi.py``, or another file that sets it.

This module evaluates the expression, and chooses the settings for development; it does not find modules. Runs in the
supervisor and in commands.

Theory of operation. Each place that sets DJANGO_SETTINGS_MODULE is evaluated as far as its text goes. A variable of the
environment counts as unset, so that its default counts. Both branches of a condition count, except for a condition that
asks whether tests are running.
"""

from __future__ import annotations

import ast
import itertools
import re
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from appliance.discovery.source.source import Source

KEY = "DJANGO_SETTINGS_MODULE"
# In a package of settings, the ones for development: first these, then a plain settings.py, then any other.
_FOR_DEVELOPMENT = ("dev", "development", "local", "settings", "__init__", "default", "defaults", "base", "common")
NOT_FOR_DEVELOPMENT = re.compile(r"prod|production|test|testing|ci|staging|live|deploy|heroku|docker|example|template")
_MODULE = re.compile(r"[a-zA-Z_]\w*(\.[a-zA-Z_]\w*)*")
_TESTS = re.compile(r"['\"](?:py)?test['\"]")
_MAX_DEPTH = 5
_MAX_RESULTS = 8


def named_in(source: Source, given: Mapping[str, str], key: str = KEY) -> list[str]:
    """Return the possible values of the variable in a file, in the order of the source; empty if none can be found.

    Args:
        source: the file.
        given: the project's environment.
        key: another variable to read in the same way.
    """
    if key not in source.text:
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # The file is broken now and will be fixed later.
        match = re.search(rf"{key}[\"']\s*(?:,|\]\s*=)\s*[\"']([\w.]+)[\"']", source.text)
        return [match[1]] if match else []
    evaluator = _Evaluator(tree, given)
    texts = (text for value in _values(tree, key) for text in evaluator.texts(value))
    return [text for text in dict.fromkeys(texts) if _MODULE.fullmatch(text)]


def rank(name: str) -> int:
    """Rank settings by the last part of their module's name: the lowest are most likely those for development."""
    if NOT_FOR_DEVELOPMENT.search(name):
        return len(_FOR_DEVELOPMENT) + 1
    return _FOR_DEVELOPMENT.index(name) if name in _FOR_DEVELOPMENT else len(_FOR_DEVELOPMENT)


def _values(tree: ast.Module, key: str) -> Iterator[ast.expr]:
    """Yield the expressions that the variable is set to, in order."""
    for node in _nodes(tree):
        match node:
            case ast.Call(args=[first, default, *_]) if _is_text(first, key):
                yield default
            case ast.Assign(targets=[ast.Subscript(slice=index)], value=value) if _is_text(index, key):
                yield value


def _nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield every node, in order, except those of a branch for tests."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        parts: Iterable[ast.AST] = ast.iter_child_nodes(node)
        if isinstance(node, ast.If) and (tests := _for_tests(node.test)) is not None:
            parts = node.orelse if tests else node.body
        waiting += reversed(list(parts))


def _for_tests(test: ast.expr) -> bool | None:
    """Return whether the condition is true in tests (True), false in tests (False), or about something else."""
    text = ast.unparse(test)
    if not (_TESTS.search(text) and ("argv" in text or "sys.modules" in text)):
        return None
    return " not in " not in text and "!=" not in text and not text.startswith("not ")


def _is_text(expression: ast.expr, text: str) -> bool:
    match expression:
        case ast.Constant(value=value):
            return bool(value == text)
        case ast.Call(func=ast.Name(id="str"), args=[ast.Constant(value=value)]):
            return bool(value == text)
    return False


class _Evaluator:
    """Finds the possible texts of an expression."""

    def __init__(self, tree: ast.Module, given: Mapping[str, str]) -> None:
        self._given = given
        self._depth = 0
        self._bound: dict[str, list[ast.expr]] = {}
        for node in _nodes(tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self._bound.setdefault(target.id, []).append(node.value)

    def texts(self, *expressions: ast.expr) -> list[str]:
        """Return all texts that these expressions may have."""
        if self._depth > _MAX_DEPTH:
            return []
        self._depth += 1
        try:
            return [text for expression in expressions for text in self._texts(expression)]
        finally:
            self._depth -= 1

    def _texts(self, expression: ast.expr) -> list[str]:  # noqa: C901, PLR0911 - one case for each kind of expression
        match expression:
            case ast.Constant(value=str() as text):
                return [text]
            case ast.Name(id=name) if name in self._bound:
                return self.texts(*self._bound[name])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                tests = _for_tests(test)
                return self.texts(*([] if tests else [body]), *([] if tests is False else [orelse]))
            case ast.BoolOp(op=ast.Or(), values=values):
                return self.texts(*values)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined([left, right])
            case ast.BinOp(left=ast.Constant(value=str() as form), op=ast.Mod(), right=right):
                return self._joined(_filled(form, "%s", right.elts if isinstance(right, ast.Tuple) else [right]))
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str() as form), attr="format"), args=values):
                return self._joined(_filled(form, "{}", values))
            case ast.JoinedStr(values=values):
                return self._joined(values)
            case ast.FormattedValue(value=value) | ast.Call(func=ast.Name(id="str"), args=[value]):
                return self.texts(value)
            case ast.Call(args=[ast.Constant(value=str() as name), *_]) if name in self._given:
                return [self._given[name]]
            case ast.Call(args=[_, default, *_]):  # os.environ.get("ENV", "dev"), and other calls with a default
                return self.texts(default)
            case ast.Call(keywords=keywords):
                return self.texts(*(keyword.value for keyword in keywords if keyword.arg == "default"))
        return []

    def _joined(self, parts: list[ast.expr]) -> list[str]:
        several = itertools.product(*(self.texts(part) for part in parts))
        return ["".join(each) for each in itertools.islice(several, _MAX_RESULTS)]


def _filled(form: str, mark: str, values: list[ast.expr]) -> list[ast.expr]:
    """Split a format at its marks and insert the values; return nothing if their numbers differ."""
    pieces = form.split(mark)
    if len(pieces) != len(values) + 1:
        return []
    parts: list[ast.expr] = [ast.Constant(pieces[0])]
    for value, piece in zip(values, pieces[1:], strict=True):
        parts += [value, ast.Constant(piece)]
    return parts
