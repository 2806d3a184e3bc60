"""The rules for what a project looks like: usual file names, its own package, and a scan of the rest.

Owns the usual names of files. Must not know what a framework is; a module's best name is ``target.pick``'s. Runs in the
appliance's own interpreter.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.discovery.asgi_applications import AsgiError, named_in_text
from appliance.discovery.entrypoints import declared_entry_points
from appliance.discovery.rules import django
from appliance.discovery.rules.explicit import explicit_target
from appliance.discovery.rules.own_package import package_names, read_pyproject
from appliance.discovery.rules.script_file import (
    asgi_target,
    console_target,
    refused_script,
    registers_with_hug,
    script_target,
)
from appliance.discovery.rules.starter import starter
from appliance.discovery.serving import is_django_in_one_file
from appliance.discovery.source.verdict import Verdict
from appliance.discovery.target import (
    FACTORY_NAMES,
    OBJECT_NAMES,
    Finding,
    Look,
    Pick,
    Ruling,
    Target,
    describe,
    pick,
    search_path,
    target_of,
)
from appliance.errors import ApplicationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from appliance.discovery.source.source import Source

FILES = ("wsgi", "app", "main", "run", "application", "server", "web", "api", "index", "passenger_wsgi", "flask_app")
_DEEP_ENOUGH = 2
_DEEPEST = 4  # backend/src/shop/app.py
_MAKES_PROJECTS = re.compile(r"(?:create|start|new|init)[-_]?project|-project\Z")  # as django-admin does
_SHEBANG = re.compile(rb"#!.*\bpython")
_LONGEST_SHEBANG = 256  # Linux's own limit
_IS_PART_OF_TESTS = re.compile(r"^test_|_test\.py$|^conftest\.py$|^setup\.py$")
_IS_TEST = re.compile(r"^test_|_test\.py$|^tests?\.py$|^conftest\.py$|^setup\.py$")


@dataclass(frozen=True)
class _Found:
    source: Source
    best: Pick
    script: Target | None


def usual_files_rule(look: Look) -> Ruling:
    """``wsgi.py``, ``app.py`` and their kin, and ``*.wsgi``, in the root and in ``src/``."""
    files = list(_usual_files(look))
    ruling = _first(look, "Usual file names", files, ", ".join(f"{name}.py" for name in FILES[:6]))
    if ruling.target is None or ruling.target.kind != "object":
        return ruling
    # app/ has the application, and run.py beside it makes its tables before it serves it: as its author runs it.
    module = ruling.target.module.partition(".")[0]
    for file in files:
        source = look.modules.source(file)
        script = script_target(look, source, pick(look.modules, source)) if module in source.imports else None
        if script is not None and str(file) != ruling.target.file:
            return Ruling(
                (*ruling.findings[:-1], Finding("Usual file names", look.name(file), script.why, "chosen")), script
            )
    return ruling


def package_rule(look: Look) -> Ruling:
    """The package that pyproject.toml, setup.cfg or setup.py names, and the usual files in it."""
    names = package_names(look.root)
    files: list[Path] = []
    for name in names:
        file = look.modules.find(name)
        if file is None:
            continue
        if file.name == "__init__.py":
            stems = (*FILES, file.parent.name, "__main__")
            files += [path for stem in stems if (path := file.parent / f"{stem}.py").is_file()]
        files.append(file)
    looked_at = ", ".join(names) or "pyproject.toml, setup.cfg, setup.py"
    ruling = _first(look, "The project's own package", files, looked_at)
    target = ruling.target
    if target is None or target.kind != "object" or target.call != "yes" or "." in target.attribute:
        return ruling  # an instance, web.py's app.wsgifunc() too
    started = starter(look, target)
    if started is None:
        return ruling
    passed = replace(ruling.findings[-1], outcome="passed over")
    return replace(started, findings=(*ruling.findings[:-1], passed, *started.findings))


def console_rule(look: Look) -> Ruling:
    """The console script that serves, or a command in the root; the last rule, for most want arguments."""
    rule = "The project's console scripts"
    for name, text in declared_entry_points(look.root, read_pyproject(look.root), "console_scripts").items():
        module, _, function = text.partition(":")
        if _MAKES_PROJECTS.search(name) or _MAKES_PROJECTS.search(function):
            continue
        target = console_target(look, name, module.strip(), function.strip())
        if target is not None:
            return Ruling((Finding(rule, f"{name} = {text}", target.why, "chosen"),), target)
    for file in _commands(look):
        target = script_target(look, look.modules.source(file), Pick())
        if target is not None:
            return Ruling((Finding(rule, look.name(file), target.why, "chosen"),), target)
    return Ruling((Finding(rule, "pyproject.toml, setup.cfg, setup.py", "none serves WSGI", "nothing"),))


def _commands(look: Look) -> Iterable[Path]:
    """Files of the root that have no suffix and name Python as what runs them: setup's ``scripts=``."""
    for file in sorted(look.root.iterdir()):
        if not file.suffix and not file.name.startswith(".") and file.is_file():
            with contextlib.suppress(OSError), file.open("rb") as stream:
                if _SHEBANG.match(stream.readline(_LONGEST_SHEBANG)):
                    yield file


