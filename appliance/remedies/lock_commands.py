"""Add a package to a project with a lock file, by the tool that wrote it: no other program may change a lock.

uv is always there: the appliance installs with it. Another tool is used if the project's PATH has it.
"""

from __future__ import annotations

import shutil
import tomllib
from typing import TYPE_CHECKING

from appliance.conventions import LOCK_TOOLS
from appliance.dependencies.dependency_selection import plain
from appliance.dependencies.left_out import names_in
from appliance.dependencies.text_file import table, texts
from appliance.environment.installer import installer_program, installer_variables
from appliance.remedies.file_edits import read, text_of
from appliance.remedies.remedy import Made

if TYPE_CHECKING:
    from appliance.remedies.remedy import Ground


def add_to_lock(ground: Ground, lock: str, packages: list[str]) -> Made | None:
    """Run the tool of this lock file; None if it is not here."""
    folder, _, name = lock.rpartition("/")
    tool = LOCK_TOOLS.get(name)
    if tool == "uv":
        where = ("--directory", folder) if folder else ()
        declared = _declared(ground, f"{folder}/pyproject.toml" if folder else "pyproject.toml")
        python = ("--python", str(ground.plan.python)) if ground.plan else ()
        if declared.issuperset(map(plain, names_in("\n".join(packages)))):
            why = f"pyproject.toml lists {', '.join(packages)}, and {lock} does not: the lock is older."
            command = (installer_program(), "lock", *where, *python)
        else:
            why = f"{lock} is uv's: it changes pyproject.toml and the lock. Saving them installs what is new."
            command = (installer_program(), "add", "--no-sync", *where, *python, *packages)
        return Made(command=command, variables=installer_variables(ground.values, ground.cache), why=why)
    program = shutil.which(tool, path=ground.variables.get("PATH")) if tool == "poetry" else None
    if program is None:
        return None
    where = ("--directory", folder) if folder else ()
    why = f"{lock} is Poetry's: it changes pyproject.toml and the lock. Saving them installs what is new."
    return Made(command=(program, "add", "--lock", *where, *packages), why=why)


def _declared(ground: Ground, file: str) -> set[str]:
    try:
        data = tomllib.loads(text_of(read(ground.root, file)) or "")
    except tomllib.TOMLDecodeError:
        return set()
    lines = [*texts(table(data, "project").get("dependencies"))]
    for group in table(data, "dependency-groups").values():
        lines += texts(group)
    return set(map(plain, names_in("\n".join(lines))))
