"""Resolve expressions and definitions from their syntax tree alone: the names of one scope.

This module walks through the statements of a module or function; it knows no files, frameworks or rules. Runs in the
supervisor and in commands.

Theory of operation. A scope is walked in order, into the branches of ``if``, ``try``, ``with``, ``for`` and ``match``;
the statements under ``if __name__ == "__main__"`` are kept for a walk of their own. Each expression becomes a
``Value``: the function that it calls, or the name that it refers to, by full dotted name. A function is walked in the
same way, for what it returns and calls.
"""

from __future__ import annotations

import ast
import contextlib
from typing import TYPE_CHECKING, Literal, NamedTuple

from appliance.protocol.record import Record, made_default, replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Methods that may serve, by the first word of their name: run_application(), serve_forever().
_METHODS = ("run", "main", "start", "serve", "launch", "execute")


class Value(Record):
    """The kind of an expression or a definition.

    Attributes:
        kind: "call" (of ``name``), "reference" (to ``name``), "function", "class", "text" or "other".
        name: the full dotted name that is called, referred to or defined; for a text, the text.
        attributes: the attributes of the call's result, in order.
        required: how many arguments a function needs.
        parameters: the names of its positional parameters.
        coroutine: whether it is ``async``.
        decorators: the full names of the decorators of a function.
        bases: the full names of the bases of a class.
        returns: what a function returns, as far as the source shows.
        answers: what a function does with its last two parameters, as a WSGI application does: "starts" a response with
            the second, or "passes" both on.
        caller: a class's ``__call__``; None if it has none of its own.
        methods: for a class, its methods that may serve, by name.
        iterates: whether a class has its own ``__iter__``.
        calls: what a function calls, in order: statements that are a call, and calls whose result is bound or returned.
        keywords: for a call, the names of its keyword arguments.
        arguments: for a call, its positional arguments that are names or calls.
        sets: for a function, whether it sets an attribute or an item: ``app.secret_key = ..``.
        line: the number of the line on which it begins.
    """

    kind: Literal["call", "reference", "function", "class", "text", "other"]
    name: str = ""
    attributes: tuple[str, ...] = ()
    required: int = 0
    parameters: tuple[str, ...] = ()
    coroutine: bool = False
    decorators: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    returns: tuple[Value, ...] = ()
    answers: Literal["", "starts", "passes"] = ""
    caller: Value | None = None
    line: int = 0
    calls: tuple[Value, ...] = ()
    keywords: tuple[str, ...] = ()
    arguments: tuple[Value, ...] = ()
    sets: bool = False
    methods: Mapping[str, Value] = made_default(default_factory=dict)
    iterates: bool = False


class Owner(NamedTuple):
    """For a method: its class, its name for the instance, and the class's own methods."""

    name: str
    parameter: str
    methods: frozenset[str]


