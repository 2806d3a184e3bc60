"""Find the application that the text of a target names, in each of its forms, or explain why the text is wrong.

The forms are ``module``, ``module:object.attribute``, ``module:factory()``, ``path/file.py``, ``file.ini#section``, and
``path/file.py -- run apps`` or ``module:function -- run apps``.
Where the name stands (a setting, ``FLASK_APP``, ``[tool.appliance] app``) is read elsewhere: by ``declared`` and
``config``. Runs in the supervisor and in commands.
"""

from __future__ import annotations

import ast
import difflib
import re
import shlex
import sys
from typing import TYPE_CHECKING, Any

from appliance.discovery.asgi_applications import ADAPT, EXPECTED, AsgiError
from appliance.discovery.rules.django import managed_target
from appliance.discovery.rules.paste_file import named_section, paste_target
from appliance.discovery.rules.script_file import (
    asgi_target,
    named_script,
    program_target,
    refused_script,
    script_target,
)
from appliance.discovery.source.verdict import Verdict, judge
from appliance.discovery.target import Context, Target, describe, pick, search_path, target_of
from appliance.errors import ApplicationError
from appliance.identity.folder import has_file
from appliance.protocol.record import Record, made_default, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from appliance.discovery.source.source import Source

_ARGUMENTS = " -- "
_FORMS = (
    "module, module:object.attribute, module:factory(), path/file.py (then :name), file.ini#section, or a program with "
    "its arguments: path/file.py -- run apps"
)
# Names that a framework itself binds in a module when that is imported.
_BY_FRAMEWORKS = {"__hug_wsgi__": "hug"}
_DEPENDENCY_FILES = ("requirements.txt", "pyproject.toml", "uv.lock", "setup.py", "setup.cfg", "Pipfile")


class _Named(Record):
    place: str
    attribute: str
    called: bool
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = made_default(default_factory=dict)


def explicit_target(context: Context, text: str, origin: str, *, run: bool = False) -> Target:
    """Return the target that a text names.

    Args:
        context: the project.
        text: one of the forms above.
        origin: where the text is from, for errors: "APPLIANCE_APP".
        run: whether to run a file that binds nothing, whatever it does: it was named to be served.

    Raises:
        AsgiError: the text names an ASGI application.
        ApplicationError: it names nothing in this project, or something that can't be served.
    """
    if _ARGUMENTS in text:
        return _program(context, text, origin)
    return _application(context, text, origin, run=run)


def _application(context: Context, text: str, origin: str, *, run: bool) -> Target:
    """Return the target of a text that names an application, or what binds one."""
    place, _, section = text.strip().partition("#")
    if place.endswith(".ini") and has_file(context.root / place):
        section = named_section(context, context.root / place, section, origin)
        return paste_target(context, context.root / place, section, f"{origin} names {text}.")
    named = _parse(text, origin)
    file = _file(context, named.place)
    if file is None:
        return _foreign(context, named, origin)
    source = context.modules.source(file)
    if not named.attribute:
        managed = managed_target(context, file) if file.name == "manage.py" else None
        if managed is None:
            return _unnamed(context, source, text, origin, run=run)
        return replace(managed, why=f"{origin} names {text}; {managed.why}")
    verdict = judge(context.modules, source, named.attribute)
    _check(context, source, named, verdict, origin)
    if verdict.kind == "asgi":
        verdict = replace(verdict, call=named.called or verdict.call)
    elif named.called:
        verdict = Verdict("factory", verdict.framework, reason=verdict.reason)
    elif verdict.kind not in {"wsgi", "factory"}:
        verdict = Verdict("unknown")
    target = target_of(context, source, named.attribute, verdict, f"{origin} names {text}.")
    if "." in named.place and not _is_path(context, named.place) and context.modules.find(named.place) == file:
        # Keep the name that was given, if it is as good as ours: the project may import itself by it.
        target = replace(target, module=named.place)
    target = replace(target, arguments=named.arguments, keywords=named.keywords)
    if verdict.kind == "asgi":
        found = f"{origin}: {named.attribute} is an ASGI application ({verdict.framework})"
        raise AsgiError(context.root, found, target)
    return target


def _program(context: Context, text: str, origin: str) -> Target:
    """Return the target of a file, or of a function, that is run with arguments, as a command is."""
    program, _, rest = text.strip().partition(_ARGUMENTS)
    try:
        words = tuple(shlex.split(rest))
    except ValueError as error:
        raise _unclear(text, origin, f"its arguments can't be split: {error}") from None
    named = _parse(program, origin)
    is_file = _is_path(context, named.place) and not named.attribute
    if named.called or not (is_file or named.attribute):
        raise _unclear(text, origin, "only a file, or a function without brackets, can be run with arguments")
    file = _file(context, named.place)
    why = f"{origin} names {text}: it is run with these arguments."
    if file is None:
        return replace(_foreign(context, named, origin), kind="script", call="yes", arguments=words, why=why)
    source = context.modules.source(file)
    if is_file:
        return replace(program_target(context, source), arguments=words, why=why)
    _check(context, source, named, Verdict("unknown"), origin)
    target = target_of(context, source, named.attribute, Verdict("unknown"), why)
    return replace(target, kind="script", call="yes", arguments=words)


