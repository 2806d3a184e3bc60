"""What is to be served, and how it was found: the words that the rules share.

Owns the target that the worker is handed, the findings that ``appliance check`` shows, and the order in which a
module's names are preferred. Must not know any rule. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from appliance.discovery import frameworks
from appliance.discovery.source.verdict import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from appliance.discovery.source.modules import Modules
    from appliance.discovery.source.source import Source

OBJECT_NAMES = ("app", "application", "server", "api")
FACTORY_NAMES = ("create_app", "make_app", "get_app", "create_application", "build_app", "app_factory")
_BY_TEXT = re.compile(
    rf"^(?:({'|'.join(OBJECT_NAMES)})\s*(?::[^=\n]+)?=[^=]|def\s+({'|'.join(FACTORY_NAMES)})\s*\()", re.MULTILINE
)


@dataclass(frozen=True)
class Target:
    """What the worker imports.

    Attributes:
        kind: "object": an attribute of a module; "django": the application that the settings name; "script": what the
            file hands to its server when it is run; "paste": an application of a PasteDeploy file.
        module: the module's name. For Django that of WSGI_APPLICATION, or empty.
        file: the absolute path of its source, or empty where only an import can tell. A file whose name is no module's
            (site.wsgi, my-app.py) is to be loaded from this path, under ``module``.
        attribute: dotted, may be empty: the worker then looks for the usual names. Of a PasteDeploy file, its section.
        call: "yes": the attribute is a factory; "no"; "auto": call it if its signature says that it is a factory. Of a
            script "yes": its module is imported, and that function called, which serves.
        search_path: absolute folders that go first on sys.path, in this order.
        environ: variables to set where they are absent.
        framework: its name, or empty.
        why: one sentence.
        arguments: what a factory is called with, JSON values.
        keywords: the same, by name.
        interface: what it is known to be.
    """

    kind: Literal["object", "django", "script", "paste"]
    module: str
    file: str
    attribute: str
    call: Literal["no", "yes", "auto"]
    search_path: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict)
    framework: str = ""
    why: str = ""
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    interface: Literal["wsgi", "asgi"] = "wsgi"

    @property
    def name(self) -> str:
        """As a person would say it: ``module:attribute``; of Django, its settings' module; of a file, its path."""
        if self.kind == "django":
            return self.environ.get("DJANGO_SETTINGS_MODULE", "") or self.module
        if self.kind in {"script", "paste"} and self.call == "no":
            path = os.path.relpath(self.file, self.search_path[-1])
            return f"{path}#{self.attribute}" if self.kind == "paste" and self.attribute else path
        return f"{self.module}:{self.attribute}{'()' if self.call == 'yes' else ''}"

    def as_dict(self) -> dict[str, Any]:
        """JSON values by name, for the channel; with the ``names`` that the worker looks for where none is known."""
        fields = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {
            **fields,
            "names": [] if self.attribute or self.kind in {"django", "paste"} else [*OBJECT_NAMES, *FACTORY_NAMES],
        }


@dataclass(frozen=True)
class Finding:
    """One look of one rule, for ``appliance check``."""

    rule: str
    looked_at: str
    found: str
    outcome: Literal["chosen", "passed over", "nothing"]


def describe_findings(findings: Iterable[Finding | Mapping[str, str]]) -> list[str]:
    """Findings, or their dicts in an error's details, a line each."""
    rows = [vars(finding) if isinstance(finding, Finding) else finding for finding in findings]
    return ["{outcome:<12} {rule}: {looked_at}: {found}".format_map(row) for row in rows]


@dataclass(frozen=True)
class Ruling:
    """What one rule says: a target, or none; ``weak`` is one to take if no other rule has any.

    ``asgi`` are applications that can only be adapted, as good as each other.
    """

    findings: tuple[Finding, ...]
    target: Target | None = None
    weak: Target | None = None
    tied: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    asgi: tuple[Target, ...] = ()


@dataclass(frozen=True)
class Look:
    """What every rule looks at; ``adapts``: an ASGI application may be served, too."""

    root: Path
    values: Mapping[str, str]
    modules: Modules
    adapts: bool = False

    def name(self, file: Path) -> str:
        """A file as a person of this project would name it."""
        return str(file.relative_to(self.root)) if self.root in file.parents else str(file)


@dataclass(frozen=True)
class Pick:
    """The best of one module.

    Attributes:
        name: the attribute; None where none is an application or a factory of one.
        verdict: what it is.
        tied: the names of several that are as good.
        weak: a name that may be an application, by its name alone.
        refused: what is there but can't be served, in words.
        asgi: the name of an ASGI application, or of a factory of one, and its verdict.
    """

    name: str | None = None
    verdict: Verdict = field(default_factory=lambda: Verdict("unknown"))
    tied: tuple[str, ...] = ()
    weak: str | None = None
    refused: tuple[str, ...] = ()
    asgi: tuple[str, Verdict] | None = None