class Scope:
    """The names of a module or function, collected while it is walked."""

    def __init__(self, prefix: str, package: str, outer: Scope | None, owner: Owner | None = None) -> None:
        self.values: dict[str, Value] = {}
        self.stars: list[str] = []
        self.returns: list[Value] = []
        self.calls: list[Value] = []
        self.sets = False
        self._guards: list[ast.stmt] = []
        self._prefix = prefix
        self._package = package
        self._outer = outer
        self._owner = owner

    def walk(self, body: list[ast.stmt]) -> None:
        """Walk through statements, in order."""
        for statement in body:
            # One ``if`` of five hundred branches, or one chain of as many calls: everything else counts.
            with contextlib.suppress(RecursionError):
                self._note_calls(statement)
                self._statement(statement)

    def main_guard(self) -> Value | None:
        """Return the code under ``__main__``, as a function; None if there is none."""
        if not self._guards:
            return None
        return self._walked(self._guards, ast.arguments([], [], None, [], [], None, []))

    def _note_calls(self, statement: ast.stmt) -> None:
        match statement:
            case (
                ast.Expr(value=ast.Call() as call)
                | ast.Expr(value=ast.Await(value=ast.Call() as call))
                | ast.Return(value=ast.Call() as call)
                | ast.Raise(exc=ast.Call() as call)
            ):
                self.calls.append(self._value(call))
            case ast.Assign(targets=targets, value=value):
                self.sets = self.sets or any(isinstance(each, ast.Attribute | ast.Subscript) for each in targets)
                if isinstance(value, ast.Call):
                    self.calls.append(self._value(value))

    def _statement(self, statement: ast.stmt) -> None:  # noqa: C901, PLR0912 - one case for each kind of statement
        match statement:
            case ast.Import() | ast.ImportFrom():
                self._import(statement)
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._bind(target, value)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.values[statement.name] = self._function(statement)
            case ast.ClassDef():
                self.values[statement.name] = self._class(statement)
            case ast.Return(value=ast.expr() as value):
                self.returns.append(self._value(value))
            case ast.If(test=test) if is_main_guard(test):
                self._guards += statement.body
                self.walk(statement.orelse)
            case ast.Expr(value=ast.NamedExpr(target=target, value=value)):
                self._bind(target, value)
            case ast.With(items=items, body=body):
                for item in items:
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, item.context_expr)
                self.walk(body)
            case ast.Match():
                for case in statement.cases:
                    self.walk(case.body)
            case _:
                for branch in ("body", "handlers", "orelse", "finalbody"):
                    for part in getattr(statement, branch, ()):
                        self.walk(part.body if isinstance(part, ast.ExceptHandler) else [part])

    def _import(self, statement: ast.Import | ast.ImportFrom) -> None:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                bound = alias.asname or alias.name.partition(".")[0]
                self.values[bound] = Value("reference", alias.name if alias.asname else bound, line=statement.lineno)
            return
        origin = statement.module or ""
        if statement.level:
            parts = self._package.split(".") if self._package else []
            above = parts[: len(parts) - statement.level + 1]
            origin = ".".join([*above, origin] if origin else above)
        for alias in statement.names:
            if alias.name == "*":
                self.stars.append(origin)
            else:
                name = f"{origin}.{alias.name}" if origin else alias.name
                self.values[alias.asname or alias.name] = Value("reference", name, line=statement.lineno)

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            bound = self._value(value)
            # ``app = wrap(app)`` with an unknown function is still the same application.
            before = self.values.get(target.id)
            unknown_wrapper = bound.kind == "other" and before is not None
            self.values[target.id] = before if unknown_wrapper and before else replace(bound, line=target.lineno)
        elif isinstance(target, ast.Attribute) and self._is_self(target.value):
            self.values[f"self.{target.attr}"] = self._value(value)
        elif isinstance(target, ast.Tuple):
            # ``app, rt = fast_app()``: the first element is what the call makes.
            for index, element in enumerate(target.elts):
                if isinstance(element, ast.Name):
                    whole = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
                    part = value.elts[index] if whole and isinstance(value, ast.Tuple) else value
                    self.values[element.id] = self._value(part) if whole or not index else Value("other")

    def _value(self, expression: ast.expr) -> Value:  # noqa: C901, PLR0911 - one case for each kind of expression
        match expression:
            case ast.Constant(value=str() as text):
                return Value("text", text, line=expression.lineno)
            case ast.Call():
                return self._call(expression)
            case ast.Name(id=name):
                return self._lookup(name)
            case ast.Attribute(value=base, attr=attribute):
                found = self._value(base)
                if self._is_self(base) and f"self.{attribute}" in self.values:
                    return self.values[f"self.{attribute}"]
                if found.kind in {"reference", "class"}:
                    return Value("reference", f"{found.name}.{attribute}", line=expression.lineno)
                if found.kind == "call":
                    return replace(found, attributes=(*found.attributes, attribute), line=expression.lineno)
            case ast.IfExp(body=body):
                return self._value(body)
            case ast.BoolOp(values=[*_, last]):
                return self._value(last)
            case ast.NamedExpr(value=value) | ast.Await(value=value):
                return self._value(value)
            case ast.Lambda(args=arguments):
                return Value(
                    "function",
                    "<lambda>",
                    parameters=_parameters(arguments),
                    required=_required(arguments),
                    answers=_answers(expression, arguments),
                )
        return Value("other", line=expression.lineno)

    def _call(self, call: ast.Call) -> Value:
        called = self._value(call.func)
        if called.kind == "other" and self._owner and isinstance(call.func, ast.Attribute):
            method = call.func.attr
            if self._is_self(call.func.value) and method in self._owner.methods:
                called = Value("reference", f"{self._owner.name}.{method}")
        known = called.kind in {"reference", "function", "class", "call"}
        # A call on something unknown still has its own name: ``self.app.run()`` is ``?.run``.
        last = f"?.{getattr(call.func, 'attr', '') or getattr(call.func, 'id', '')}"
        return Value(
            "call" if known else "other",
            ".".join([called.name, *called.attributes]) if known else last,
            line=call.lineno,
            keywords=tuple(pair.arg for pair in call.keywords if pair.arg),
            arguments=tuple(self._value(each) for each in call.args if isinstance(each, ast.Name | ast.Call)),
        )

    def _lookup(self, name: str) -> Value:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            if scope.stars:
                # It may come from any of them; the last one wins, as it would at run time.
                return Value("reference", f"{scope.stars[-1]}.{name}")
            scope = scope._outer  # noqa: SLF001 - its own class
        return Value("other")

    def _is_self(self, expression: ast.expr) -> bool:
        return self._owner is not None and isinstance(expression, ast.Name) and expression.id == self._owner.parameter

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, owner: Owner | None = None) -> Value:
        inside = self._walked(node.body, node.args, node.name, owner)
        return Value(
            "function",
            f"{self._prefix}.{node.name}",
            required=_required(node.args),
            parameters=_parameters(node.args),
            coroutine=isinstance(node, ast.AsyncFunctionDef),
            decorators=self._names(node.decorator_list),
            returns=inside.returns,
            answers=_answers(node, node.args),
            line=node.lineno,
            calls=inside.calls,
            sets=inside.sets,
        )

    def _walked(
        self, body: list[ast.stmt], arguments: ast.arguments, name: str = "<main>", owner: Owner | None = None
    ) -> Value:
        inner = Scope(f"{self._prefix}.{name}", self._package, self, owner)
        # A parameter hides an outer name, and its value is unknown.
        inner.values.update(dict.fromkeys(_parameters(arguments), Value("other")))
        inner.walk(body)
        return Value(
            "function",
            inner._prefix,
            returns=tuple(inner.returns),
            calls=tuple(inner.calls),
            sets=inner.sets,
        )

    def _class(self, node: ast.ClassDef) -> Value:
        name = f"{self._prefix}.{node.name}"
        methods = {part.name: part for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)}
        functions = {
            each: self._function(method, Owner(name, (*_parameters(method.args), "")[0], frozenset(methods)))
            for each, method in methods.items()
            if each == "__call__" or each.lstrip("_").startswith(_METHODS)
        }
        constructor = methods.get("__init__")
        return Value(
            "class",
            name,
            bases=self._names(node.bases),
            caller=functions.get("__call__"),
            methods=functions,
            iterates="__iter__" in methods,
            parameters=_parameters(constructor.args)[1:] if constructor else (),
            line=node.lineno,
        )

    def _names(self, expressions: list[ast.expr]) -> tuple[str, ...]:
        values = (self._value(expression) for expression in expressions)
        return tuple(value.name for value in values if value.kind in {"reference", "class", "call"})


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every node below, in no order, in a fifth of the time of ``ast.walk``."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for value in vars(node).values():
            if isinstance(value, list):
                waiting += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST):
                waiting.append(value)


