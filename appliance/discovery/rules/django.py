"""The rules for Django: a ``manage.py`` that sets DJANGO_SETTINGS_MODULE, another file that does, settings alone.

This module knows Django's layout, not how a target is served. Runs in the supervisor and in commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.discovery.rules.django_settings import KEY, NOT_FOR_DEVELOPMENT, named_in, rank
from appliance.discovery.source.modules import module_in, text_of
from appliance.discovery.target import Context, Finding, RuleResult, Target, search_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from appliance.discovery.source.source import Source

RULE = "Django's manage.py"
UNMANAGED = "Django without a manage.py"
_CLASS = "DJANGO_CONFIGURATION"
_RUNS = "execute_from_command_line"
_MAX_DEPTH = 2


def django_rule(context: Context) -> RuleResult:
    """Find the Django project below the root, the shallowest ``manage.py`` first."""
    findings: list[Finding] = []
    for file in context.modules.files(_MAX_DEPTH):
        if file.name != "manage.py":
            continue
        source = context.modules.source(file)
        if not _is_djangos(source):
            findings.append(Finding(RULE, context.name(file), "it is not Django's", "passed over"))
            continue
        settings, how = _settings(context, file, source)
        if not settings:
            findings.append(
                Finding(RULE, context.name(file), "it is Django's, but no settings module was found", "passed over")
            )
            continue
        target = _managed(context, file, settings, how)
        found = f"settings {settings} ({how}), application {target.module or 'made from the settings'}"
        findings.append(Finding(RULE, context.name(file), found, "chosen"))
        return RuleResult(tuple(findings), target)
    if not findings:
        findings.append(Finding(RULE, "manage.py", "there is none", "nothing"))
    return RuleResult(tuple(findings))


def managed_target(context: Context, file: Path) -> Target | None:
    """Return the project of a ``manage.py``; None if it is not Django's, or its settings can't be found."""
    source = context.modules.source(file)
    settings, how = _settings(context, file, source) if _is_djangos(source) else ("", "")
    return _managed(context, file, settings, how) if settings else None


def unmanaged_rule(context: Context) -> RuleResult:
    """Find a Django project without a ``manage.py``: another file that manages it, or its settings alone."""
    target = _managed_by_another(context) or _settings_alone(context)
    if target is None:
        return RuleResult((Finding(UNMANAGED, "files that run its commands, settings", "there are none", "nothing"),))
    return RuleResult((Finding(UNMANAGED, target.name, target.why, "chosen"),), target)


def _managed_by_another(context: Context) -> Target | None:
    """Find a file for ``python -m shop``, or of a console script, that runs Django's commands."""
    for file in context.modules.files(_MAX_DEPTH + 1):
        if file.name == "manage.py" or NOT_FOR_DEVELOPMENT.search(file.stem) or _RUNS not in text_of(file):
            continue
        source = context.modules.source(file)
        settings, how = _settings(context, file, source) if KEY in source.text else ("", "")
        if settings and _folder_of(context, file, settings) is not None:
            return _managed(context, file, settings, how)
    return None


def _settings_alone(context: Context) -> Target | None:
    """Find settings whose URLs are in the project; None if several projects have some."""
    found: list[tuple[Path, str, Path]] = []
    for file in _settings_files(context, context.root):
        module, folder = context.modules.name_of(file)
        urls = setting_of(context, folder, module, "ROOT_URLCONF")
        if urls and context.modules.find(urls, folder) is not None:
            found.append((file, module, folder))
    if len({file.parent for file, _, _ in found}) != 1:
        return None
    file, module, folder = found[0]
    why = f"{context.name(file)} is Django's settings, and no file that runs its commands was found."
    return _target(context, folder, module, "", why)


def _folder_of(context: Context, file: Path, module: str) -> Path | None:
    """Return the folder that ``file`` imports a module from; None if the module does not exist."""
    above = context.root if file.parent == context.root else file.parent.parent
    folders = (file.parent, context.modules.name_of(file)[1], above, *context.modules.roots)
    return next((folder for folder in folders if module_in(folder, module.split("."))), None)


