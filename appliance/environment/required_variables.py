"""Find the environment variables that a project requires: its source reads them without a default.

The source is parsed, never run. A variable that the same file sets, tests or reads with a default is not required.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from appliance.config.secret_files import VARIABLE
from appliance.discovery.source.scope import nodes
from appliance.discovery.source.source import environ_key, is_environ, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from appliance.discovery.source.modules import Modules
    from appliance.discovery.source.source import Source

_DEEP_ENOUGH = 3
# The readers of decouple and django-environ, by the names that their documentation uses.
_READERS = frozenset({"config", "env"})
_MODULES = frozenset({"decouple", "environ", "environs"})
# Every process has these.
_ALWAYS_SET = frozenset({"HOME", "PATH"})


def required_variables(modules: Modules, *, always: bool = False) -> list[str]:
    """Return the names of the variables that the project requires, sorted.

    Args:
        modules: the project's.
        always: leave out what only a branch reads: ``if USE_S3: KEY = os.environ["KEY"]``.
    """
    names: set[str] = set()
    for file in modules.files(_DEEP_ENOUGH):
        if file.name.startswith("gunicorn"):  # the configuration of a server that is not used here
            continue
        source = modules.source(file)
        if not source.problem and any(word in source.text for word in ("environ", "config(", "env(")):
            names.update(_required(source, always=always))
    return sorted(name for name in names - _ALWAYS_SET if VARIABLE.match(name))


def _required(source: Source, *, always: bool) -> set[str]:
    tree = parse(source.text)
    known = list(nodes(tree))
    imported = any(isinstance(node, ast.ImportFrom) and node.module == "os" and _binds_environ(node) for node in known)
    reads = bool(source.imports & _MODULES)
    read = _outside_branches(tree) if always else known
    required = {key for node in read for key in (*_subscripts(node, imported), *_calls(node, reads, defaults=False))}
    if not required:
        return required
    return required - {key for node in known for key in (*_optional(node), *_calls(node, reads, defaults=True))}


def _outside_branches(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run whatever a condition says."""
    inside = {
        id(node)
        for branch in nodes(tree)
        if isinstance(branch, ast.If | ast.IfExp)
        for each in _parts(branch)
        for node in nodes(each)
    }
    return (node for node in nodes(tree) if id(node) not in inside)


def _parts(branch: ast.If | ast.IfExp) -> list[ast.stmt] | list[ast.expr]:
    return [*branch.body, *branch.orelse] if isinstance(branch, ast.If) else [branch.body, branch.orelse]


def _binds_environ(node: ast.ImportFrom) -> bool:
    return any(alias.name == "environ" for alias in node.names)


def _subscripts(node: ast.AST, imported: bool) -> Iterator[str]:  # noqa: FBT001
    """Yield X of ``os.environ["X"]``; a name ``environ`` counts only if it is ``imported``: WSGI has another one."""
    match node:
        case ast.Subscript(value=value, ctx=ast.Load()) if imported or not isinstance(value, ast.Name):
            if key := environ_key(node):
                yield key


def _calls(node: ast.AST, reads: bool, *, defaults: bool) -> Iterator[str]:  # noqa: FBT001
    """Yield X of ``config("X")``; with ``defaults``, of ``config("X", default=1)`` and ``config("X", None)``."""
    match node:
        case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str() as key), *others], keywords=keywords) if (
            reads and name in _READERS
        ):
            # The second argument of decouple's config is the default; of django-environ's env it is a type.
            second = any(name == "config" or not isinstance(other, ast.Name) for other in others)
            if defaults is (second or any(pair.arg == "default" for pair in keywords)):
                yield key


def _optional(node: ast.AST) -> Iterator[str]:
    """Yield the variables that this node sets, or that may be missing by it."""
    match node:
        case ast.Subscript(ctx=ast.Store()):
            yield environ_key(node)
        case ast.Compare(left=ast.Constant(value=str() as key), ops=[ast.In() | ast.NotIn()], comparators=[where]):
            if is_environ(where):
                yield key
        case ast.Call(func=ast.Attribute(value=value, attr="get" | "setdefault" | "pop"), args=[first, *_]):
            if is_environ(value):
                yield from _texts([first])
        case ast.Call(func=ast.Attribute(attr="getenv") | ast.Name(id="getenv"), args=[first, *_]):
            yield from _texts([first])
        case ast.Call(func=ast.Attribute(attr="Env"), keywords=keywords):  # environ.Env(DEBUG=(bool, False))
            yield from (pair.arg for pair in keywords if pair.arg and isinstance(pair.value, ast.Tuple))
        case ast.Try(body=body, handlers=[_, *_] as handlers) if not any(map(_gives_up, handlers)):
            yield from (environ_key(inner) for statement in body for inner in nodes(statement))


def _texts(expressions: Iterable[ast.expr]) -> Iterator[str]:
    for expression in expressions:
        if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
            yield expression.value


def _gives_up(handler: ast.ExceptHandler) -> bool:
    """Whether an ``except`` raises or exits."""
    return any(
        isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and ast.unparse(node.func) in {"sys.exit", "exit"})
        for node in nodes(handler)
    )
