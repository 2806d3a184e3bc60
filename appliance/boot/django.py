"""The rules for Django: a ``manage.py`` that sets DJANGO_SETTINGS_MODULE, another file that does, settings alone.

Owns what is known of Django's layout. Must not know how a target is served. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING

from appliance.boot.target import Finding, Look, Ruling, Target, search_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.boot.source import Source

RULE = "Django's manage.py"
UNMANAGED = "Django without a manage.py"
_RUNS = "execute_from_command_line"
_KEY = "DJANGO_SETTINGS_MODULE"
# Of a package of settings, what a developer runs: first these, then a plain settings.py, then whatever else there is.
_FOR_DEVELOPMENT = ("dev", "development", "local", "settings", "__init__", "default", "defaults", "base", "common")
_NOT_FOR_DEVELOPMENT = re.compile(r"prod|production|test|testing|ci|staging|live|deploy|heroku|docker|example|template")
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
        if file.name == "manage.py" or _RUNS not in source.text or _NOT_FOR_DEVELOPMENT.search(file.stem):
            continue
        settings = look.values.get(_KEY) or settings_named_in(source)
        folders = (file.parent, look.modules.name_of(file)[1], *look.modules.roots)
        folder = next((each for each in folders if settings and _holds(each, settings)), None)
        if folder is not None:
            return _managed(look, file, settings, f"{file.name} says so", folder)
    return None


def _settings_alone(look: Look) -> Target | None:
    """Settings whose URLs are in the project; None where several projects have some."""
    found: list[tuple[Path, str, Path]] = []
    for file in _settings_files(look, look.root):
        module, folder = look.modules.name_of(file)
        urls = _setting(look, folder, module, "ROOT_URLCONF")
        if urls and look.modules.find(urls, folder) is not None:
            found.append((file, module, folder))
    if len({file.parent for file, _, _ in found}) != 1:
        return None
    file, module, folder = found[0]
    why = f"{look.name(file)} is Django's settings, and no file that runs its commands was found."
    return _target(look, folder, module, "", why)


def _holds(folder: Path, module: str) -> bool:
    base = folder.joinpath(*module.split("."))
    return base.with_name(f"{base.name}.py").is_file() or (base / "__init__.py").is_file()


def _managed(look: Look, file: Path, settings: str, how: str, folder: Path | None = None) -> Target:
    why = f"{look.name(file)} is Django's; its settings are {settings} ({how})."
    return _target(look, folder or file.parent, settings, how, why)


def settings_named_in(source: Source) -> str:
    """The settings module that a file sets as the default: of ``manage.py``, or of a ``wsgi.py``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.text)
    except (SyntaxError, ValueError):
        # Broken now, mended later.
        match = re.search(rf"{_KEY}[\"']\s*(?:,|\]\s*=)\s*[\"']([\w.]+)[\"']", source.text)
        return match[1] if match else ""
    for node in ast.walk(tree):
        match node:
            case ast.Call(args=[ast.Constant(value=key), default, *_]) if key == _KEY:
                texts = _texts(default)
            case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=key))], value=default) if key == _KEY:
                texts = _texts(default)
            case _:
                continue
        # ``os.environ.get("ENV_SETTINGS", "shop.settings")``: the default is the last text.
        dotted = [text for text in texts if text != _KEY and re.fullmatch(r"[a-zA-Z_][\w.]*", text)]
        if dotted:
            return dotted[-1]
    return ""


def _texts(expression: ast.expr) -> list[str]:
    parts = (node for node in ast.walk(expression) if not isinstance(node, ast.JoinedStr))
    formatted = any(isinstance(node, ast.JoinedStr) for node in ast.walk(expression))
    texts = [node.value for node in parts if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [] if formatted else texts


def _is_djangos(source: Source) -> bool:
    if source.problem:
        return _KEY in source.text or "django" in source.text
    return "django" in source.imports or _KEY in source.text


def _settings(look: Look, file: Path, source: Source) -> tuple[str, str]:
    """The settings module, and how it is known."""
    given = look.values.get(_KEY)
    if given:
        return given, f"{_KEY} is set"
    named = settings_named_in(source)
    if named:
        return named, f"{file.name} says so"
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
        stem = file.stem
        rank = _FOR_DEVELOPMENT.index(stem) if stem in _FOR_DEVELOPMENT else len(_FOR_DEVELOPMENT)
        if _NOT_FOR_DEVELOPMENT.search(stem):
            rank = len(_FOR_DEVELOPMENT) + 1
        found.append((rank, len(file.parts), str(file), file))
    return (file for _, _, _, file in sorted(found))


def _target(look: Look, folder: Path, settings: str, how: str, why: str) -> Target:
    module = _setting(look, folder, settings, "WSGI_APPLICATION")
    name, _, attribute = module.rpartition(".")
    file = look.modules.find(name, folder) if name else None
    if file is None and name:
        why = f"{why} WSGI_APPLICATION is {module}, which is not in the project."
    environ = {} if how == f"{_KEY} is set" else {_KEY: settings}
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


def _setting(look: Look, folder: Path, settings: str, name: str, depth: int = 0) -> str:
    """A text of a settings module, or of one whose names it takes over; empty where there is none."""
    file = look.modules.find(settings, folder)
    if file is None or depth > 4:
        return ""
    source = look.modules.source(file, settings)
    value = source.values.get(name)
    if value is not None:
        return value.name if value.kind == "text" else ""
    for star in reversed(source.stars):
        found = _setting(look, folder, star, name, depth + 1)
        if found:
            return found
    return ""
