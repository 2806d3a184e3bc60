"""Add a package to a project with a lock file, by the tool that wrote it: no other program may change a lock.

uv is always there: the appliance installs with it. Another tool is used if the project's PATH has it.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from appliance.conventions import LOCK_TOOLS
from appliance.dependencies.requirement_text import names_in
from appliance.dependencies.text_file import table
from appliance.discovery.rules.project_package import toml_of
from appliance.discovery.setup_files import texts
from appliance.environment.installer import installer_program, installer_variables
from appliance.package_names import normalized
from appliance.remedies.file_edits import read, text_of
from appliance.remedies.remedy import Proposal

if TYPE_CHECKING:
    from appliance.remedies.remedy import ProjectFacts


def add_to_lock(facts: ProjectFacts, lock: str, packages: list[str]) -> Proposal | None:
    """Run the tool of this lock file; None if it is not here."""
    folder, _, name = lock.rpartition("/")
    tool = LOCK_TOOLS.get(name)
    where = ("--directory", folder) if folder else ()
    if tool == "uv":
        declared = _declared(facts, f"{folder}/pyproject.toml" if folder else "pyproject.toml")
        python = ("--python", str(facts.plan.python)) if facts.plan else ()
        if declared.issuperset(map(normalized, names_in("\n".join(packages)))):
            why = f"pyproject.toml lists {', '.join(packages)}, and {lock} does not: the lock is older."
            command = (installer_program(), "lock", *where, *python)
        else:
            why = f"{lock} is uv's: it changes pyproject.toml and the lock. Saving them installs what is new."
            command = (installer_program(), "add", "--no-sync", *where, *python, *packages)
        return Proposal(command=command, variables=installer_variables(facts.values, facts.cache), why=why)
    program = shutil.which(tool, path=facts.variables.get("PATH")) if tool == "poetry" else None
    if program is None:
        return None
    why = f"{lock} is Poetry's: it changes pyproject.toml and the lock. Saving them installs what is new."
    return Proposal(command=(program, "add", "--lock", *where, *packages), why=why)


def _declared(facts: ProjectFacts, file: str) -> set[str]:
    data = toml_of(text_of(read(facts.root, file)) or "")
    lines = [*texts(table(data, "project").get("dependencies"))]
    for group in table(data, "dependency-groups").values():
        lines += texts(group)
    return set(map(normalized, names_in("\n".join(lines))))