def scan_rule(look: Look) -> Ruling:
    """Every module near the root, then those further below: the one that binds an application, or a factory of one."""
    near = _scan(look, _DEEP_ENOUGH)
    if near.target or near.weak or near.tied or near.refused:
        return near
    if all(_IS_TEST.search(file.name) for file in look.modules.files(_DEEPEST)):
        return _scan(look, _DEEP_ENOUGH, tests=True)  # a first project is called "test" as often as not
    return _scan(look, _DEEPEST)


def _scan(look: Look, depth: int, *, tests: bool = False) -> Ruling:
    rule = "A look into every module"
    passed_over = _IS_PART_OF_TESTS if tests else _IS_TEST
    found = []
    passed_on = []
    weak: Target | None = None
    refused: list[str] = []
    tied: tuple[str, ...] = ()
    asgi: list[_Found] = []
    count = 0
    for file in look.modules.files(depth, tests=tests):
        if passed_over.search(file.name):
            continue
        source = look.modules.source(file)
        count += 1
        best = pick(look.modules, source, own=True)
        script = script_target(look, source, best) if _may_be_run(look, file) else None
        if script or (best.name and not _is_part_of_a_library(file, best)):
            found.append(_Found(source, best, script))
            continue
        if not best.name and registers_with_hug(source):
            found.append(_Found(source, Pick("__hug_wsgi__", Verdict("wsgi", "Hug")), None))
            continue
        passed_on += _passed_on(look, source)
        asgi += _asgi(look, source, best)
        if weak is None and best.weak and file.stem in FILES and _may_be_weak(look, file):
            why = f"{look.name(file)} binds {best.weak}, a usual name, and nothing else was found."
            weak = target_of(look, source, best.weak, Verdict("unknown"), why)
        refused += [f"{look.name(file)}: {words}" for words in best.refused]
        refused += filter(None, [refused_script(look, source)])
        tied = tied or tuple(f"{look.name(file)}:{name}" for name in best.tied)
    looked_at = f"{count} files"
    for fits, those in ((_instances, found), (_factories, found), (_any, passed_on)):
        some = _narrow([one for one in those if fits(one)])
        if len(some) == 1:
            target, finding = _choose(look, rule, some[0])
            return Ruling((finding,), target)
        if some:
            names = tuple(f"{look.name(one.source.file)}:{one.best.name or ''}".rstrip(":") for one in some)
            return Ruling((Finding(rule, looked_at, f"several: {', '.join(names)}", "passed over"),), tied=names)
    words = "; ".join(refused) or (f"several: {', '.join(tied)}" if tied else "no application")
    outcome = Finding(rule, looked_at, words, "passed over" if refused or tied else "nothing")
    return Ruling((outcome,), None, weak, tied, tuple(refused), _best_asgi(look, asgi))


def _usual_files(look: Look) -> Iterable[Path]:
    # A project in src/ keeps a wsgi.py or a manage.py above it as often as not: the root first.
    for folder in look.modules.roots[:2]:
        for name in FILES:
            for file in (folder / f"{name}.py", folder / name / "__init__.py"):
                if file.is_file():
                    yield file
    yield from sorted(look.root.glob("*.wsgi"))


def _first(look: Look, rule: str, files: Iterable[Path], looked_at: str) -> Ruling:
    """The first file that holds one; what is doubtful or can't be served is kept for the end."""
    findings: list[Finding] = []
    weak: Target | None = None
    tied: tuple[str, ...] = ()
    refused: list[str] = []
    asgi: list[_Found] = []
    for file in files:
        source = look.modules.source(file)
        best = pick(look.modules, source)
        script = script_target(look, source, best)
        if best.name or script:
            target, finding = _choose(look, rule, _Found(source, best, script))
            return Ruling((*findings, finding), target)
        findings.append(Finding(rule, look.name(file), _words(source, best), "passed over"))
        tied = tied or tuple(f"{look.name(file)}:{name}" for name in best.tied)
        refused += [f"{look.name(file)}: {words}" for words in best.refused]
        refused += filter(None, [refused_script(look, source)])
        if weak is None:
            asgi += _asgi(look, source, best)
        if asgi:
            continue  # certain, where the rest would be doubtful
        if weak is None and source.problem:
            why = f"{look.name(file)} can't be parsed, and nothing else was found: its import shows where."
            weak = target_of(look, source, "", Verdict("unknown"), why)
        elif weak is None and best.weak:
            why = f"{look.name(file)} binds {best.weak}, a usual name, and nothing else was found."
            weak = target_of(look, source, best.weak, Verdict("unknown"), why)
    if not findings:
        findings.append(Finding(rule, looked_at, "there is none", "nothing"))
    return Ruling(tuple(findings), None, weak, tied, tuple(refused), _best_asgi(look, asgi[:1]))


