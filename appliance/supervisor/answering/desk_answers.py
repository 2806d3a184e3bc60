"""Answer the questions of the desk's pages, except the status: settings, the environment, the memory limit.

The pages ask on the status socket. Nothing here reads a file from a disk: the loop must not wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.config.setting_rows import setting_rows, variable_rows
from appliance.supervisor.measuring.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.supervisor.reporting.status_socket import Answerer
    from appliance.supervisor.runtime import Runtime
    from appliance.supervisor.steps.analysis import Analysis


def desk_answers(runtime: Runtime, analysed: Callable[[], Analysis | None]) -> Mapping[str, Answerer]:
    """Return a function for each question; ``analysed`` returns what the last analysis has found."""

    def settings() -> dict[str, Any]:
        return settings_answer(runtime, analysed())

    def environment() -> dict[str, Any]:
        return environment_answer(analysed())

    masked = runtime.log.masked
    return {
        "settings": lambda callback: callback(masked(settings())),
        "environment": lambda callback: callback(masked(environment())),
        "memory": lambda callback: callback(memory_answer(Memory())),
    }


def memory_answer(memory: Memory) -> dict[str, Any]:
    """Return the bytes that the container uses, and its limit; None without a limit."""
    use = memory.use()
    return {"memory": {"used": use[0], "limit": use[1]} if use is not None else None}


def settings_answer(runtime: Runtime, analysis: Analysis | None) -> dict[str, Any]:
    """Return each setting with its origin, and the variables of the project's files; secret variables are masked."""
    environment = analysis.environment if analysis is not None else None
    variables = list(variable_rows(environment)) if environment is not None else []
    return {
        "settings": [row._asdict() for row in setting_rows(runtime.settings)],
        "variables": [{"name": row.name, "value": row.value, "origin": row.origin} for row in variables],
        "hidden": [{"name": name, "file": file} for name, file in environment.hidden] if environment else [],
        "unread": [str(part) for part in environment.unread] if environment else [],
        "application": None if analysis is None else _application(analysis),
    }


def _application(analysis: Analysis) -> dict[str, str]:
    target = analysis.project.target
    return {"name": target.name, "framework": target.framework, "why": target.why}


def environment_answer(analysis: Analysis | None) -> dict[str, Any]:
    """Return where the packages are, and the files that ask for them; empty before the first analysis."""
    if analysis is None:
        return {}
    plan = analysis.plan
    return {
        "folder": str(plan.environment),
        "python": plan.interpreter,
        "source": plan.source,
        "files": [str(file) for file in plan.files],
        "project": str(analysis.project.root),
        "added": list(plan.extra),
    }
