"""The rules for the usual form of a project: usual file names, its own package, and a scan of the rest.

This module knows the usual names of files, and no frameworks; ``target.pick`` chooses a name in a module. Runs in the
supervisor and in commands.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.discovery.asgi_applications import AsgiError, named_in_text
from appliance.discovery.entrypoints import declared_entry_points
from appliance.discovery.rules import django
from appliance.discovery.rules.project_package import package_names, read_pyproject
from appliance.discovery.rules.script_file import (
    asgi_target,
    console_target,
    refused_script,
    registers_with_hug,
    script_target,
)
from appliance.discovery.rules.starter import starter
from appliance.discovery.rules.target_forms import explicit_target
from appliance.discovery.source.verdict import Verdict
from appliance.discovery.started_server import is_django_in_one_file, started_server
from appliance.discovery.target import (
    FACTORY_NAMES,
    OBJECT_NAMES,
    Candidate,
    Context,
    Finding,
    RuleResult,
    Target,
    describe,
    pick,
    search_path,
    target_of,
)
from appliance.errors import ApplicationError
from appliance.identity.folder import has_file
from appliance.plural import counted
from appliance.protocol.record import Record, replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.discovery.source.source import Source

FILES = ("wsgi", "app", "main", "run", "application", "server", "web", "api", "index", "passenger_wsgi", "flask_app")
_NEAR = 2  # levels of folders
_MAX_DEPTH = 4  # backend/src/shop/app.py
_MAKES_PROJECTS = re.compile(r"(?:create|start|new|init)[-_]?project|-project\Z")  # as django-admin does
_SHEBANG = re.compile(rb"#!.*\bpython")
_MAX_SHEBANG = 256  # Linux's own limit
_IS_PART_OF_TESTS = re.compile(r"^test_|_test\.py$|^conftest\.py$|^setup\.py$")
IS_TEST = re.compile(r"^test_|_test\.py$|^tests?\.py$|^conftest\.py$|^setup\.py$")


class _Found(Record):
    source: Source
    best: Candidate
    script: Target | None


def usual_files_rule(context: Context) -> RuleResult:
    """Look at ``wsgi.py``, ``app.py`` and similar names, and ``*.wsgi``, in the root and in ``src/``."""
    files = list(_usual_files(context))
    ruling = _first(context, "Usual file names", files, ", ".join(f"{name}.py" for name in FILES[:6]))
    if ruling.target is None or ruling.target.kind != "object":
        return ruling
    # app/ has the application, and run.py beside it makes its tables and serves it: run it as its author does.
    module = ruling.target.module.partition(".")[0]
    for file in files:
        source = context.modules.source(file)
        script = script_target(context, source, pick(context.modules, source)) if module in source.imports else None
        if script is not None and str(file) != ruling.target.file:
            return RuleResult(
                (*ruling.findings[:-1], Finding("Usual file names", context.name(file), script.why, "chosen")), script
            )
    # app/ has the factory, and flasky.py beside it calls it with its author's configuration.
    started = _with_starter(context, ruling) if ruling.target.file.endswith("/__init__.py") else ruling
    if started.target is None or started is ruling:
        return ruling
    starts = context.modules.source(Path(started.target.file)).text
    return ruling if re.search(rf"\b{ruling.target.attribute}\(\s*\)", starts) else started


def package_rule(context: Context) -> RuleResult:
    """Look at the package that pyproject.toml, setup.cfg or setup.py names, and the usual files in it."""
    names = package_names(context.root)
    files: list[Path] = []
    for name in names:
        file = context.modules.find(name)
        if file is None:
            continue
        if file.name == "__init__.py":
            stems = (*FILES, file.parent.name, "__main__")
            files += [path for stem in stems if (path := file.parent / f"{stem}.py").is_file()]
        files.append(file)
    looked_at = ", ".join(names) or "pyproject.toml, setup.cfg, setup.py"
    return _with_starter(context, _first(context, "The project's own package", files, looked_at))


def _with_starter(context: Context, ruling: RuleResult) -> RuleResult:
    """Return the ruling for the file that calls the factory of this one as its author does; without any, this one."""
    target = ruling.target
    if target is None or target.kind != "object" or target.call != "yes" or "." in target.attribute:
        return ruling  # an instance, web.py's app.wsgifunc() too
    started = starter(context, target)
    if started is None:
        return ruling
    passed = replace(ruling.findings[-1], outcome="passed over")
    return replace(started, findings=(*ruling.findings[:-1], passed, *started.findings))


def console_rule(context: Context) -> RuleResult:
    """Look at the console scripts that serve, and at commands in the root; the last rule: most need arguments."""
    rule = "The project's console scripts"
    for name, text in declared_entry_points(context.root, read_pyproject(context.root), "console_scripts").items():
        module, _, function = text.partition(":")
        if _MAKES_PROJECTS.search(name) or _MAKES_PROJECTS.search(function):
            continue
        target = console_target(context, name, module.strip(), function.strip())
        if target is not None:
            return RuleResult((Finding(rule, f"{name} = {text}", target.why, "chosen"),), target)
    for file in _commands(context):
        target = script_target(context, context.modules.source(file), Candidate())
        if target is not None:
            return RuleResult((Finding(rule, context.name(file), target.why, "chosen"),), target)
    return RuleResult((Finding(rule, "pyproject.toml, setup.cfg, setup.py", "none serves WSGI", "nothing"),))


def _commands(context: Context) -> Iterable[Path]:
    """Yield the root's files without a suffix that start with a Python shebang: setup's ``scripts=``."""
    for file in sorted(context.root.iterdir()):
        if not file.suffix and not file.name.startswith(".") and file.is_file():
            with contextlib.suppress(OSError), file.open("rb") as stream:
                if _SHEBANG.match(stream.readline(_MAX_SHEBANG)):
                    yield file


def scan_rule(context: Context) -> RuleResult:
    """Look at every module near the root, then deeper ones, for the one that binds an application or a factory."""
    near = _scan(context, _NEAR)
    if near.target or near.weak or near.tied or near.refused:
        return near
    if all(IS_TEST.search(file.name) for file in context.modules.files(_MAX_DEPTH)):
        return _scan(context, _NEAR, tests=True)  # a first project is often called "test"
    whole = _scan(context, _MAX_DEPTH, seen=frozenset(context.modules.files(_NEAR)))
    if whole.target or whole.weak or whole.tied or whole.refused or whole.asgi or package_names(context.root):
        return whole
    return _scan(context, _MAX_DEPTH, packaged=True)


def _scan(
    context: Context, depth: int, *, tests: bool = False, packaged: bool = False, seen: frozenset[Path] = frozenset()
) -> RuleResult:
    """Look at the modules down to this depth; ``seen``: those that an earlier scan has found nothing in."""
    rule = "A scan of every module"
    passed_over = _IS_PART_OF_TESTS if tests else IS_TEST
    found = []
    reexported = []
    weak: Target | None = None
    refused: list[str] = []
    tied: tuple[str, ...] = ()
    asgi: list[_Found] = []
    count = 0
    for file in context.modules.files(depth, tests=tests):
        if passed_over.search(file.name):
            continue
        count += 1
        if file in seen:
            continue
        source = context.modules.source(file)
        best = pick(context.modules, source, own=True)
        script = script_target(context, source, best) if _may_be_run(context, source, packaged=packaged) else None
        if script or (best.name and not _is_part_of_a_library(file, best)):
            found.append(_Found(source, best, script))
            continue
        if not best.name and registers_with_hug(source):
            found.append(_Found(source, Candidate("__hug_wsgi__", Verdict("wsgi", "Hug")), None))
            continue
        reexported += _reexported(context, source)
        asgi += _asgi(context, source, best)
        if weak is None and best.weak and file.stem in FILES and _may_be_weak(context, file):
            why = f"{context.name(file)} binds {best.weak}, a usual name, and nothing else was found."
            weak = target_of(context, source, best.weak, Verdict("unknown"), why)
        refused += [f"{context.name(file)}: {reason}" for reason in best.refused]
        refused += filter(None, [refused_script(context, source)])
        tied = tied or tuple(f"{context.name(file)}:{name}" for name in best.tied)
    looked_at = counted(count, "file")
    for fits, those in ((_instances, found), (_factories, found), (_any, reexported)):
        some = _narrow([one for one in those if fits(one)])
        if len(some) == 1:
            target, finding = _choose(context, rule, some[0])
            return RuleResult((finding,), target)
        if some:
            names = tuple(f"{context.name(one.source.file)}:{one.best.name or ''}".rstrip(":") for one in some)
            return RuleResult((Finding(rule, looked_at, f"several: {', '.join(names)}", "passed over"),), tied=names)
    text = "; ".join(refused) or (f"several: {', '.join(tied)}" if tied else "no application")
    outcome = Finding(rule, looked_at, text, "passed over" if refused or tied else "nothing")
    return RuleResult((outcome,), None, weak, tied, tuple(refused), _best_asgi(context, asgi))


def _usual_files(context: Context) -> Iterable[Path]:
    # A project in src/ often has its wsgi.py or manage.py above it: the root comes first.
    for folder in context.modules.roots[:2]:
        for name in FILES:
            for file in (folder / f"{name}.py", folder / name / "__init__.py"):
                if has_file(file):
                    yield file
    yield from sorted(context.root.glob("*.wsgi"))


def _first(context: Context, rule: str, files: Iterable[Path], looked_at: str) -> RuleResult:
    """Choose the first file with an application; keep what is doubtful or can't be served for the end."""
    findings: list[Finding] = []
    weak: Target | None = None
    tied: tuple[str, ...] = ()
    refused: list[str] = []
    asgi: list[_Found] = []
    for file in files:
        source = context.modules.source(file)
        best = pick(context.modules, source)
        script = script_target(context, source, best)
        if best.name or script:
            target, finding = _choose(context, rule, _Found(source, best, script))
            return RuleResult((*findings, finding), target)
        findings.append(Finding(rule, context.name(file), _describe_pick(source, best), "passed over"))
        tied = tied or tuple(f"{context.name(file)}:{name}" for name in best.tied)
        refused += [f"{context.name(file)}: {reason}" for reason in best.refused]
        refused += filter(None, [refused_script(context, source)])
        if weak is None:
            asgi += _asgi(context, source, best)
        if asgi:
            continue  # the ASGI application is certain, and the rest would be doubtful
        if weak is None and source.problem:
            why = f"{context.name(file)} can't be parsed, and nothing else was found: its import shows the error."
            weak = target_of(context, source, "", Verdict("unknown"), why)
        elif weak is None and best.weak:
            why = f"{context.name(file)} binds {best.weak}, a usual name, and nothing else was found."
            weak = target_of(context, source, best.weak, Verdict("unknown"), why)
    if not findings:
        findings.append(Finding(rule, looked_at, "there is none", "nothing"))
    return RuleResult(tuple(findings), None, weak, tied, tuple(refused), _best_asgi(context, asgi[:1]))


