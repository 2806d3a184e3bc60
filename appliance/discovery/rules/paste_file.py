"""The rule for PasteDeploy: ``development.ini``, or another ``*.ini`` with an application in it.

This module reads the sections of such a file; appliance.worker.frameworks.paste loads it. Runs in the supervisor and in
commands.
"""

from __future__ import annotations

import configparser
import re
from typing import TYPE_CHECKING

from appliance.conventions import TOOL_FILES
from appliance.discovery.entrypoints import declared_entry_points
from appliance.discovery.rules.project_package import package_names, read_pyproject
from appliance.discovery.source.modules import text_of
from appliance.discovery.target import Context, Finding, RuleResult, Target
from appliance.errors import ApplicationError

if TYPE_CHECKING:
    from pathlib import Path

RULE = "PasteDeploy's *.ini"
_GROUP = "paste.app_factory"
_KINDS = ("app", "application", "pipeline", "composite", "composit")
_FOR_DEVELOPMENT = ("development", "dev", "local", "debug", "paste", "config", "app")
_NOT_FOR_DEVELOPMENT = re.compile(r"prod|test|staging|example|sample|template")
_IS_FOR_TESTS = re.compile(r"\Atest|[-_.]test")
_FOLDERS = ("conf", "config", "configs", "etc", "ini")
# Files of other programs; some have sections of the same names.
_OTHERS = TOOL_FILES | {"alembic.ini", "uwsgi.ini", "setup.ini"}


def paste_rule(context: Context) -> RuleResult:
    """Choose the root's file that is most likely for development, and its ``main`` or its only application.

    A file for tests counts if no other rule finds anything.
    """
    findings: list[Finding] = []
    weak: Target | None = None
    for file in _files(context.root):
        sections = read_sections(file)
        if not sections:
            findings.append(Finding(RULE, context.name(file), "it has no section of an application", "nothing"))
            continue
        if "main" not in sections and len(sections) > 1:
            several = f"several applications, none called main: {', '.join(sections)}"
            findings.append(Finding(RULE, context.name(file), several, "passed over"))
            continue
        section = "main" if "main" in sections else sections[0]
        target = paste_target(
            context, file, section, f"{context.name(file)} has a section for the application {section}."
        )
        if _IS_FOR_TESTS.search(file.stem.lower()):
            findings.append(Finding(RULE, context.name(file), f"the application {section}, for tests", "passed over"))
            weak = weak or target
            continue
        findings.append(Finding(RULE, context.name(file), f"the application {section}", "chosen"))
        return RuleResult(tuple(findings), target)
    return RuleResult(tuple(findings) or (Finding(RULE, "*.ini", "there is none", "nothing"),), weak=weak)


def paste_target(context: Context, file: Path, section: str, why: str) -> Target:
    """Return the target for this section of this file."""
    pyproject = read_pyproject(context.root)
    names = package_names(context.root)
    entries = declared_entry_points(context.root, pyproject, _GROUP)
    if not entries:
        # Not declared, but usual: Pyramid's main() in the package itself.
        package = next((name for name in names if context.modules.find(name)), "")
        entries = {"main": f"{package}:main"} if package else {}
    root = str(context.root)
    source = context.root / "src"
    return Target(
        "paste",
        "",
        str(file),
        section,
        "no",
        tuple(dict.fromkeys([*([str(source)] if source.is_dir() else []), root])),
        framework="Pyramid" if "pyramid" in text_of(file).lower() else "Paste",
        why=why,
        keywords={"own": names, "entries": entries},
    )


def named_section(context: Context, file: Path, section: str, origin: str) -> str:
    """Return the section that ``file.ini#section`` names; without one ``main``, or the only one.

    Raises:
        ApplicationError: the file has no such section.
    """
    sections = read_sections(file)
    if section in sections or (not section and "main" in sections):
        return section or "main"
    if not section and len(sections) == 1:
        return sections[0]
    raise ApplicationError(
        f"{origin} names {context.name(file)}#{section or 'main'}, which has no such section",
        expected=f"one of {', '.join(sections)}" if sections else "a section [app:main]",
        action=f"Write {origin}={context.name(file)}#{sections[0] if sections else 'main'}.",
    )


def read_sections(file: Path) -> list[str]:
    """Return the names of its applications, in order: of ``[app:NAME]``, ``[pipeline:NAME]``, ``[composite:NAME]``."""
    # PasteDeploy expands a % in a value, and reports a section that occurs twice.
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text_of(file))
    except configparser.Error:
        return []
    parts = (section.partition(":") for section in parser.sections())
    return list(dict.fromkeys(name.strip() for kind, _, name in parts if kind.strip() in _KINDS and name))


def _files(root: Path) -> list[Path]:
    def rank(file: Path) -> tuple[int, str]:
        stem = file.stem.lower()
        if stem in _FOR_DEVELOPMENT:
            return _FOR_DEVELOPMENT.index(stem), file.name
        return len(_FOR_DEVELOPMENT) + bool(_NOT_FOR_DEVELOPMENT.search(stem)), file.name

    folders = (root, *(root / name for name in _FOLDERS))
    return [
        file
        for folder in folders
        for file in sorted((file for file in folder.glob("*.ini") if file.name not in _OTHERS), key=rank)
    ]
