"""A target that somebody wrote down: ``APPLIANCE_APP``, ``FLASK_APP``, ``[tool.appliance] app``.

Owns the forms ``module``, ``module:object.attribute``, ``module:factory()``, ``path/file.py`` and ``file.ini#section``,
and the words for one that is wrong. Must not know where the text was found. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

import ast
import difflib
import re
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from appliance.discovery.asgi_applications import ADAPT, AsgiError
from appliance.discovery.rules.django import managed_target
from appliance.discovery.rules.paste_file import named_section, paste_target
from appliance.discovery.rules.script_file import asgi_target, named_script, refused_script, script_target
from appliance.discovery.source.verdict import Verdict, judge
from appliance.discovery.target import Look, Target, describe, pick, search_path, target_of
from appliance.errors import ApplicationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.discovery.source.source import Source

_FORMS = "module, module:object.attribute, module:factory(), path/file.py (:name behind it) or file.ini#section"
# Names that a framework binds in a module by itself, when that is imported.
_BY_FRAMEWORKS = {"__hug_wsgi__": "hug"}
_DEPENDENCY_FILES = ("requirements.txt", "pyproject.toml", "uv.lock", "setup.py", "setup.cfg", "Pipfile")


@dataclass(frozen=True)
class _Wanted:
    place: str
    attribute: str
    called: bool
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)


def explicit_target(look: Look, text: str, origin: str, *, run: bool = False) -> Target:
    """The target that a text means.

    Args:
        look: the project.
        text: one of the forms above.
        origin: how the text's home is called in an error, "APPLIANCE_APP".
        run: whether a file that binds nothing is to be run, whatever it does: it was named to be served.

    Raises:
        AsgiError: it means an ASGI application.
        ApplicationError: it means nothing in this project, or something that can't be served.
    """
    place, _, section = text.strip().partition("#")
    if place.endswith(".ini") and (look.root / place).is_file():
        section = named_section(look, look.root / place, section, origin)
        return paste_target(look, look.root / place, section, f"{origin} says {text}.")
    wanted = _parse(text, origin)
    file = _file(look, wanted.place)
    if file is None:
        return _foreign(look, wanted, origin)
    source = look.modules.source(file)
    if not wanted.attribute:
        managed = managed_target(look, file) if file.name == "manage.py" else None
        if managed is None:
            return _unnamed(look, source, text, origin, run=run)
        return replace(managed, why=f"{origin} says {text}; {managed.why}")
    verdict = judge(look.modules, source, wanted.attribute)
    _check(look, source, wanted, verdict, origin)
    if verdict.kind == "asgi":
        verdict = replace(verdict, call=wanted.called or verdict.call)
    elif wanted.called:
        verdict = Verdict("factory", verdict.framework, reason=verdict.reason)
    elif verdict.kind not in {"wsgi", "factory"}:
        verdict = Verdict("unknown")
    target = target_of(look, source, wanted.attribute, verdict, f"{origin} says {text}.")
    if "." in wanted.place and not _is_path(look, wanted.place) and look.modules.find(wanted.place) == file:
        # The name that was asked for, where it is as good as ours: the project may import itself by it.
        target = replace(target, module=wanted.place)
    target = replace(target, arguments=wanted.arguments, keywords=wanted.keywords)
    if verdict.kind == "asgi":
        found = f"{origin}: {wanted.attribute} is an ASGI application ({verdict.framework})"
        raise AsgiError(look.root, found, target)
    return target


def _parse(text: str, origin: str) -> _Wanted:
    place, colon, rest = text.strip().partition(":")
    if len(place) == 1 and rest[:1] in {"\\", "/"}:
        raise _unclear(text, origin, "a path of another system")
    if not place or (colon and not rest):
        raise _unclear(text, origin, "one half is missing")
    if not rest:
        return _Wanted(place, "", called=False)
    try:
        expression = ast.parse(rest.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        raise _unclear(text, origin, f"{rest!r:.100} is no name") from None
    arguments: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}
    called = isinstance(expression, ast.Call)
    if isinstance(expression, ast.Call):
        try:
            arguments = tuple(ast.literal_eval(argument) for argument in expression.args)
            keywords = {pair.arg or "**": ast.literal_eval(pair.value) for pair in expression.keywords}
        except ValueError:
            raise _unclear(text, origin, "an argument is no literal") from None
        expression = expression.func
    attribute = ast.unparse(expression)
    if not re.fullmatch(r"[\w.]+", attribute) or "**" in keywords:
        raise _unclear(text, origin, f"{rest!r} is no name")
    return _Wanted(place, attribute, called, arguments, keywords)


def _unclear(text: str, origin: str, reason: str) -> ApplicationError:
    return ApplicationError(
        f"{origin} is {text!r}: {reason}",
        expected=_FORMS,
        action=f"Correct {origin}, or take it away: the application is then looked for.",
    )


def _is_path(look: Look, place: str) -> bool:
    # ``mysite.wsgi`` is a module in every Django project, and a file in those of mod_wsgi.
    return "/" in place or place.endswith(".py") or (place.endswith(".wsgi") and (look.root / place).is_file())


def _file(look: Look, place: str) -> Path | None:
    if _is_path(look, place):
        file = look.root / place
        if file.is_dir() and (file / "__init__.py").is_file():
            return file / "__init__.py"
        # ``flask --app shop/web`` leaves the suffix out.
        return next((path for path in (file, file.with_name(file.name + ".py")) if path.is_file()), None)
    return look.modules.find(place)


def _foreign(look: Look, wanted: _Wanted, origin: str) -> Target:
    """A module that is not in the project: one of a dependency, or a mistake."""
    if _is_path(look, wanted.place):
        names = [look.name(file) for file in look.modules.files(2)]
        near = difflib.get_close_matches(wanted.place, names, n=3)
        raise _missing(f"a file {wanted.place}", near or names[:5], origin)
    first = wanted.place.partition(".")[0]
    names = look.modules.top_level_names()
    dotted = [look.modules.name_of(file)[0] for file in look.modules.files(2)]
    near = difflib.get_close_matches(wanted.place, dotted, n=3)
    installed = first in sys.stdlib_module_names or any((look.root / name).exists() for name in _DEPENDENCY_FILES)
    if near or first in names or not installed:
        raise _missing(f"a module {wanted.place}", near or names[:5], origin)
    return Target(
        "object",
        wanted.place,
        "",
        wanted.attribute,
        "yes" if wanted.called else "auto",
        search_path(look.root, look.root),
        why=f"{origin} says {wanted.place}, which is not in the project: it must come with a dependency.",
        arguments=wanted.arguments,
        keywords=wanted.keywords,
    )


def _missing(what: str, near: list[str], origin: str) -> ApplicationError:
    return ApplicationError(
        f"{origin} names {what}, which is not there",
        expected=f"one of {', '.join(near)}" if near else "a module of the project; it holds none",
        action=f"Correct {origin}" + (f": most likely {near[0]} is meant." if near else "."),
        nearest=near,
    )


def _unnamed(look: Look, source: Source, text: str, origin: str, *, run: bool) -> Target:
    best = pick(look.modules, source)
    script = script_target(look, source, best)
    if script is not None:
        return replace(script, why=f"{origin} says {text}; {script.why}")
    if best.name:
        why = f"{origin} says {text}; {describe(look, source, best.name, best.verdict)}."
        return target_of(look, source, best.name, best.verdict, why)
    if best.tied:
        raise ApplicationError(
            f"{text} ({origin}) holds several applications: {', '.join(best.tied)}",
            expected="one of them, named behind a colon",
            action=f"Write {origin}={text}:{best.tied[0]}, for example.",
        )
    if best.asgi is not None:
        name, verdict = best.asgi
        target = target_of(look, source, name, verdict, f"{origin} says {text}.")
        raise AsgiError(look.root, f"{text} ({origin}): {'; '.join(best.refused)}", target)
    asgi_script = asgi_target(look, source)
    if asgi_script is not None:
        found = f"{text} ({origin}): {refused_script(look, source)}"
        raise AsgiError(look.root, found, replace(asgi_script, why=f"{origin} says {text}; {asgi_script.why}"))
    if best.refused:
        raise refused_error(f"{text} ({origin})", best.refused)
    named = named_script(look, source) if run and text.endswith(".py") and not best.weak else None
    if named is not None:
        return replace(named, why=f"{origin} says {text}; {named.why}")
    # No usual name can be seen: what the module does when it is imported may still make one.
    why = f"{origin} says {text}."
    return replace(target_of(look, source, best.weak or "", Verdict("unknown"), why), attribute=best.weak or "")


def _check(look: Look, source: Source, wanted: _Wanted, verdict: Verdict, origin: str) -> None:
    head = wanted.attribute.partition(".")[0]
    by_framework = _BY_FRAMEWORKS.get(head) in source.imports
    made_later = "__getattr__" in source.values or "globals()" in source.text
    dynamic = source.problem or source.stars or by_framework or made_later
    if head not in source.values and not dynamic:
        names = list(source.values)
        near = difflib.get_close_matches(head, names, n=3)
        best = pick(look.modules, source).name
        near = near or ([best] if best else [])
        raise ApplicationError(
            f"{origin} names {head} of {look.name(source.file)}, which has no such name",
            expected=f"one of {', '.join(near)}" if near else "a name that the module binds when it is imported",
            action=f"Correct {origin}" + (f": most likely {near[0]} is meant." if near else "."),
            nearest=near,
        )
    given = len(wanted.arguments) + len(wanted.keywords)
    if verdict.kind in {"arguments", "asgi"} and given < verdict.required:
        raise ApplicationError(
            f"{wanted.attribute} ({origin}) is a factory that needs {verdict.required} arguments, and gets {given}",
            expected="a factory that needs none, or its arguments as literals: module:factory('dev')",
            action=_with_arguments(origin, f"{wanted.place}:{wanted.attribute}", verdict.required),
        )


def _with_arguments(origin: str, factory: str, count: int) -> str:
    arguments = ", ".join(["'dev'"] * count)
    return (
        f'Give its arguments, as in {origin}="{factory}({arguments})", or write a wsgi.py that calls it and binds app.'
    )


def refused_error(place: str, refused: tuple[str, ...]) -> ApplicationError:
    """The error for what was found and can't be served."""
    if any("not WSGI" in words for words in refused):
        return ApplicationError(
            f"{place}: {'; '.join(refused)}",
            expected="a WSGI application: the appliance serves WSGI alone",
            action="Start it by its own command, or give it a WSGI application (Flask, for example).",
            kind="other",
        )
    if any("ASGI" in words for words in refused):  # with arguments that nobody knows: else it would have a target
        return ApplicationError(
            f"{place}: {'; '.join(refused)}",
            expected="a WSGI application: the appliance serves no other, unless it is told to adapt one",
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
    """The factory that the words speak of, as APPLIANCE_APP names it, and how many arguments it needs."""
    for words in refused:
        found = re.search(r"(?:([\w./-]+\.py): )?(\w+) is a factory that needs (\d+)", words)
        if found:
            return f"{found[1] or 'module'}:{found[2]}", int(found[3])
    return "module:factory", 1