def _asgi(context: Context, source: Source, best: Candidate) -> list[_Found]:
    """Return the ASGI application of a module, or the ASGI server that it starts."""
    if best.asgi is not None:
        name, verdict = best.asgi
        return [_Found(source, replace(best, name=name, verdict=verdict), None)]
    if not _may_be_run(context, source):
        return []
    named = named_in_text(source.text)
    if named:  # ``uvicorn.run("shop.api:app")``, in a file whose purpose is to start it
        try:
            explicit_target(context, named, context.name(source.file))
        except AsgiError as error:
            return [_Found(source, best, error.target)]
        except ApplicationError:
            return []
    script = asgi_target(context, source)
    return [_Found(source, best, script)] if script is not None else []


def _best_asgi(context: Context, found: list[_Found]) -> tuple[Target, ...]:
    """Prefer instances to factories and scripts; then narrow them as for WSGI."""
    instances = [one for one in found if one.script is None and not one.best.verdict.call]
    factories = [one for one in found if one.script is None and one.best.verdict.call]
    best = _narrow(next(filter(None, (instances, factories, found)), []))
    return tuple(_choose(context, "ASGI", one)[0] for one in best)


def _may_be_weak(context: Context, file: Path) -> bool:
    """Whether a usual name is enough: not deep in a package, where it is only a part, except in a ``wsgi`` package."""
    deep = all((folder / "__init__.py").is_file() for folder in (file.parent, file.parent.parent))
    return not deep or "wsgi" in {file.parent.name, file.stem} or not package_names(context.root)


