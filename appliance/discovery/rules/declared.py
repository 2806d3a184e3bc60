"""The rules for what a project says of itself: FLASK_APP, ``[tool.appliance]`` of pyproject.toml.

Owns the reading of those files for an application's name. Must not know which rule comes first. Runs in the appliance's
own interpreter.
"""

from __future__ import annotations

from appliance.discovery.asgi_applications import AsgiError
from appliance.discovery.rules.explicit import explicit_target
from appliance.discovery.rules.own_package import read_pyproject
from appliance.discovery.target import Finding, Look, Ruling
from appliance.errors import ApplicationError

_FLASK = "FLASK_APP"
_TOOL = "[tool.appliance] of pyproject.toml"


def flask_rule(look: Look) -> Ruling:
    """FLASK_APP, from the environment or the project's files of variables."""
    text = look.values.get(_FLASK, "")
    if not text:
        return Ruling((Finding(_FLASK, "the environment and the .env files", "it is not set", "nothing"),))
    try:
        target = explicit_target(look, text, _FLASK)
    except AsgiError as error:
        finding = Finding(_FLASK, text, error.found, "passed over")
        return Ruling((finding,), refused=(error.found,), asgi=(error.target,))
    except ApplicationError as error:
        return Ruling((Finding(_FLASK, text, error.found, "passed over"),))
    return Ruling((Finding(_FLASK, text, f"it names {target.module}:{target.attribute}", "chosen"),), target)


def tool_rule(look: Look) -> Ruling:
    """``app`` in ``[tool.appliance]``: the project's own word, so a wrong one is an error.

    Raises:
        ApplicationError: it means nothing.
    """
    table = read_pyproject(look.root).get("tool", {})
    section = table.get("appliance", {}) if isinstance(table, dict) else {}
    text = section.get("app") if isinstance(section, dict) else None
    if not isinstance(text, str) or not text:
        return Ruling((Finding(_TOOL, "pyproject.toml", "it names no app", "nothing"),))
    try:
        target = explicit_target(look, text, "[tool.appliance] app")
    except AsgiError as error:
        if not look.adapts:
            raise
        target = error.target
    return Ruling((Finding(_TOOL, text, f"it names {target.module}:{target.attribute}", "chosen"),), target)
