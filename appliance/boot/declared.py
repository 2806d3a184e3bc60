"""The rules for what a project says of itself: FLASK_APP, pyproject.toml, the package that it is, a Procfile.

Owns the reading of those files for an application's name. Must not know which rule comes first. Runs in the appliance's
own interpreter.
"""

from __future__ import annotations

import re
import shlex

from appliance.boot.explicit import explicit_target
from appliance.boot.ownname import read_pyproject
from appliance.boot.target import Finding, Look, Ruling
from appliance.errors import ApplicationError

_FLASK = "FLASK_APP"
_TOOL = "[tool.appliance] of pyproject.toml"
_PROCFILE = "Procfile"
_SERVERS = frozenset({"gunicorn", "waitress-serve", "mod_wsgi-express", "gunicorn3"})
_TARGET = re.compile(r"[A-Za-z_][\w.]*(:[A-Za-z_][\w.]*(\(.*\))?)?\Z")


def flask_rule(look: Look) -> Ruling:
    """FLASK_APP, from the environment or the project's files of variables."""
    text = look.values.get(_FLASK, "")
    if not text:
        return Ruling((Finding(_FLASK, "the environment and the .env files", "it is not set", "nothing"),))
    try:
        target = explicit_target(look, text, _FLASK)
    except ApplicationError as error:
        if error.details.get("kind") == "asgi":
            return Ruling((Finding(_FLASK, text, error.found, "passed over"),), refused=(error.found,))
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
    target = explicit_target(look, text, "[tool.appliance] app")
    return Ruling((Finding(_TOOL, text, f"it names {target.module}:{target.attribute}", "chosen"),), target)


def procfile_rule(look: Look) -> Ruling:
    """The application that a Procfile hands to gunicorn or its kin."""
    file = look.root / _PROCFILE
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return Ruling((Finding(_PROCFILE, _PROCFILE, "there is none", "nothing"),))
    findings: list[Finding] = []
    for line in lines:
        text = _served_by(line.partition(":")[2])
        if not text:
            continue
        try:
            target = explicit_target(look, text, _PROCFILE)
        except ApplicationError as error:
            findings.append(Finding(_PROCFILE, text, error.found, "passed over"))
            continue
        findings.append(Finding(_PROCFILE, text, f"it names {target.module}:{target.attribute}", "chosen"))
        return Ruling(tuple(findings), target)
    return Ruling(tuple(findings) or (Finding(_PROCFILE, _PROCFILE, "it starts no WSGI server", "nothing"),))


def _served_by(command: str) -> str:
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        words = command.split()
    names = [word.rpartition("/")[2] for word in words]
    start = next((index for index, name in enumerate(names) if name in _SERVERS), None)
    if start is None:
        return ""
    # Options first or last: the target is the one word with a colon, else the last one that could be a module.
    fitting = [word for word in words[start + 1 :] if _TARGET.match(word)]
    text = next((word for word in fitting if ":" in word), fitting[-1] if fitting else "")
    # ``waitress-serve --call shop:create_app``
    return f"{text}()" if "--call" in words and ":" in text and not text.endswith(")") else text
