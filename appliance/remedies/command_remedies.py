"""Make the commands of remedies: migrations, the project's Flask commands, a folder, another Python, a reinstall."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from appliance.conventions import FUNCTION_COMMAND, NAMED_COMMAND
from appliance.environment.extra_requirements import reinstall_requirement
from appliance.environment.plan import add_extra
from appliance.environment.python.interpreter import allowed_versions
from appliance.environment.python.pythons import SERVED, find_python
from appliance.remedies.file_edits import edit_to, read, sources, text_of, within
from appliance.remedies.remedy import Proposal

if TYPE_CHECKING:
    from appliance.environment.plan import Plan
    from appliance.remedies.remedy import ProjectFacts

_REINSTALLS_MAX = 20


def django_migrate(facts: ProjectFacts, manage: str) -> Proposal | None:
    """Apply Django's migrations."""
    if manage.rpartition("/")[2] != "manage.py" or "django" not in (text_of(read(facts.root, manage)) or "").lower():
        return None
    return Proposal(command=("python", manage, "migrate", "--noinput"), why="A table or a column is missing.")


def flask_migrate(facts: ProjectFacts) -> Proposal | None:
    """Apply the migrations of Flask-Migrate."""
    if read(facts.root, "migrations/alembic.ini") is None:
        return None
    return Proposal(
        command=("flask", "db", "upgrade"), shown=_flask_app(facts), why="A table or a column is missing."
    )  # fmt: skip


def alembic_upgrade(facts: ProjectFacts) -> Proposal | None:
    """Apply Alembic's migrations."""
    if read(facts.root, "alembic.ini") is None:
        return None
    return Proposal(command=("alembic", "upgrade", "head"), why="A table or a column is missing.")


def flask_command(facts: ProjectFacts, command: str) -> Proposal | None:
    """Run a command that the project's own sources define for ``flask``."""
    spelled = [re.escape(command), re.escape(command.replace("-", "_"))]
    # Click names a command after its function, without these ends.
    ends = "(?:_command|_cmd)?"
    patterns = [
        re.compile(NAMED_COMMAND.format(name=spelled[0])),
        re.compile(FUNCTION_COMMAND.format(name=spelled[1] + ends)),
    ]
    for file in sources(facts.root):
        text = text_of(read(facts.root, file)) or ""
        if ("click" in text or ".cli" in text) and any(pattern.search(text) for pattern in patterns):
            why = f"{file} defines this command."
            return Proposal(command=("flask", command), shown=_flask_app(facts), why=why)
    return None


def _flask_app(facts: ProjectFacts) -> dict[str, str]:
    """Return the variables that tell ``flask`` which application to load, unless the project sets them itself."""
    target = facts.target
    if "FLASK_APP" in facts.variables or target is None or not target.module:
        return {}
    name = f"{target.module}:{target.attribute}" if target.attribute else target.module
    shown = {"FLASK_APP": name}
    root = str(facts.root)
    if target.search_path and root not in target.search_path:
        shown["PYTHONPATH"] = ":".join(target.search_path)
    return shown


def make_folder(facts: ProjectFacts, folder: str) -> Proposal | None:
    """Make a folder inside the project."""
    path = within(facts.root, folder)
    if path is None or path.exists():
        return None
    return Proposal(command=("mkdir", "-p", "--", folder), why="SQLite makes its file, but not the folder of the file.")


def use_python(facts: ProjectFacts, version: str) -> Proposal | None:
    """Pin a Python that is on this machine."""
    if facts.values.get("APPLIANCE_PYTHON") or version not in SERVED:
        return None
    if version not in allowed_versions(facts.root) or find_python(version, facts.cache, facts.values) is None:
        return None
    edit = edit_to(facts.root, ".python-version", f"{version}\n")
    return Proposal(edit=edit, why=f"Python {version} is on this machine.") if edit else None


def run_again(facts: ProjectFacts, step: str) -> Proposal | None:
    """Try the failed step again, without a change: the project is analysed, and its missing parts follow from that."""
    commands = facts.values.get("APPLIANCE_BEFORE_START", "").strip()
    described = {"installation": "appliance install", "commands": commands, "import": ""}[step]
    why = {
        "installation": "The reason may have passed. What is missing is installed again; nothing is changed.",
        "commands": "The commands of BEFORE_START run again, then the project starts.",
        "import": "The project is imported again; nothing is changed.",
    }
    return Proposal(action=lambda: True, described=described, why=why[step])


def reinstall(facts: ProjectFacts, package: str) -> Proposal | None:
    """Make another environment from the same files: an environment is never changed once it is complete."""
    plan = facts.plan
    if plan is None or plan.source in {"off", "none"}:
        return None
    why = f"The environment is not what {plan.source} installs: files of {package} were removed or edited."
    return Proposal(action=partial(_request_reinstall, plan, package), why=f"{why} A new one is made, without them.")


def _request_reinstall(plan: Plan, package: str) -> bool:
    """Change the key of the environment by a requirement that it meets anyway."""
    name = re.split(r"[\[<>=!~]", package)[0]
    return any(add_extra(plan, reinstall_requirement(name, count)) for count in range(_REINSTALLS_MAX))