def is_main_guard(test: ast.expr) -> bool:
    """Whether this is ``__name__ == "__main__"``, either way around."""
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            return any(isinstance(side, ast.Name) and side.id == "__name__" for side in (left, right))
    return False


def _parameters(arguments: ast.arguments) -> tuple[str, ...]:
    return tuple(argument.arg for argument in (*arguments.posonlyargs, *arguments.args))


def _answers(function: ast.AST, arguments: ast.arguments) -> Literal["", "starts", "passes"]:
    names = _parameters(arguments)[-2:]
    if not 2 <= len(arguments.args) + len(arguments.posonlyargs) <= 3:
        return ""
    passes = False
    for each in nodes(function):
        if isinstance(each, ast.Call):
            if isinstance(each.func, ast.Name) and each.func.id == names[1] and _starts_a_response(each):
                return "starts"
            passed = [argument.id for argument in each.args if isinstance(argument, ast.Name)]
            passes = passes or passed == list(names)
    return "passes" if passes else ""


def _starts_a_response(call: ast.Call) -> bool:
    """Whether this is ``("200 OK", [..])`` or ``(status, headers)``: with other arguments it is a mere callback."""
    match call.args:
        case [ast.Constant(value=str() as status), _, *_]:
            return status[:3].isdigit()
        case [ast.JoinedStr(), ast.List(), *_]:
            return True
        case [status, headers, *_]:
            text = f"{ast.unparse(status)} {ast.unparse(headers)}".lower()
            return "status" in text or "headers" in text
    return False


def _required(arguments: ast.arguments) -> int:
    keyword = sum(1 for default in arguments.kw_defaults if default is None)
    return len(_parameters(arguments)) - len(arguments.defaults) + keyword
