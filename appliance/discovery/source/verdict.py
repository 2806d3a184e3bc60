"""Classify the top-level names of the project: a WSGI application, a factory of one, or something else.

This module follows names through the project's modules to a framework's constructor. The rules decide where to look.
Runs in the supervisor and in commands.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Literal

from appliance.discovery import frameworks
from appliance.discovery.source.scope import Value
from appliance.protocol.record import Record, replace

if TYPE_CHECKING:
    from appliance.discovery.source.modules import Modules
    from appliance.discovery.source.source import Source

# app.py imports from web.py imports from factory.py ...: no project goes deeper, but a circle does.
_MAX_DEPTH = 12
_REQUEST_CALL = 2
# The first parameter of a factory of PasteDeploy's, which most do not use: _global_config, or only _.
_PASTE_FACTORY = re.compile(r"_+|_*global_(?:config|conf|settings)")
_ASGI_CALL = ("scope", "receive", "send")
_WRAPS = re.compile(r"(?:Middleware|mount_gradio_app)\Z|A[Ss][Gg][Ii]\w*\Z")
_ENVIRONS = frozenset({"environ", "env", "wsgi_environ"})


class Verdict(Record):
    """The kind of a name.

    Attributes:
        kind: "wsgi"; "factory" of one, without required arguments; "arguments": a factory that requires some; "asgi";
            "other": known to be none; "unknown".
        framework: its name, or empty.
        attribute: the attribute that is the WSGI callable, dotted.
        call: whether that attribute must be called; for "asgi", whether it is a factory of one.
        reason: a description of it.
        required: how many arguments a factory needs.
        arguments: its arguments, if they are known: PasteDeploy passes its global settings.
    """

    kind: Literal["wsgi", "factory", "arguments", "asgi", "other", "unknown"]
    framework: str = ""
    attribute: str = ""
    call: bool = False
    reason: str = ""
    required: int = 0
    arguments: tuple[Any, ...] = ()


_UNKNOWN = Verdict("unknown")
_OTHER = Verdict("other")


def judge(modules: Modules, source: Source, name: str) -> Verdict:
    """Classify a dotted name in a module, by the module's own names first."""
    head, *rest = name.split(".")
    value = source.values.get(head)
    if value is not None:
        return _Judge(modules).value(value, tuple(rest), 0)
    for star in source.stars:
        verdict = _Judge(modules).of_name(f"{star}.{name}", 0)
        if verdict.kind != "unknown":
            return verdict
    return _UNKNOWN


def judge_name(modules: Modules, name: str, *, called: bool) -> Verdict:
    """Classify a full dotted name, or the result of a call of it."""
    judge_ = _Judge(modules)
    return judge_.result(name, 0) if called else judge_.of_name(name, 0)


