"""Make the variables of the project's processes: its own, with the PATH and the VIRTUAL_ENV of its environment.

Runs in the supervisor and in commands.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.identity.identity import user_home

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.config.settings import Settings
    from appliance.environment.plan import Plan

# The image's python, pip, flask and similar commands, each of which runs ``appliance run``: if the project found them
# on its own PATH, they would call themselves without end.
SHIMS = "/opt/appliance/shims"


def project_environment(
    plan: Plan, settings: Settings, values: Mapping[str, str], defaults: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the variables of the project's processes; ``defaults`` (a target's ``environ``) are set if absent.

    ``APPLIANCE_*`` is left out: a project that reads these variables would behave differently here than elsewhere, and
    an appliance that the project starts would use them.
    """
    variables = {name: value for name, value in values.items() if not name.startswith("APPLIANCE_")}
    for name in ("PYTHONHOME", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV"):
        variables.pop(name, None)  # activating an environment removes these too
    scripts = str(plan.python.parent)
    own = str(Path(sys.prefix, "bin")) if sys.prefix != sys.base_prefix else ""
    ours = {scripts, own, SHIMS}
    folders = [part for part in variables.get("PATH", os.defpath).split(os.pathsep) if part not in ours]
    variables["PATH"] = os.pathsep.join([scripts, *folders])
    if (plan.environment / "pyvenv.cfg").is_file() or plan.source != "off":
        variables["VIRTUAL_ENV"] = str(plan.environment)
    variables["HOME"] = user_home(settings.cache, variables.get("HOME", ""))
    # The installer compiled the packages. The project's own bytecode would be written into the user's mount, and would
    # be outdated after two saves of the same length in one second.
    variables["PYTHONDONTWRITEBYTECODE"] = "1"
    return {**(defaults or {}), **variables}