def pick(modules: Modules, source: Source, *, own: bool = False) -> Pick:
    """The name in a module that a person would mean; ``own``: leave out what it imports from elsewhere."""
    if source.problem:
        # What is broken now is mended later: its names stand in the text.
        match = _BY_TEXT.search(source.text)
        return Pick(weak=(match[1] or match[2]) if match else None)
    names = [name for name, value in source.values.items() if not own or value.kind != "reference"]
    if source.stars and not own:
        names += [name for name in (*OBJECT_NAMES, *FACTORY_NAMES) if name not in source.values]
    verdicts = {name: judge(modules, source, name) for name in names}
    usual = ("application", *OBJECT_NAMES) if _is_wsgi_file(source.file) else OBJECT_NAMES
    for name in (*usual, *FACTORY_NAMES):
        if name in verdicts and verdicts[name].kind in {"wsgi", "factory"}:
            name = _made_of(source, verdicts, name)  # noqa: PLW2901 - the better name
            return Pick(name, verdicts[name])
    if any(frameworks.is_asgi_framework(verdicts[name].framework) for name in OBJECT_NAMES if name in verdicts):
        # FastAPI's app, with a part of Flask's mounted in it.
        return Pick(refused=_refused(verdicts), asgi=_asgi(source, verdicts))
    for kind in ("wsgi", "factory"):
        rest = [name for name in names if verdicts[name].kind == kind and not name.startswith("_")]
        served = [name for name in rest if name in source.served]
        best = served if len(served) == 1 else rest
        if len(best) == 1:
            return Pick(best[0], verdicts[best[0]])
        if rest:
            return Pick(tied=tuple(rest))
    if own:  # a scan, which goes on below for what else there may be: a class alone is no reason to end it
        verdicts = {name: verdict for name, verdict in verdicts.items() if source.values[name].kind != "class"}
    return Pick(weak=_weak(source, verdicts), refused=_refused(verdicts), asgi=_asgi(source, verdicts))


def target_of(look: Look, source: Source, name: str, verdict: Verdict, why: str) -> Target:
    """The target that means this name of this module."""
    module, first = look.modules.name_of(source.file)
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
        search_path(look.root, first),
        framework=verdict.framework,
        why=why,
        environ=command_environ(look, source, f"{attribute}()" if call == "yes" else attribute, verdict),
        arguments=verdict.arguments,
        interface="asgi" if verdict.kind == "asgi" else "wsgi",
    )


def command_environ(look: Look, source: Source, attribute: str, verdict: Verdict) -> dict[str, str]:
    """What the framework's own command asks for: ``appliance run flask init-db`` finds the same application."""
    if verdict.framework not in {"Flask", "APIFlask"} or not attribute:
        return {}
    return {"FLASK_APP": f"{look.name(source.file)}:{attribute}"}


def search_path(root: Path, first: Path) -> tuple[str, ...]:
    """The import root, then the project's root: scripts in sub-folders import from both."""
    return tuple(dict.fromkeys((str(first), str(root))))


def describe(look: Look, source: Source, name: str, verdict: Verdict) -> str:
    """What was found, in words."""
    kinds = {"factory": "a factory of a WSGI application", "wsgi": "a WSGI application", "asgi": "an ASGI application"}
    what = kinds.get(verdict.kind, "a name")
    if verdict.kind == "asgi" and verdict.call:
        what = "a factory of an ASGI application"
    framework = f" ({verdict.framework})" if verdict.framework not in {"", "WSGI", "ASGI"} else ""
    reason = f", {verdict.reason}" if verdict.reason else ""
    return f"{look.name(source.file)}:{name} is {what}{framework}{reason}"


def _made_of(source: Source, verdicts: Mapping[str, Verdict], factory: str) -> str:
    """``shop = create_app("shop.cfg")`` beside the factory: the one that is made, as Flask's own command takes it."""
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
            # Two parameters under an application's name, or none under a factory's: the worker will know.
            if verdicts[name].required in ((2, 0) if name in OBJECT_NAMES else (0,)):
                return name
        elif value.kind in {"call", "reference", "other"} and not verdicts[name].required:
            return name
    return None


def _asgi(source: Source, verdicts: Mapping[str, Verdict]) -> tuple[str, Verdict] | None:
    """Of the ASGI applications the one that the file serves, else the usual name, else the first."""
    found = {name: each for name, each in verdicts.items() if each.kind == "asgi" and not each.required}
    served = [name for name in found if name in source.served]
    usual = [name for name in (*OBJECT_NAMES, *FACTORY_NAMES) if name in found]
    rest = sorted((name for name in found if not name.startswith("_")), key=lambda name: found[name].call)
    name = next(iter([*(served if len(served) == 1 else ()), *usual, *rest]), None)
    return None if name is None else (name, found[name])


def _refused(verdicts: Mapping[str, Verdict]) -> tuple[str, ...]:
    words = []
    for name, verdict in verdicts.items():
        if verdict.kind == "asgi":
            words.append(f"{name} is an ASGI application ({verdict.framework})")
        elif verdict.kind == "other" and frameworks.has_its_own_server(verdict.framework):
            words.append(f"{name} is made for {verdict.framework}'s own server, not WSGI")
        elif verdict.kind == "arguments" and name in FACTORY_NAMES:
            plural = "s" if verdict.required > 1 else ""
            words.append(f"{name} is a factory that needs {verdict.required} argument{plural}")
    return tuple(words)
