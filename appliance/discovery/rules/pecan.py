"""The rule for Pecan: an application made from its configuration file, as ``pecan serve config.py`` makes it.

This module recognises such a file among other files named ``config.py``. Runs in the supervisor and in commands.
"""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING

from appliance.discovery.target import Context, Finding, RuleResult, Target, search_path
from appliance.identity.folder import has_file
from appliance.identity.regular_file import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = "Pecan's config.py"
_NAMES = ("config.py", "development.py", "dev.py", "local.py", "prod.py", "production.py")
_FOLDERS = ("", "config", "conf", "etc")


def pecan_rule(context: Context) -> RuleResult:
    """Choose the first file that binds ``app`` to a configuration of Pecan's."""
    for file in _files(context.root):
        if _is_pecans(file):
            target = pecan_target(context, file, f"{context.name(file)} is Pecan's configuration of an application.")
            return RuleResult((Finding(RULE, context.name(file), "it configures an application", "chosen"),), target)
    return RuleResult((Finding(RULE, "config.py", "none configures an application of Pecan", "nothing"),))


def pecan_target(context: Context, file: Path, why: str) -> Target:
    """Return the target that Pecan makes from this file."""
    return Target(
        "object",
        "pecan.deploy",
        "",
        "deploy",
        "yes",
        search_path(context.root, context.root),
        framework="Pecan",
        why=why,
        arguments=(str(file),),
    )


def _files(root: Path) -> Iterator[Path]:
    for folder in _FOLDERS:
        yield from (file for name in _NAMES if has_file(file := root / folder / name))


def _is_pecans(file: Path) -> bool:
    """Whether the file binds ``app = {"root": .., "modules": ..}``."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(read_regular(file))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="app")], value=ast.Dict(keys=keys)):
                names = {key.value for key in keys if isinstance(key, ast.Constant)}
                return {"root", "modules"} <= names
    return False
