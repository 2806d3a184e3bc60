"""The types that the rules share: the target to serve, the findings, and the choice of a name in a module.

The worker gets the target; ``appliance check`` shows the findings. This module knows no rule. Runs in the supervisor
and in commands.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Literal, cast

from appliance.discovery import frameworks
from appliance.discovery.source.verdict import Verdict, judge
from appliance.plural import counted
from appliance.protocol.record import Record, made_default

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from appliance.discovery.source.modules import Modules
    from appliance.discovery.source.source import Source
    from appliance.protocol.start.start_target import StartTarget

OBJECT_NAMES = ("app", "application", "server", "api")
FACTORY_NAMES = ("create_app", "make_app", "get_app", "create_application", "build_app", "app_factory")
_BY_TEXT = re.compile(
    rf"^(?:({'|'.join(OBJECT_NAMES)})\s*(?::[^=\n]+)?=[^=]|def\s+({'|'.join(FACTORY_NAMES)})\s*\()", re.MULTILINE
)


class Target(Record):
    """The import that a worker makes.

    Attributes:
        kind: "object": an attribute of a module; "django": the application that the settings name; "script": what the
            file passes to its server when it runs; "paste": an application of a PasteDeploy file.
        module: the module's name. For Django the module of WSGI_APPLICATION, or empty.
        file: the absolute path of its source; empty if only an import can tell. A file whose name is not a module name
            (site.wsgi, my-app.py) is loaded from this path, under ``module``.
        attribute: dotted, may be empty: the worker then looks for the usual names. For a PasteDeploy file, its section.
        call: "yes": the attribute is a factory; "no"; "auto": call it if its signature says that it is a factory. For a
            script "yes": its module is imported, and that function is called, which serves.
        search_path: absolute folders to put first on sys.path, in this order.
        environ: variables to set if they are not set.
        framework: its name, or empty.
        why: one sentence.
        arguments: the arguments for a factory, JSON values; for a script the words after its name.
        keywords: its keyword arguments.
        interface: WSGI or ASGI.
    """

    kind: Literal["object", "django", "script", "paste"]
    module: str
    file: str
    attribute: str
    call: Literal["no", "yes", "auto"]
    search_path: tuple[str, ...]
    environ: Mapping[str, str] = made_default(default_factory=dict)
    framework: str = ""
    why: str = ""
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = made_default(default_factory=dict)
    interface: Literal["wsgi", "asgi"] = "wsgi"

    @property
    def name(self) -> str:
        """The name for people: ``module:attribute``; for Django its settings module; for a file its path."""
        if self.kind == "django":
            return self.environ.get("DJANGO_SETTINGS_MODULE", "") or self.module
        if self.kind in {"script", "paste"} and self.call == "no":
            path = os.path.relpath(self.file, self.search_path[-1])
            return f"{path}#{self.attribute}" if self.kind == "paste" and self.attribute else path
        return f"{self.module}:{self.attribute}{'()' if self.call == 'yes' else ''}"

    def as_dict(self) -> StartTarget:
        """Return JSON values by name, for the channel; with the ``names`` to look for if no attribute is known."""
        fields = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}
        is_known = self.attribute or self.kind in {"django", "paste"}
        return cast("StartTarget", {**fields, "names": [] if is_known else [*OBJECT_NAMES, *FACTORY_NAMES]})


class Finding(Record):
    """One step of one rule, for ``appliance check``."""

    rule: str
    looked_at: str
    found: str
    outcome: Literal["chosen", "passed over", "nothing"]


def describe_findings(findings: Iterable[Finding | Mapping[str, str]]) -> list[str]:
    """Return findings, or their dicts in an error's details, one line each."""
    rows = [vars(finding) if isinstance(finding, Finding) else finding for finding in findings]
    return ["{outcome:<12} {rule}: {looked_at}: {found}".format_map(row) for row in rows]


class RuleResult(Record):
    """The result of one rule: a target, or none; ``weak`` is a target to use if no other rule has any.

    ``asgi`` are applications that can only be adapted, all equally good.
    """

    findings: tuple[Finding, ...]
    target: Target | None = None
    weak: Target | None = None
    tied: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    asgi: tuple[Target, ...] = ()


