"""Make the commands of remedies: migrations, the project's Flask commands, a folder, another Python, a reinstall."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from appliance.conventions import FUNCTION_COMMAND, NAMED_COMMAND
from appliance.environment.plan import again, supply
from appliance.environment.python.interpreter import admitted
from appliance.environment.python.pythons import SERVED, find_python
from appliance.remedies.file_edits import changed, read, sources, text_of, within
from appliance.remedies.remedy import Made

if TYPE_CHECKING:
    from appliance.environment.plan import Plan
    from appliance.remedies.remedy import Ground

_REINSTALLS_MAX = 20


def django_migrate(ground: Ground, manage: str) -> Made | None:
    """Apply Django's migrations."""
    if manage.rpartition("/")[2] != "manage.py" or "django" not in (text_of(read(ground.root, manage)) or "").lower():
        return None
    return Made(command=("python", manage, "migrate", "--noinput"), why="A table or a column is missing.")


def flask_migrate(ground: Ground) -> Made | None:
    """Apply the migrations of Flask-Migrate."""
    if read(ground.root, "migrations/alembic.ini") is None:
        return None
    return Made(
        command=("flask", "db", "upgrade"), shown=_flask_app(ground), why="A table or a column is missing."
    )  # fmt: skip


def alembic_upgrade(ground: Ground) -> Made | None:
    """Apply Alembic's migrations."""
    if read(ground.root, "alembic.ini") is None:
        return None
    return Made(command=("alembic", "upgrade", "head"), why="A table or a column is missing.")


def flask_command(ground: Ground, command: str) -> Made | None:
    """Run a command that the project's own sources define for ``flask``."""
    spelled = [re.escape(command), re.escape(command.replace("-", "_"))]
    # Click names a command after its function, without these ends.
    ends = "(?:_command|_cmd)?"
    patterns = [
        re.compile(NAMED_COMMAND.format(name=spelled[0])),
        re.compile(FUNCTION_COMMAND.format(name=spelled[1] + ends)),
    ]
    for file in sources(ground.root):
        text = text_of(read(ground.root, file)) or ""
        if ("click" in text or ".cli" in text) and any(pattern.search(text) for pattern in patterns):
            why = f"{file} defines this command."
            return Made(command=("flask", command), shown=_flask_app(ground), why=why)
    return None


def _flask_app(ground: Ground) -> dict[str, str]:
    """Return what tells ``flask`` which application to load, unless the project says so itself."""
    target = ground.target
    if "FLASK_APP" in ground.variables or target is None or not target.module:
        return {}
    name = f"{target.module}:{target.attribute}" if target.attribute else target.module
    shown = {"FLASK_APP": name}
    root = str(ground.root)
    if target.search_path and root not in target.search_path:
        shown["PYTHONPATH"] = ":".join(target.search_path)
    return shown


def make_folder(ground: Ground, folder: str) -> Made | None:
    """Make a folder inside the project."""
    path = within(ground.root, folder)
    if path is None or path.exists():
        return None
    return Made(command=("mkdir", "-p", "--", folder), why="SQLite makes its file, but not the folder of the file.")


def use_python(ground: Ground, version: str) -> Made | None:
    """Pin a Python that is on this machine."""
    if ground.values.get("APPLIANCE_PYTHON") or version not in SERVED:
        return None
    if version not in admitted(ground.root) or find_python(version, ground.cache, ground.values) is None:
        return None
    edit = changed(ground.root, ".python-version", f"{version}\n")
    return Made(edit=edit, why=f"Python {version} is on this machine.") if edit else None


def run_again(ground: Ground, step: str) -> Made | None:
    """Do again what has failed, without a change: the project is analysed, and what is missing follows from that."""
    commands = ground.values.get("APPLIANCE_BEFORE_START", "").strip()
    described = {"installation": "appliance install", "commands": commands, "import": ""}[step]
    why = {
        "installation": "The reason may have passed. What is missing is installed again; nothing is changed.",
        "commands": "The commands of BEFORE_START run again, then the project starts.",
        "import": "The project is imported again; nothing is changed.",
    }
    return Made(action=lambda: True, described=described, why=why[step])


def reinstall(ground: Ground, package: str) -> Made | None:
    """Make another environment from the same files: an environment is never changed once it is complete."""
    plan = ground.plan
    if plan is None or plan.source in {"off", "none"}:
        return None
    why = f"The environment is not what {plan.source} installs: files of {package} were removed or edited."
    return Made(action=partial(_supply, plan, package), why=f"{why} A new one is made, without them.")


def _supply(plan: Plan, package: str) -> bool:
    """Change the key of the environment by a requirement that it meets anyway."""
    name = re.split(r"[\[<>=!~]", package)[0]
    return any(supply(plan, again(name, count)) for count in range(_REINSTALLS_MAX))