def _parse(text: str, origin: str) -> _Named:
    place, colon, rest = text.strip().partition(":")
    if len(place) == 1 and rest[:1] in {"\\", "/"}:
        raise _unclear(text, origin, "this is a path of another operating system")
    if not place or (colon and not rest):
        raise _unclear(text, origin, "one half is missing")
    if not rest:
        return _Named(place, "", called=False)
    try:
        expression = ast.parse(rest.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        raise _unclear(text, origin, f"{rest!r:.100} is not a name") from None
    arguments: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}
    called = isinstance(expression, ast.Call)
    if isinstance(expression, ast.Call):
        try:
            arguments = tuple(ast.literal_eval(argument) for argument in expression.args)
            keywords = {pair.arg or "**": ast.literal_eval(pair.value) for pair in expression.keywords}
        except (ValueError, TypeError, RecursionError, MemoryError):
            raise _unclear(text, origin, "an argument is not a literal") from None
        if not _travels([*arguments, *keywords.values()]):
            raise _unclear(text, origin, "an argument is not a text, a number, None, or a list or dict of these")
        expression = expression.func
    attribute = ast.unparse(expression)
    if not re.fullmatch(r"[\w.]+", attribute) or "**" in keywords:
        raise _unclear(text, origin, f"{rest!r} is not a name")
    return _Named(place, attribute, called, arguments, keywords)


def _travels(value: object) -> bool:
    """Whether JSON, which carries a value to the worker, has a form for it; a tuple arrives as a list."""
    if isinstance(value, list | tuple):
        return all(map(_travels, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_travels, value.values()))
    return value is None or type(value) in {str, int, float, bool}


def _unclear(text: str, origin: str, reason: str) -> ApplicationError:
    return ApplicationError(
        f"{origin} is {text!r}: {reason}",
        expected=_FORMS,
        action=f"Correct {origin}, or remove it: the appliance then looks for the application.",
    )


def _is_path(context: Context, place: str) -> bool:
    # ``mysite.wsgi`` is a module in every Django project, and a file in projects for mod_wsgi.
    return "/" in place or place.endswith(".py") or (place.endswith(".wsgi") and (context.root / place).is_file())


def _file(context: Context, place: str) -> Path | None:
    if _is_path(context, place):
        file = context.root / place
        if has_file(file / "__init__.py"):
            return file / "__init__.py"
        # ``flask --app shop/web`` leaves the suffix out.
        return next((path for path in (file, file.with_name(file.name + ".py")) if has_file(path)), None)
    return context.modules.find(place)


def _foreign(context: Context, named: _Named, origin: str) -> Target:
    """Return the target of a module that is not in the project: it is in a dependency, or a mistake."""
    if _is_path(context, named.place):
        names = [context.name(file) for file in context.modules.files(2)]
        near = difflib.get_close_matches(named.place, names, n=3)
        raise _missing(f"a file {named.place}", near or names[:5], origin, _each(near, named.attribute))
    first = named.place.partition(".")[0]
    names = context.modules.top_level_names()
    dotted = [context.modules.name_of(file)[0] for file in context.modules.files(2)]
    near = difflib.get_close_matches(named.place, dotted, n=3)
    installed = first in sys.stdlib_module_names or any((context.root / name).exists() for name in _DEPENDENCY_FILES)
    if near or first in names or not installed:
        raise _missing(f"a module {named.place}", near or names[:5], origin, _each(near, named.attribute))
    return Target(
        "object",
        named.place,
        "",
        named.attribute,
        "yes" if named.called else "auto",
        search_path(context.root, context.root),
        why=f"{origin} names {named.place}, which is not in the project: it must be in a dependency.",
        arguments=named.arguments,
        keywords=named.keywords,
    )


def _each(places: list[str], attribute: str) -> list[str]:
    return [f"{place}:{attribute}" if attribute else place for place in places]


def serving_needs(applications: Iterable[str]) -> list[dict[str, str]]:
    """Return the remedies that serve one of these applications each."""
    return [{"kind": "serve-application", "application": each} for each in applications]


def _one_of(near: list[str], otherwise: str) -> str:
    if not near:
        return otherwise
    return f"one of {', '.join(near)}" if near[1:] else near[0]


def _corrected(origin: str, near: list[str]) -> str:
    return f"Correct {origin}" + (f": most likely {near[0]} is right." if near else ".")


