"""Find the file that calls the factory of the project's own package, with its author's arguments and set-up.

This module chooses between ``create_app()`` of the package and ``app = create_app(DevConfig)`` in a file above it. It
does not find the factory. Runs in the supervisor and in commands.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from appliance.discovery.rules.deployment import deployment_rule
from appliance.discovery.rules.script_file import script_target
from appliance.discovery.started_server import project_function
from appliance.discovery.target import Candidate, Context, Finding, RuleResult, Target, describe, pick, target_of

if TYPE_CHECKING:
    from appliance.discovery.source.source import Source

_RULE = "The module that calls the factory"


def starter(context: Context, factory: Target) -> RuleResult | None:
    """Return the starter of the package's own factory: the find of ``deployment_rule``, else the module that calls it.

    None if there is neither, or if several modules call it.
    """
    declared = deployment_rule(context)
    if _starts(context, declared, factory.module.partition(".")[0]):
        return declared
    made = [
        (source, best) for source in _above(context) if (best := _instance_of(context, source, factory)) is not None
    ]
    if len(made) != 1:
        return None
    source, best = made[0]
    text = describe(context, source, best.name or "", best.verdict)
    target = script_target(context, source, best) or target_of(
        context, source, best.name or "", best.verdict, f"{text}."
    )
    return RuleResult((Finding(_RULE, context.name(source.file), text, "chosen"),), target)


def _starts(context: Context, declared: RuleResult, package: str) -> bool:
    """Whether the declared target is in the package, or uses it: a Makefile may start an example or another service."""
    target = declared.target
    if target is None or not target.file or context.modules.is_left_out(Path(target.file)):
        return False
    source = context.modules.source(Path(target.file))
    if declared.findings[-1].looked_at.endswith(".py") and target.kind == "object" and _enters_context(source):
        return False  # ``python seed.py``, which serves nothing
    return target.module.partition(".")[0] == package or package in source.imports


def _enters_context(source: Source) -> bool:
    """Whether a module enters the application's context: then it fills tables or feeds a queue, and does not serve."""
    return "app_context" in source.text


def _above(context: Context) -> list[Source]:
    files = [file for file in context.modules.files(0) if file.name not in {"setup.py", "conftest.py"}]
    return [context.modules.source(file) for file in files if not file.name.startswith("test")]


def _instance_of(context: Context, source: Source, factory: Target) -> Candidate | None:
    """Return the best name of a module, if this factory makes it."""
    best = pick(context.modules, source, own=True)
    value = source.values.get(best.name or "")
    if value is None or value.kind != "call" or best.verdict.kind != "wsgi" or _enters_context(source):
        return None
    made_by = project_function(context.modules, value.name)
    same = made_by == project_function(context.modules, f"{factory.module}.{factory.attribute}")
    return best if made_by is not None and same else None
