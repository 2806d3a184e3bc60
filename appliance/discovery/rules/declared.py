"""Read the application's name from where a project declares it: FLASK_APP, and ``[tool.appliance]`` of pyproject.toml.

This module does not know which rule comes first. Runs in the supervisor and in commands.
"""

from __future__ import annotations

from appliance.discovery.asgi_applications import AsgiError
from appliance.discovery.rules.project_package import read_pyproject
from appliance.discovery.rules.target_forms import explicit_target
from appliance.discovery.target import Context, Finding, RuleResult
from appliance.errors import ApplicationError

_FLASK = "FLASK_APP"
_TOOL = "[tool.appliance] of pyproject.toml"
_KEYS = {"app", "processes"}  # the second one is read by supervisor.companions


def flask_rule(context: Context) -> RuleResult:
    """Read FLASK_APP, from the environment or the project's .env files."""
    text = context.values.get(_FLASK, "")
    if not text:
        return RuleResult((Finding(_FLASK, "the environment and the .env files", "it is not set", "nothing"),))
    try:
        target = explicit_target(context, text, _FLASK)
    except AsgiError as error:
        finding = Finding(_FLASK, text, error.found, "passed over")
        return RuleResult((finding,), refused=(error.found,), asgi=(error.target,))
    except ApplicationError as error:
        return RuleResult((Finding(_FLASK, text, error.found, "passed over"),))
    return RuleResult((Finding(_FLASK, text, f"it names {target.module}:{target.attribute}", "chosen"),), target)


def tool_rule(context: Context) -> RuleResult:
    """Read ``app`` in ``[tool.appliance]``: the project itself names it, so a wrong one is an error.

    Raises:
        ApplicationError: it names nothing.
    """
    table = read_pyproject(context.root).get("tool", {})
    section = table.get("appliance", {}) if isinstance(table, dict) else {}
    text = section.get("app") if isinstance(section, dict) else None
    if not isinstance(text, str) or not text:
        unknown = ", ".join(sorted(set(section) - _KEYS)) if isinstance(section, dict) else ""
        why = f"it names no app: its keys are app and processes, and not {unknown}" if unknown else "it names no app"
        return RuleResult((Finding(_TOOL, "pyproject.toml", why, "nothing"),))
    try:
        target = explicit_target(context, text, "[tool.appliance] app")
    except AsgiError as error:
        if not context.adapts:
            raise
        target = error.target
    return RuleResult((Finding(_TOOL, text, f"it names {target.module}:{target.attribute}", "chosen"),), target)