class Context(Record):
    """The arguments of every rule; ``adapts``: an ASGI application can be chosen too."""

    root: Path
    values: Mapping[str, str]
    modules: Modules
    adapts: bool = False

    def name(self, file: Path) -> str:
        """Return a file's name for people: its path in the project."""
        return str(file.relative_to(self.root)) if self.root in file.parents else str(file)


class Candidate(Record):
    """The best name of one module.

    Attributes:
        name: the attribute; None if none is an application or a factory of one.
        verdict: what it is.
        tied: several names that are equally good.
        weak: a name that may be an application, by its name alone.
        refused: descriptions of what is there but can't be served.
        asgi: the name of an ASGI application, or of a factory of one, and its verdict.
    """

    name: str | None = None
    verdict: Verdict = made_default(default_factory=lambda: Verdict("unknown"))
    tied: tuple[str, ...] = ()
    weak: str | None = None
    refused: tuple[str, ...] = ()
    asgi: tuple[str, Verdict] | None = None


def pick(modules: Modules, source: Source, *, own: bool = False) -> Candidate:
    """Choose the name in a module that a person would choose; ``own``: ignore what it imports from elsewhere."""
    if source.problem:
        # The file is broken now and will be fixed later: find its names in the text.
        match = _BY_TEXT.search(source.text)
        return Candidate(weak=(match[1] or match[2]) if match else None)
    names = [name for name, value in source.values.items() if not own or value.kind != "reference"]
    if source.stars and not own:
        names += [name for name in (*OBJECT_NAMES, *FACTORY_NAMES) if name not in source.values]
    verdicts = {name: judge(modules, source, name) for name in names}
    usual = ("application", *OBJECT_NAMES) if _is_wsgi_file(source.file) else OBJECT_NAMES
    for name in (*usual, *FACTORY_NAMES):
        if name in verdicts and verdicts[name].kind in {"wsgi", "factory"}:
            name = _instance_of_factory(source, verdicts, name)  # noqa: PLW2901 - the better name
            return Candidate(name, verdicts[name])
    if any(frameworks.is_asgi_framework(verdicts[name].framework) for name in OBJECT_NAMES if name in verdicts):
        # A FastAPI app, with a Flask application mounted in it.
        return Candidate(refused=_refused(verdicts), asgi=_asgi(source, verdicts))
    for kind in ("wsgi", "factory"):
        rest = [name for name in names if verdicts[name].kind == kind and not name.startswith("_")]
        served = [name for name in rest if name in source.served]
        best = served if len(served) == 1 else rest
        if len(best) == 1:
            return Candidate(best[0], verdicts[best[0]])
        if rest:
            return Candidate(tied=tuple(rest))
    if own:  # a scan, which goes on to other files: a class alone does not stop it
        verdicts = {name: verdict for name, verdict in verdicts.items() if source.values[name].kind != "class"}
    return Candidate(weak=_weak(source, verdicts), refused=_refused(verdicts), asgi=_asgi(source, verdicts))


def target_of(context: Context, source: Source, name: str, verdict: Verdict, why: str) -> Target:
    """Return the target for this name of this module."""
    module, first = context.modules.name_of(source.file)
    if source.file.suffix == ".wsgi":
        module = f"{module}_wsgi"  # ``radicale.wsgi`` imports the package radicale
    attribute = name
    call: Literal["no", "yes", "auto"] = "auto"
    if verdict.kind == "factory":
        call = "yes"
    elif verdict.kind == "wsgi":
        attribute = f"{name}.{verdict.attribute}" if verdict.attribute else name
        call = "yes" if verdict.call else "no"
    elif verdict.kind == "asgi":
        call = "yes" if verdict.call else "no"
    return Target(
        "object",
        re.sub(r"[^\w.]", "_", module),
        str(source.file),
        attribute,
        call,
        search_path(context.root, first),
        framework=verdict.framework,
        why=why,
        environ=command_environ(context, source, f"{attribute}()" if call == "yes" else attribute, verdict),
        arguments=verdict.arguments,
        interface="asgi" if verdict.kind == "asgi" else "wsgi",
    )


