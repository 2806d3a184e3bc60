"""Read one module of the project, without running it: what its top-level names are bound to.

This module reads the file; ``scope`` walks its statements. It knows no frameworks or rules; its result is for example
"``app`` is the result of a call of ``flask.Flask``". Runs in the supervisor and in commands, whose grammar may be newer
or older than the project's: what it can't parse is kept as text.
"""

from __future__ import annotations

import ast
import re
import warnings
from importlib.util import decode_source
from typing import TYPE_CHECKING

from appliance.discovery.source.scope import Scope, nodes
from appliance.identity.regular_file import read_regular
from appliance.protocol.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.discovery.source.scope import Value

# A larger module is generated, holds no application, and takes seconds to parse.
_MAX_BYTES = 2 * 1024 * 1024
# The calls that ``_served`` knows: few files have one, and to visit each node of the others takes longer than to parse.
_SERVING = re.compile(
    r"\b(?:run|run_server|serve|serve_forever|make_server|run_simple|WSGIServer|ServerFactory|Server)\s*\("
)


class Source(Record):
    """A module.

    Attributes:
        file: where it is.
        module: its full dotted name.
        values: what each top-level name is bound to, in the order of the first binding.
        stars: the modules that it imports with ``*``.
        served: the top-level names that the file itself serves: ``app.run()``, ``make_server(.., app)``.
        run: its ``__main__`` branch, as a function: what running it does beyond importing it.
        calls: what importing it calls, in order, where the call is a statement of its own.
        imports: the first part of every module that it imports by an absolute name.
        text: the source.
        problem: why it could not be parsed; empty if it could.
    """

    file: Path
    module: str
    values: dict[str, Value]
    stars: tuple[str, ...]
    served: tuple[str, ...]
    imports: frozenset[str]
    text: str
    problem: str = ""
    run: Value | None = None
    calls: tuple[Value, ...] = ()


def read_source(file: Path, module: str) -> Source:
    """Read one file; a source that can't be parsed has no values, but a problem."""
    try:
        if file.stat().st_size > _MAX_BYTES:
            return _unparsed(file, module, "", f"it has more than {_MAX_BYTES} bytes")
        data = read_regular(file)
    except OSError as error:
        return _unparsed(file, module, "", error.strerror or str(error))
    text = data.decode("utf-8", "replace")
    try:
        tree = parse(data)
        text = decode_source(data)  # without a byte order mark, so that it can be parsed again
    except (SyntaxError, ValueError) as error:  # ValueError: a NUL byte, an unknown encoding
        line = getattr(error, "lineno", 0)
        problem = f"{error.msg}, line {line}" if isinstance(error, SyntaxError) and line else str(error)
        return _unparsed(file, module, text, problem)
    except (RecursionError, MemoryError):
        return _unparsed(file, module, text, "it is nested too deeply")
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    scope = Scope(module, package, None)
    scope.walk(tree.body)
    served = _all_served(tree) if _SERVING.search(text) else ()
    return Source(
        file, module, scope.values, tuple(scope.stars), served, _imports(tree), text,
        run=scope.main_guard(), calls=tuple(scope.calls),
    )  # fmt: skip


def parse(text: bytes | str) -> ast.Module:
    """Return the syntax tree, without warnings: a project's invalid escapes are reported to it when it runs.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it can't be parsed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def environ_key(node: ast.AST) -> str:
    """Return the name of the variable in ``environ["NAME"]``, read or set; empty for another node."""
    match node:
        case ast.Subscript(value=value, slice=ast.Constant(value=str() as key)) if is_environ(value):
            return key
    return ""


def is_environ(expression: ast.expr) -> bool:
    """Whether this is ``os.environ`` or a name ``environ``; a request's ``environ`` is not."""
    match expression:
        case ast.Attribute(value=ast.Name(id="os" | "_os"), attr="environ") | ast.Name(id="environ"):
            return True
    return False


def _unparsed(file: Path, module: str, text: str, problem: str) -> Source:
    return Source(file, module, {}, (), (), frozenset(), text, problem)


def _imports(tree: ast.Module) -> frozenset[str]:
    """Return the modules that are imported, anywhere in the module; only the statements are looked at."""
    imports: set[str] = set()
    waiting: list[ast.AST] = [*tree.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            imports.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            imports.add(node.module.partition(".")[0])
        for part in ("body", "orelse", "handlers", "finalbody", "cases"):
            inner = getattr(node, part, None)
            if isinstance(inner, list):
                waiting += inner
    return frozenset(imports)


def _all_served(tree: ast.Module) -> tuple[str, ...]:
    served = (name for node in nodes(tree) if isinstance(node, ast.Call) for name in _served(node))
    return tuple(dict.fromkeys(served))


def _served(call: ast.Call) -> Iterator[str]:
    """Yield ``app`` of ``app.run(..)``, ``make_server(host, port, app)``, ``serve(app)`` and similar calls."""
    match call.func:
        case ast.Attribute(value=ast.Name(id=name), attr="run" | "run_server" | "serve" | "serve_forever"):
            yield name
    callee = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if callee in {"make_server", "serve", "run_simple", "WSGIServer", "run", "ServerFactory", "Server"}:
        yield from (argument.id for argument in call.args if isinstance(argument, ast.Name))
        yield from (
            argument.value.rpartition(":")[2]
            for argument in call.args[:1]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and ":" in argument.value
        )
        yield from (pair.value.id for pair in call.keywords if pair.arg == "app" and isinstance(pair.value, ast.Name))