class _Judge:
    def __init__(self, modules: Modules) -> None:
        self._modules = modules

    def of_name(self, name: str, depth: int) -> Verdict:  # noqa: PLR0911 - one for each kind
        """Classify a full dotted name."""
        if depth > _MAX_DEPTH:
            return _UNKNOWN
        if name == "wsgiref.simple_server.demo_app":
            return Verdict("wsgi", "WSGI", reason="the standard library's example")
        found = self._modules.resolve(name)
        if found is None:
            # The standard library has no applications, whatever the name: ``from json import load as app``.
            return _OTHER if name.partition(".")[0] in sys.stdlib_module_names else _UNKNOWN
        source, rest = found
        if not rest:
            return _OTHER  # a module
        if rest[0] in source.values:
            return self.value(source.values[rest[0]], rest[1:], depth + 1)
        for star in source.stars:
            verdict = self.of_name(".".join([star, *rest]), depth + 1)
            if verdict.kind != "unknown":
                return verdict
        return _UNKNOWN

    def value(self, value: Value, rest: tuple[str, ...], depth: int) -> Verdict:  # noqa: PLR0911 - one for each kind
        """Classify a value, or an attribute of it."""
        if depth > _MAX_DEPTH:
            return _UNKNOWN
        match value.kind:
            case "reference":
                return self.of_name(".".join([value.name, *rest]), depth + 1)
            case "call":
                made = self.result(value.name, depth + 1)
                if made.kind == "unknown":
                    made = self._wrapped(value, depth)
                return _take(made, (*value.attributes, *rest))
            case "function" if not rest:
                return self._function(value, depth)
            case "class" if not rest:
                if value.parameters == _ASGI_CALL[:1] and _called_with(value) == _ASGI_CALL[1:]:
                    return Verdict("asgi", "ASGI", reason="a class of ASGI 2, called with its scope")
                # A class is an application itself if its instances are iterables made of (environ, start_response).
                if _looks_wsgi(value.parameters) and self._iterates(value, depth):
                    return Verdict("wsgi", "WSGI", reason="a class that takes environ and start_response")
                made = self._instance(value, depth)
                return made if frameworks.has_its_own_server(made.framework) else _OTHER
            case "text":
                return _OTHER
        return _UNKNOWN

    def result(self, name: str, depth: int) -> Verdict:  # noqa: PLR0911 - one for each kind
        """Classify the result of a call of this name."""
        framework = frameworks.by_constructor(name)
        if framework is not None:
            return Verdict(
                framework.kind,
                framework.name,
                framework.attribute,
                framework.call,
                f"made by {name}",
            )
        if depth > _MAX_DEPTH:
            return _UNKNOWN
        found = self._modules.resolve(name)
        if found is None or len(found[1]) != 1:
            return _UNKNOWN
        source, (attribute,) = found
        value = source.values.get(attribute)
        if value is None:
            verdicts = (self.result(f"{star}.{attribute}", depth + 1) for star in source.stars)
            return next((verdict for verdict in verdicts if verdict.kind != "unknown"), _UNKNOWN)
        match value.kind:
            case "reference":
                return self.result(value.name, depth + 1)
            case "function":
                return self._made_by(value, depth)
            case "class":
                return self._instance(value, depth)
        return _UNKNOWN

    def _wrapped(self, value: Value, depth: int) -> Verdict:
        """Recognise an installed middleware around an ASGI application: it makes another one."""
        known = self._modules.resolve(value.name)
        if known is None and value.arguments and _WRAPS.search(value.name):
            inner = self.value(value.arguments[0], (), depth + 1)
            if inner.kind == "asgi" and not inner.call:
                return replace(inner, reason=f"wrapped by {value.name}")
        return _UNKNOWN

    def _function(self, value: Value, depth: int) -> Verdict:
        """Classify a function by its own name: an application, a factory, or neither."""
        if any(frameworks.is_wsgi_decorator(name) for name in value.decorators):
            return Verdict("wsgi", "Werkzeug", reason="a function that a decorator makes a WSGI application")
        if _looks_wsgi(value.parameters, answers=_answers(value)) and not value.coroutine:
            return Verdict("wsgi", "WSGI", reason=f"a function of {' and '.join(value.parameters)}")
        if value.parameters[:3] == _ASGI_CALL or (value.coroutine and _is_usual(value, 3)):
            return Verdict("asgi", "ASGI", reason="a function of scope, receive and send")
        made = self._returned(value, depth)
        if made.kind == "wsgi":
            first = "".join(value.parameters[:1])
            for_paste = value.required == 1 and _PASTE_FACTORY.fullmatch(first) is not None
            kind: Literal["arguments", "factory"] = "arguments" if value.required and not for_paste else "factory"
            made = replace(made, kind=kind, required=value.required, reason=f"returns what is {made.reason}")
            return replace(made, arguments=({},)) if for_paste else made
        if made.kind in {"asgi", "other"}:
            factory = made.kind == "asgi"
            return replace(made, call=factory, required=value.required, reason=f"returns what is {made.reason}")
        may_be = value.returns or value.required == len(value.parameters) == _REQUEST_CALL
        return replace(_UNKNOWN if may_be else _OTHER, required=value.required)

    def _made_by(self, value: Value, depth: int) -> Verdict:
        """Classify the result of a function's call: no application if none of its results can be one."""
        seen = not value.decorators and not value.coroutine and all(each.kind == "text" for each in value.returns)
        return _OTHER if seen else self._returned(value, depth)

    def _returned(self, value: Value, depth: int) -> Verdict:
        if depth > _MAX_DEPTH:
            return _UNKNOWN
        for returned in value.returns:
            if returned.kind in {"call", "reference", "function"}:
                verdict = self.value(returned, (), depth + 1)
                if verdict.kind in {"wsgi", "asgi"} or frameworks.has_its_own_server(verdict.framework):
                    return verdict
        return _UNKNOWN

    def _instance(self, value: Value, depth: int) -> Verdict:
        if value.caller is not None:
            parameters = value.caller.parameters[1:]
            if _looks_wsgi(parameters, answers=value.caller.answers == "starts"):
                return Verdict("wsgi", "WSGI", reason=f"an object that is called with {' and '.join(parameters)}")
            if parameters[:3] == _ASGI_CALL:
                return Verdict("asgi", "ASGI", reason="an object that is called with scope, receive and send")
        for base in value.bases:
            verdict = self.result(base, depth + 1)
            if verdict.kind != "unknown":
                return verdict
        return _UNKNOWN

    def _iterates(self, value: Value, depth: int) -> bool:
        """Whether a class, or a base of it in the project, has ``__iter__``; other classes only hold a request."""
        if value.iterates or depth > _MAX_DEPTH:
            return value.iterates
        if value.kind == "reference":
            source, rest = self._modules.resolve(value.name) or (None, ())
            bound = source.values.get(rest[0]) if source and len(rest) == 1 else None
            return bound is not None and self._iterates(bound, depth + 1)
        return any(self._iterates(Value("reference", base), depth + 1) for base in value.bases)


def _is_usual(value: Value, count: int) -> bool:
    """Whether a function has an application's name, and this number of arguments."""
    return value.name.rpartition(".")[2] in {"app", "application"} and value.required == len(value.parameters) == count


def _called_with(value: Value) -> tuple[str, ...]:
    return value.caller.parameters[1:] if value.caller is not None else ()


def _answers(value: Value) -> bool:
    # Many functions pass their two arguments on: only the name shows that this one is an application.
    named = value.name.rpartition(".")[2] in {"app", "application", "wsgi_app", "wsgi"}
    return value.answers == "starts" or (named and value.answers == "passes")


def _take(verdict: Verdict, attributes: tuple[str, ...]) -> Verdict:
    """Classify an attribute of a known object."""
    if not attributes:
        return verdict
    if verdict.kind != "wsgi":
        return _UNKNOWN
    if attributes == (verdict.attribute,):
        return replace(verdict, attribute="", call=False)
    if len(attributes) == 1 and frameworks.is_wsgi_attribute(attributes[0]):
        return replace(verdict, attribute="", call=False)
    return _UNKNOWN


def _looks_wsgi(parameters: tuple[str, ...], *, answers: bool = False) -> bool:
    """Recognise WSGI by the function's use of its two parameters, or by their names."""
    if len(parameters) != _REQUEST_CALL:
        return False
    starts = {"start_response", "start_resp", "startResponse", "respond"}
    return answers or parameters[1] in starts or (parameters[0] in _ENVIRONS and parameters[1] in {"start", "sr"})
