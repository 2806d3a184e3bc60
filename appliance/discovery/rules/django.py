"""The rules for Django: a ``manage.py`` that sets DJANGO_SETTINGS_MODULE, another file that does, settings alone.

Owns what is known of Django's layout. Must not know how a target is served. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.discovery.rules.django_settings import KEY, NOT_FOR_DEVELOPMENT, named_in, rank
from appliance.discovery.source.modules import module_in
from appliance.discovery.target import Finding, Look, Ruling, Target, search_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from appliance.discovery.source.source import Source

RULE = "Django's manage.py"
UNMANAGED = "Django without a manage.py"
_CLASS = "DJANGO_CONFIGURATION"
_RUNS = "execute_from_command_line"
_DEEP_ENOUGH = 2


def django_rule(look: Look) -> Ruling:
    """Find Django's project below the root, the shallowest ``manage.py`` first."""
    findings: list[Finding] = []
    for file in look.modules.files(_DEEP_ENOUGH):
        if file.name != "manage.py":
            continue
        source = look.modules.source(file)
        if not _is_djangos(source):
            findings.append(Finding(RULE, look.name(file), "it is not Django's", "passed over"))
            continue
        settings, how = _settings(look, file, source)
        if not settings:
            findings.append(
                Finding(RULE, look.name(file), "it is Django's; no settings module was found", "passed over")
            )
            continue
        target = _managed(look, file, settings, how)
        found = f"settings {settings} ({how}), application {target.module or 'made from the settings'}"
        findings.append(Finding(RULE, look.name(file), found, "chosen"))
        return Ruling(tuple(findings), target)
    if not findings:
        findings.append(Finding(RULE, "manage.py", "there is none", "nothing"))
    return Ruling(tuple(findings))


def managed_target(look: Look, file: Path) -> Target | None:
    """What a ``manage.py`` manages; None where it is not Django's, or its settings can't be seen."""
    source = look.modules.source(file)
    settings, how = _settings(look, file, source) if _is_djangos(source) else ("", "")
    return _managed(look, file, settings, how) if settings else None


def unmanaged_rule(look: Look) -> Ruling:
    """Find a Django project without a ``manage.py``: another file that manages it, or its settings alone."""
    target = _managed_by_another(look) or _settings_alone(look)
    if target is None:
        return Ruling((Finding(UNMANAGED, "files that run its commands, settings", "there are none", "nothing"),))
    return Ruling((Finding(UNMANAGED, target.name, target.why, "chosen"),), target)


def _managed_by_another(look: Look) -> Target | None:
    """By ``python -m shop``, or what a console script calls."""
    for file in look.modules.files(_DEEP_ENOUGH + 1):
        source = look.modules.source(file)
        if file.name == "manage.py" or _RUNS not in source.text or NOT_FOR_DEVELOPMENT.search(file.stem):
            continue
        settings, how = _settings(look, file, source) if KEY in source.text else ("", "")
        if settings and _folder_of(look, file, settings) is not None:
            return _managed(look, file, settings, how)
    return None


def _settings_alone(look: Look) -> Target | None:
    """Settings whose URLs are in the project; None where several projects have some."""
    found: list[tuple[Path, str, Path]] = []
    for file in _settings_files(look, look.root):
        module, folder = look.modules.name_of(file)
        urls = setting_of(look, folder, module, "ROOT_URLCONF")
        if urls and look.modules.find(urls, folder) is not None:
            found.append((file, module, folder))
    if len({file.parent for file, _, _ in found}) != 1:
        return None
    file, module, folder = found[0]
    why = f"{look.name(file)} is Django's settings, and no file that runs its commands was found."
    return _target(look, folder, module, "", why)


def _folder_of(look: Look, file: Path, module: str) -> Path | None:
    """The folder that a module is imported from by what is in ``file``; None where it is not there."""
    above = look.root if file.parent == look.root else file.parent.parent
    folders = (file.parent, look.modules.name_of(file)[1], above, *look.modules.roots)
    return next((folder for folder in folders if module_in(folder, module.split("."))), None)


def _managed(look: Look, file: Path, settings: str, how: str) -> Target:
    why = f"{look.name(file)} is Django's; its settings are {settings} ({how})."
    # django-configurations: the class of the settings that is meant.
    classes = [] if look.values.get(_CLASS) else named_in(look.modules.source(file), look.values, _CLASS)
    more = {_CLASS: min(classes, key=lambda name: rank(name.lower()))} if classes else {}
    return _target(look, _folder_of(look, file, settings) or file.parent, settings, how, why, more)


def settings_named_in(source: Source) -> str:
    """The settings module that a file sets as the default: of a ``wsgi.py``."""
    return next(iter(named_in(source, {})), "")


def _is_djangos(source: Source) -> bool:
    if source.problem:
        return KEY in source.text or "django" in source.text
    return "django" in source.imports or KEY in source.text


def _settings(look: Look, file: Path, source: Source) -> tuple[str, str]:
    """The settings module, and how it is known."""
    given = look.values.get(KEY)
    if given:
        return given, f"{KEY} is set"
    named = named_in(source, look.values)
    there = [name for name in named if _folder_of(look, file, name)]
    if there or len(named) == 1:
        return min(there or named, key=lambda name: rank(name.rpartition(".")[2])), f"{file.name} says so"
    for candidate in _settings_files(look, file.parent):
        parts = candidate.relative_to(file.parent).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        return module, f"found in {look.name(candidate)}, since {file.name} names none"
    return "", ""


def _settings_files(look: Look, folder: Path) -> Iterator[Path]:
    """Files that look like Django's settings, the most likely first."""
    found: list[tuple[int, int, str, Path]] = []
    for file in look.modules.files(_DEEP_ENOUGH + 2):
        if folder not in file.parents:
            continue
        in_package = file.parent.name in {"settings", "conf", "config"}
        if file.stem != "settings" and not in_package:
            continue
        text = look.modules.source(file).text
        if not any(sign in text for sign in ("INSTALLED_APPS", "ROOT_URLCONF", "import *")):
            continue
        found.append((rank(file.stem), len(file.parts), str(file), file))
    return (file for _, _, _, file in sorted(found))


def _target(
    look: Look, folder: Path, settings: str, how: str, why: str, more: Mapping[str, str] | None = None
) -> Target:
    module = setting_of(look, folder, settings, "WSGI_APPLICATION")
    name, _, attribute = module.rpartition(".")
    file = look.modules.find(name, folder) if name else None
    if file is None and name:
        why = f"{why} WSGI_APPLICATION is {module}, which is not in the project."
    environ = {**({} if how == f"{KEY} is set" else {KEY: settings}), **(more or {})}
    return Target(
        "django",
        name,
        str(file) if file else "",
        attribute or "application",
        "no",
        search_path(look.root, folder),
        environ=environ,
        framework="Django",
        why=why,
    )


def setting_of(look: Look, folder: Path, settings: str, name: str, depth: int = 0) -> str:
    """A text of a settings module, or of one whose names it takes over; empty where there is none."""
    file = look.modules.find(settings, folder)
    if file is None or depth > 4:
        return ""
    source = look.modules.source(file, settings)
    value = source.values.get(name)
    if value is not None:
        return value.name if value.kind == "text" else ""
    for star in reversed(source.stars):
        found = setting_of(look, folder, star, name, depth + 1)
        if found:
            return found
    return ""