def _is_part_of_a_library(file: Path, best: Candidate) -> bool:
    """Whether a callable of (environ, start_response) is only a part of a package: no usual name."""
    names = {*OBJECT_NAMES, *FACTORY_NAMES, "wsgi_app", "wsgi", "main"}
    packaged = file.name == "__init__.py" or (file.parent / "__init__.py").is_file()
    return packaged and best.verdict.framework == "WSGI" and best.name not in names and file.stem not in FILES


def _reexported(context: Context, source: Source) -> list[_Found]:
    """Return the usual names that a package imports, to offer them: ``from .application import make_app``."""
    if source.file.name != "__init__.py":
        return []
    best = pick(context.modules, source)
    return [_Found(source, best, None)] if best.name in {*OBJECT_NAMES, *FACTORY_NAMES} else []


def _may_be_run(context: Context, source: Source, *, packaged: bool = False) -> bool:
    """Whether running a file may be right: not for a module of a package, unless it is written as a script.

    Then it imports its siblings by their names alone, or serves when it is imported. ``packaged``: run others too.
    """
    file = source.file
    if file.name == "manage.py" and not is_django_in_one_file(source):
        return False
    alone = source.module == file.stem or not (file.parent / "__init__.py").is_file()
    if file.name == "__main__.py" or file.parent == context.root or alone or packaged:
        return True
    server = started_server(context.modules, source) if source.calls else None
    return server is not None and server.on_import