def command_environ(context: Context, source: Source, attribute: str, verdict: Verdict) -> dict[str, str]:
    """Return variables for the framework's own command, so that ``appliance run flask init-db`` finds the same."""
    if verdict.framework not in {"Flask", "APIFlask"} or not attribute:
        return {}
    return {"FLASK_APP": f"{context.name(source.file)}:{attribute}"}


def search_path(root: Path, first: Path) -> tuple[str, ...]:
    """Return the import root, then the project's root: scripts in sub-folders import from both."""
    return tuple(dict.fromkeys((str(first), str(root))))


def describe(context: Context, source: Source, name: str, verdict: Verdict) -> str:
    """Describe the application that was found."""
    kinds = {"factory": "a factory of a WSGI application", "wsgi": "a WSGI application", "asgi": "an ASGI application"}
    what = kinds.get(verdict.kind, "a name")
    if verdict.kind == "asgi" and verdict.call:
        what = "a factory of an ASGI application"
    framework = f" ({verdict.framework})" if verdict.framework not in {"", "WSGI", "ASGI"} else ""
    reason = f", {verdict.reason}" if verdict.reason else ""
    return f"{context.name(source.file)}:{name} is {what}{framework}{reason}"


def _instance_of_factory(source: Source, verdicts: Mapping[str, Verdict], factory: str) -> str:
    """Prefer ``shop = create_app("shop.cfg")`` to the factory beside it, as Flask's own command does."""
    made = [
        name
        for name, value in source.values.items()
        if value.kind == "call"
        and not name.startswith("_")
        and verdicts[name].kind == "wsgi"
        and verdicts[name].framework == verdicts[factory].framework
    ]
    return made[0] if factory in FACTORY_NAMES and len(made) == 1 else factory


def _is_wsgi_file(file: Path) -> bool:
    # mod_wsgi's convention, which its .wsgi files keep.
    return file.name == "wsgi.py" or file.suffix == ".wsgi"


def _weak(source: Source, verdicts: Mapping[str, Verdict]) -> str | None:
    for name in (*OBJECT_NAMES, *FACTORY_NAMES):
        value = source.values.get(name)
        if value is None or verdicts.get(name, Verdict("other")).kind != "unknown":
            continue
        if value.kind == "function":
            # Two parameters and an application's name, or none and a factory's name: the worker will find out.
            if verdicts[name].required in ((2, 0) if name in OBJECT_NAMES else (0,)):
                return name
        elif value.kind in {"call", "reference", "other"} and not verdicts[name].required:
            return name
    return None


def _asgi(source: Source, verdicts: Mapping[str, Verdict]) -> tuple[str, Verdict] | None:
    """Choose the ASGI application that the file serves, else the usual name, else the first."""
    found = {name: each for name, each in verdicts.items() if each.kind == "asgi" and not each.required}
    served = [name for name in found if name in source.served]
    usual = [name for name in (*OBJECT_NAMES, *FACTORY_NAMES) if name in found]
    rest = sorted((name for name in found if not name.startswith("_")), key=lambda name: found[name].call)
    name = next(iter([*(served if len(served) == 1 else ()), *usual, *rest]), None)
    return None if name is None else (name, found[name])


def _refused(verdicts: Mapping[str, Verdict]) -> tuple[str, ...]:
    reasons = []
    for name, verdict in verdicts.items():
        if verdict.kind == "asgi":
            reasons.append(f"{name} is an ASGI application ({verdict.framework})")
        elif verdict.kind == "other" and frameworks.has_its_own_server(verdict.framework):
            reasons.append(f"{name} is made for {verdict.framework}'s own server, not WSGI")
        elif verdict.kind == "arguments" and name in FACTORY_NAMES:
            reasons.append(f"{name} is a factory that needs {counted(verdict.required, 'argument')}")
    return tuple(reasons)