def _managed(context: Context, file: Path, settings: str, how: str) -> Target:
    why = f"{context.name(file)} is Django's; its settings are {settings} ({how})."
    # django-configurations: the class of settings to use.
    classes = [] if context.values.get(_CLASS) else named_in(context.modules.source(file), context.values, _CLASS)
    more = {_CLASS: min(classes, key=lambda name: rank(name.lower()))} if classes else {}
    return _target(context, _folder_of(context, file, settings) or file.parent, settings, how, why, more)


def settings_named_in(source: Source) -> str:
    """Return the settings module that a file, such as ``wsgi.py``, sets as the default."""
    return next(iter(named_in(source, {})), "")


def _is_djangos(source: Source) -> bool:
    if source.problem:
        return KEY in source.text or "django" in source.text
    return "django" in source.imports or KEY in source.text


def _settings(context: Context, file: Path, source: Source) -> tuple[str, str]:
    """Return the settings module, and how it is known."""
    given = context.values.get(KEY)
    if given:
        return given, f"{KEY} is set"
    named = named_in(source, context.values)
    there = [name for name in named if _folder_of(context, file, name)]
    if there or len(named) == 1:
        best = min(there or named, key=lambda name: rank(name.rpartition(".")[2]))
        return _in_empty_package(context, file, best) or (best, f"{file.name} names them")
    for candidate in _settings_files(context, file.parent):
        parts = candidate.relative_to(file.parent).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        return module, f"found in {context.name(candidate)}, because {file.name} names none"
    return "", ""


def _in_empty_package(context: Context, file: Path, settings: str) -> tuple[str, str] | None:
    """Return the most likely settings in a package without any of its own; None if it has some, or is a module.

    Developers of such a project set the variable, in a compose file for example.
    """
    package = context.modules.find(settings, _folder_of(context, file, settings))
    source = context.modules.source(package) if package is not None and package.name == "__init__.py" else None
    if package is None or source is None or source.problem or source.values or source.stars or source.calls:
        return None
    for candidate in _settings_files(context, package.parent):
        if candidate != package:
            inner = ".".join(candidate.relative_to(package.parent).with_suffix("").parts)
            return f"{settings}.{inner}", f"found in {context.name(candidate)}, because {settings} has none"
    return None


def _settings_files(context: Context, folder: Path) -> Iterator[Path]:
    """Return files that look like Django's settings, the most likely first."""
    found: list[tuple[int, int, str, Path]] = []
    for file in context.modules.files(_MAX_DEPTH + 2):
        if folder not in file.parents:
            continue
        in_package = file.parent.name in {"settings", "conf", "config"}
        if file.stem != "settings" and not in_package:
            continue
        text = context.modules.source(file).text
        if not any(sign in text for sign in ("INSTALLED_APPS", "ROOT_URLCONF", "import *")):
            continue
        found.append((rank(file.stem), len(file.parts), str(file), file))
    return (file for _, _, _, file in sorted(found))


def _target(
    context: Context, folder: Path, settings: str, how: str, why: str, more: Mapping[str, str] | None = None
) -> Target:
    module = setting_of(context, folder, settings, "WSGI_APPLICATION")
    name, _, attribute = module.rpartition(".")
    file = context.modules.find(name, folder) if name else None
    if file is None and name:
        why = f"{why} WSGI_APPLICATION is {module}, which is not in the project."
    environ = {**({} if how == f"{KEY} is set" else {KEY: settings}), **(more or {})}
    return Target(
        "django",
        name,
        str(file) if file else "",
        attribute or "application",
        "no",
        search_path(context.root, folder),
        environ=environ,
        framework="Django",
        why=why,
    )


def setting_of(context: Context, folder: Path, settings: str, name: str, depth: int = 0) -> str:
    """Return a text of a settings module, or of a module that it imports with ``*``; empty if there is none."""
    file = context.modules.find(settings, folder)
    if file is None or depth > 4:
        return ""
    source = context.modules.source(file, settings)
    value = source.values.get(name)
    if value is not None:
        return value.name if value.kind == "text" else ""
    for star in reversed(source.stars):
        found = setting_of(context, folder, star, name, depth + 1)
        if found:
            return found
    return ""
