"""Make a project importable from its own folder, without a build and without writing into that folder.

It writes into the environment what an editable installation writes: a ``.pth`` line, the metadata for
``importlib.metadata`` (``version("shop")``, entry points, Paste's ``egg:shop``), and the scripts.

Decision 10 says why.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from appliance import DISTRIBUTION
from appliance.dependencies.requirement_text import requirement_of
from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from appliance.dependencies.source_tree import SourceTree

_SCRIPT = """\
#!{python}
import sys
from {module} import {first}
sys.exit({attribute}())
"""


def link_trees(trees: Iterable[SourceTree], environment: Path) -> None:
    """Write the ``.pth`` file for these projects, and the metadata and scripts of each that has a name."""
    packages = next(environment.glob("lib/py*/site-packages"))
    roots: list[Path] = []
    for tree in trees:
        roots += [root for root in tree.roots if root not in roots]
        if tree.name:
            _describe(tree, packages)
            _add_scripts(tree, environment / "bin")
    # Python reads .pth files in the order of their names: with this one last, installed packages come before the
    # projects' folders, as in other editable installations.
    (packages / "zz_projects.pth").write_text("".join(f"{_line(root)}\n" for root in roots), "utf-8")


def _line(root: Path) -> str:
    """Return a ``.pth`` line that adds the folder to the path, also if its name is not valid UTF-8."""
    try:
        str(root).encode()
    except UnicodeEncodeError:
        return f"import os, sys; sys.path.append(os.fsdecode({os.fsencode(root)!r}))"
    return str(root)


def _describe(tree: SourceTree, packages: Path) -> None:
    name = re.sub(r"[-_.]+", "_", tree.name)
    information = packages / f"{name}-{re.sub(r'[^A-Za-z0-9.]+', '_', tree.version)}.dist-info"
    if any(_is_of(entry, tree.name) for entry in packages.glob("*.dist-info")):
        return  # another package of that name is installed, because a dependency file names it
    information.mkdir()
    needs = [f"Requires-Dist: {line}" for line in tree.requires or () if requirement_of(line) is not None]
    metadata = ["Metadata-Version: 2.1", f"Name: {tree.name}", f"Version: {tree.version}", *needs]
    points = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in tree.entry_points.items()
    ]
    source = {"url": tree.folder.as_uri(), "dir_info": {"editable": True}}
    files = {
        "METADATA": "\n".join(metadata) + "\n",
        "INSTALLER": f"{DISTRIBUTION}\n",
        "direct_url.json": json.dumps(source),
        "entry_points.txt": "\n".join(points),
    }
    record = "".join(f"{information.name}/{file},,\n" for file in [*files, "RECORD"])
    for file, text in {**files, "RECORD": record}.items():
        (information / file).write_text(text, "utf-8")


def _add_scripts(tree: SourceTree, folder: Path) -> None:
    for name, value in tree.entry_points.get("console_scripts", {}).items():
        match = re.match(r"([\w.]+)\s*:\s*([\w.]+)", value)
        file = folder / name
        if match is None or not re.fullmatch(r"[\w.-]{1,200}", name) or file.exists():
            continue
        first = match[2].partition(".")[0]
        script = _SCRIPT.format(python=folder / "python", module=match[1], first=first, attribute=match[2])
        file.write_text(script, "utf-8")
        file.chmod(0o755)


def _is_of(information: Path, name: str) -> bool:
    return normalized(information.name.partition("-")[0]) == normalized(name)