def _missing(what: str, near: list[str], origin: str, meant: list[str]) -> ApplicationError:
    return ApplicationError(
        f"{origin} names {what}, which does not exist",
        expected=_one_of(near, "a module of the project, which has none"),
        action=_corrected(origin, near),
        needs=serving_needs(meant),
        nearest=near,
    )


def _unnamed(context: Context, source: Source, text: str, origin: str, *, run: bool) -> Target:
    best = pick(context.modules, source)
    script = script_target(context, source, best)
    if script is not None:
        return replace(script, why=f"{origin} names {text}; {script.why}")
    if best.name:
        why = f"{origin} names {text}; {describe(context, source, best.name, best.verdict)}."
        return target_of(context, source, best.name, best.verdict, why)
    if best.tied:
        raise ApplicationError(
            f"{text} ({origin}) holds several applications: {', '.join(best.tied)}",
            expected="one of them, named after a colon",
            action=f"Write {origin}={text}:{best.tied[0]}, for example.",
            needs=serving_needs(f"{text}:{each}" for each in best.tied),
        )
    if best.asgi is not None:
        name, verdict = best.asgi
        target = target_of(context, source, name, verdict, f"{origin} names {text}.")
        raise AsgiError(context.root, f"{text} ({origin}): {'; '.join(best.refused)}", target)
    asgi_script = asgi_target(context, source)
    if asgi_script is not None:
        found = f"{text} ({origin}): {refused_script(context, source)}"
        raise AsgiError(context.root, found, replace(asgi_script, why=f"{origin} names {text}; {asgi_script.why}"))
    if best.refused:
        raise refused_error(f"{text} ({origin})", best.refused)
    named = named_script(context, source) if run and text.endswith(".py") and not best.weak else None
    if named is not None:
        return replace(named, why=f"{origin} names {text}; {named.why}")
    # The source shows no usual name: the module may still bind one when it is imported.
    why = f"{origin} names {text}."
    return replace(target_of(context, source, best.weak or "", Verdict("unknown"), why), attribute=best.weak or "")


def _check(context: Context, source: Source, named: _Named, verdict: Verdict, origin: str) -> None:
    head = named.attribute.partition(".")[0]
    by_framework = _BY_FRAMEWORKS.get(head) in source.imports
    made_later = "__getattr__" in source.values or "globals()" in source.text
    dynamic = source.problem or source.stars or by_framework or made_later
    if head not in source.values and not dynamic:
        names = list(source.values)
        near = difflib.get_close_matches(head, names, n=3)
        best = pick(context.modules, source).name
        near = near or ([best] if best else [])
        raise ApplicationError(
            f"{origin} names {head} of {context.name(source.file)}, which binds no such name",
            expected=_one_of(near, "a name that the module binds when it is imported"),
            action=_corrected(origin, near),
            needs=serving_needs(f"{named.place}:{each}" for each in near),
            nearest=near,
        )
    given = len(named.arguments) + len(named.keywords)
    if verdict.kind in {"arguments", "asgi"} and given < verdict.required:
        raise ApplicationError(
            f"{named.attribute} ({origin}) is a factory that needs {verdict.required} arguments, and gets {given}",
            expected="a factory that needs none, or its arguments as literals: module:factory('dev')",
            action=_with_arguments(origin, f"{named.place}:{named.attribute}", verdict.required),
        )


def _with_arguments(origin: str, factory: str, count: int) -> str:
    arguments = ", ".join(["'dev'"] * count)
    return (
        f'Give its arguments, for example {origin}="{factory}({arguments})", or write a wsgi.py that calls it and binds'
        " app."
    )


def refused_error(place: str, refused: tuple[str, ...]) -> ApplicationError:
    """Return the error for an application that was found and can't be served."""
    if any("not WSGI" in reason for reason in refused):
        return ApplicationError(
            f"{place}: {'; '.join(refused)}",
            expected="a WSGI application: the appliance serves only WSGI",
            action="Start it with its own command, or give it a WSGI application (Flask, for example).",
            kind="other",
        )
    if any("ASGI" in reason for reason in refused):  # its arguments are unknown: else it would have a target
        return ApplicationError(
            f"{place}: {'; '.join(refused)}",
            expected=EXPECTED,
            action=f"Write an asgi.py that calls it and binds app, then run uvicorn asgi:app; or set {ADAPT}.",
            kind="asgi",
        )
    return ApplicationError(
        f"{place}: {'; '.join(refused)}",
        expected="an application, or a factory that needs no argument",
        action=_with_arguments("APPLIANCE_APP", *_factory_in(refused)),
        kind="arguments",
    )


def _factory_in(refused: tuple[str, ...]) -> tuple[str, int]:
    """Return the factory in the reasons, as APPLIANCE_APP names it, and how many arguments it needs."""
    for reason in refused:
        found = re.search(r"(?:([\w./-]+\.py): )?(\w+) is a factory that needs (\d+)", reason)
        if found:
            return f"{found[1] or 'module'}:{found[2]}", int(found[3])
    return "module:factory", 1