def _choose(context: Context, rule: str, found: _Found) -> tuple[Target, Finding]:
    source, name, verdict = found.source, found.best.name or "", found.best.verdict
    if found.script is not None:
        return found.script, Finding(rule, context.name(source.file), found.script.why, "chosen")
    text = describe(context, source, name, verdict)
    target = target_of(context, source, name, verdict, f"{text}.")
    settings = django.settings_named_in(source) if verdict.framework == "Django" and verdict.kind == "wsgi" else ""
    if settings:
        # A Django wsgi.py without a manage.py is a whole Django project too.
        environ = {} if context.values.get("DJANGO_SETTINGS_MODULE") else {"DJANGO_SETTINGS_MODULE": settings}
        module, first = context.modules.name_of(source.file)
        path = search_path(context.root, first)
        target = Target("django", module, str(source.file), name, "no", path, environ, "Django", f"{text}.")
    return target, Finding(rule, context.name(source.file), text, "chosen")


def _describe_pick(source: Source, best: Candidate) -> str:
    if source.problem:
        return f"it can't be parsed: {source.problem}"
    if best.tied:
        return f"several: {', '.join(best.tied)}"
    if best.refused:
        return "; ".join(best.refused)
    return f"{best.weak} may be one, by its name" if best.weak else "no application"


def _instances(found: _Found) -> bool:
    return found.script is not None or found.best.verdict.kind == "wsgi"


def _factories(found: _Found) -> bool:
    return found.best.verdict.kind == "factory"


def _any(_found: _Found) -> bool:
    return True


def _narrow(found: list[_Found]) -> list[_Found]:
    """Choose the one that serves itself when it runs, else the shallowest; return all if that is not one."""
    for better in (
        [one for one in found if one.script or one.best.name in one.source.served],
        [one for one in found if len(one.source.file.parts) == min(len(other.source.file.parts) for other in found)],
    ):
        if len(better) == 1:
            return better
    return found