def _asgi(look: Look, source: Source, best: Pick) -> list[_Found]:
    """The ASGI application of a module, or the ASGI server that it starts."""
    if best.asgi is not None:
        name, verdict = best.asgi
        return [_Found(source, replace(best, name=name, verdict=verdict), None)]
    if not _may_be_run(look, source.file):
        return []
    named = named_in_text(source.text)
    if named:  # ``uvicorn.run("shop.api:app")``, in a file that is there to start it
        try:
            explicit_target(look, named, look.name(source.file))
        except AsgiError as error:
            return [_Found(source, best, error.target)]
        except ApplicationError:
            return []
    script = asgi_target(look, source)
    return [_Found(source, best, script)] if script is not None else []


def _best_asgi(look: Look, found: list[_Found]) -> tuple[Target, ...]:
    """Of several the instances before the factories and the scripts, then as for WSGI."""
    instances = [one for one in found if one.script is None and not one.best.verdict.call]
    factories = [one for one in found if one.script is None and one.best.verdict.call]
    best = _narrow(next(filter(None, (instances, factories, found)), []))
    return tuple(_choose(look, "ASGI", one)[0] for one in best)


def _may_be_weak(look: Look, file: Path) -> bool:
    """Whether a usual name is enough: deep in what is packaged it is a part, but for what a package ``wsgi`` holds."""
    deep = all((folder / "__init__.py").is_file() for folder in (file.parent, file.parent.parent))
    return not deep or "wsgi" in {file.parent.name, file.stem} or not package_names(look.root)


def _is_part_of_a_library(file: Path, best: Pick) -> bool:
    """Something that takes (environ, start_response) is one of many parts in a package, unless its name says more."""
    names = {*OBJECT_NAMES, *FACTORY_NAMES, "wsgi_app", "wsgi", "main"}
    packaged = file.name == "__init__.py" or (file.parent / "__init__.py").is_file()
    return packaged and best.verdict.framework == "WSGI" and best.name not in names and file.stem not in FILES


def _passed_on(look: Look, source: Source) -> list[_Found]:
    """What a package imports under a usual name, to be had from it: ``from .application import make_app``."""
    best = pick(look.modules, source)
    usual = source.file.name == "__init__.py" and best.name in {*OBJECT_NAMES, *FACTORY_NAMES}
    return [_Found(source, best, None)] if usual else []


def _may_be_run(look: Look, file: Path) -> bool:
    """A module within a package is the package's business, whatever it does under ``__main__``."""
    if file.name == "manage.py" and not is_django_in_one_file(look.modules.source(file)):
        return False
    return file.name == "__main__.py" or file.parent == look.root or not (file.parent / "__init__.py").is_file()


def _choose(look: Look, rule: str, found: _Found) -> tuple[Target, Finding]:
    source, name, verdict = found.source, found.best.name or "", found.best.verdict
    if found.script is not None:
        return found.script, Finding(rule, look.name(source.file), found.script.why, "chosen")
    words = describe(look, source, name, verdict)
    target = target_of(look, source, name, verdict, f"{words}.")
    settings = django.settings_named_in(source) if verdict.framework == "Django" and verdict.kind == "wsgi" else ""
    if settings:
        # A wsgi.py of Django's without a manage.py: whole Django all the same.
        environ = {} if look.values.get("DJANGO_SETTINGS_MODULE") else {"DJANGO_SETTINGS_MODULE": settings}
        module, first = look.modules.name_of(source.file)
        path = search_path(look.root, first)
        target = Target("django", module, str(source.file), name, "no", path, environ, "Django", f"{words}.")
    return target, Finding(rule, look.name(source.file), words, "chosen")


def _words(source: Source, best: Pick) -> str:
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
    """Of several: the one that serves itself when it is run, else the shallowest."""
    for better in (
        [one for one in found if one.script or one.best.name in one.source.served],
        [one for one in found if len(one.source.file.parts) == min(len(other.source.file.parts) for other in found)],
    ):
        if len(better) == 1:
            return better
    return found
