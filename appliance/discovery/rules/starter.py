"""The file that starts the own package's factory: with the arguments, and after the set-up, that its author gives it.

Owns the choice between ``create_app()`` of the package and ``app = create_app(DevConfig)`` in a file above it. Must not
know how a factory is found. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from appliance.discovery.rules.deployment import deployment_rule
from appliance.discovery.rules.script_file import script_target
from appliance.discovery.serving import own_function
from appliance.discovery.target import Finding, Look, Pick, Ruling, Target, describe, pick, target_of

if TYPE_CHECKING:
    from appliance.discovery.source.source import Source

_RULE = "What makes its instance"


def starter(look: Look, factory: Target) -> Ruling | None:
    """What is started instead of a factory of the own package: what rule 7 names, or the one root module that calls it.

    None where there is neither, or where several are as good.
    """
    declared = deployment_rule(look)
    if _starts(look, declared, factory.module.partition(".")[0]):
        return declared
    made = [(source, best) for source in _above(look) if (best := _instance_of(look, source, factory)) is not None]
    if len(made) != 1:
        return None
    source, best = made[0]
    words = describe(look, source, best.name or "", best.verdict)
    target = script_target(look, source, best) or target_of(look, source, best.name or "", best.verdict, f"{words}.")
    return Ruling((Finding(_RULE, look.name(source.file), words, "chosen"),), target)


def _starts(look: Look, declared: Ruling, package: str) -> bool:
    """Whether what is declared is of the package, or uses it: a Makefile starts an example or another service too."""
    target = declared.target
    if target is None or not target.file or look.modules.is_left_out(Path(target.file)):
        return False
    source = look.modules.source(Path(target.file))
    if declared.findings[-1].looked_at.endswith(".py") and target.kind == "object" and _works(source):
        return False  # ``python seed.py``, which serves nothing
    return target.module.partition(".")[0] == package or package in source.imports


def _works(source: Source) -> bool:
    """Whether a module enters the application's context: it fills tables or feeds a queue, and is not what serves."""
    return "app_context" in source.text


def _above(look: Look) -> list[Source]:
    files = [file for file in look.modules.files(0) if file.name not in {"setup.py", "conftest.py"}]
    return [look.modules.source(file) for file in files if not file.name.startswith("test")]


def _instance_of(look: Look, source: Source, factory: Target) -> Pick | None:
    """The best of a module, where it is made by this factory."""
    best = pick(look.modules, source, own=True)
    value = source.values.get(best.name or "")
    if value is None or value.kind != "call" or best.verdict.kind != "wsgi" or _works(source):
        return None
    made_by = own_function(look.modules, value.name)
    same = made_by == own_function(look.modules, f"{factory.module}.{factory.attribute}")
    return best if made_by is not None and same else None
