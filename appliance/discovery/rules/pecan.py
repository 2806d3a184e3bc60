"""The rule for Pecan: an application that is made from its configuration file, as ``pecan serve config.py`` makes it.

Owns how such a file is told from another ``config.py``. Runs in the appliance's own interpreter.
"""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING

from appliance.discovery.target import Finding, Look, Ruling, Target, search_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = "Pecan's config.py"
_NAMES = ("config.py", "development.py", "dev.py", "local.py", "prod.py", "production.py")
_FOLDERS = ("", "config", "conf", "etc")


def pecan_rule(look: Look) -> Ruling:
    """The first file that binds ``app`` to what Pecan makes an application of."""
    for file in _files(look.root):
        if _is_pecans(file):
            target = pecan_target(look, file, f"{look.name(file)} is Pecan's configuration of an application.")
            return Ruling((Finding(RULE, look.name(file), "it configures an application", "chosen"),), target)
    return Ruling((Finding(RULE, "config.py", "there is none of Pecan's", "nothing"),))


def pecan_target(look: Look, file: Path, why: str) -> Target:
    """The target that is made from this file."""
    return Target(
        "object",
        "pecan.deploy",
        "",
        "deploy",
        "yes",
        search_path(look.root, look.root),
        framework="Pecan",
        why=why,
        arguments=(str(file),),
    )


def _files(root: Path) -> Iterator[Path]:
    for folder in _FOLDERS:
        yield from (file for name in _NAMES if (file := root / folder / name).is_file())


def _is_pecans(file: Path) -> bool:
    """Whether it says ``app = {"root": .., "modules": ..}``."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="app")], value=ast.Dict(keys=keys)):
                names = {key.value for key in keys if isinstance(key, ast.Constant)}
                return {"root", "modules"} <= names
    return False
