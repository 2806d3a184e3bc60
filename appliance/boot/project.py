"""The mounted project: which application it is, by rules that are tried in a stated order.

Owns the order of the rules, and the words when none has an answer. Must not import or run anything of the project.
Runs in the supervisor, anew for each generation, and in ``appliance check``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.boot.absence import what_there_is
from appliance.boot.declared import flask_rule, tool_rule
from appliance.boot.deployment import deployment_rule
from appliance.boot.django import django_rule, unmanaged_rule
from appliance.boot.explicit import explicit_target, refused_error
from appliance.boot.folder import check_folder
from appliance.boot.modules import Modules
from appliance.boot.paste import paste_rule
from appliance.boot.pecan import pecan_rule
from appliance.boot.target import Finding, Look, Ruling, Target
from appliance.boot.usual import console_rule, package_rule, scan_rule, usual_files_rule
from appliance.errors import ApplicationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Finding", "Project", "Target", "check_folder", "find_application"]

_RULES: tuple[Callable[[Look], Ruling], ...] = (
    flask_rule,
    tool_rule,
    django_rule,
    paste_rule,
    pecan_rule,
    usual_files_rule,
    package_rule,
    deployment_rule,
    unmanaged_rule,
    scan_rule,
    console_rule,
)


@dataclass(frozen=True)
class Project:
    """A project and its application.

    Attributes:
        findings: what each rule looked at, in order, the last one chosen.
    """

    root: Path
    target: Target
    findings: tuple[Finding, ...]

    @property
    def folder(self) -> Path:
        """Where the application lies; of Django's without a WSGI module of its own, where its manage.py does."""
        return Path(self.target.file).parent if self.target.file else Path(self.target.search_path[0])


def find_application(root: Path, values: Mapping[str, str], app: str | None) -> Project:
    """Find the application, without importing anything.

    Args:
        root: the project's folder, which ``check_folder`` has let pass.
        values: the project's environment.
        app: APPLIANCE_APP, or nothing.

    Raises:
        ApplicationError: none, several that tie, or one that can't be served; ``details`` hold the findings.
    """
    look = Look(root, values, Modules(root))
    if app:
        target = explicit_target(look, app, "APPLIANCE_APP", run=True)
        return Project(root, target, (Finding("APPLIANCE_APP", app, target.why, "chosen"),))
    findings: list[Finding] = []
    rulings: list[Ruling] = []
    for rule in _RULES:
        weak = next((ruling.weak for ruling in rulings if ruling.weak), None)
        ruling = rule(look)
        findings += ruling.findings
        if ruling.target and not (weak and rule is scan_rule and _is_vague(ruling.target)):
            return Project(root, ruling.target, tuple(findings))
        rulings.append(ruling)
    weak = next((ruling.weak for ruling in rulings if ruling.weak), None)
    if weak and not any(ruling.tied for ruling in rulings):
        findings.append(Finding("A usual name", weak.file, weak.why, "chosen"))
        return Project(root, weak, tuple(findings))
    error = _nothing(root, rulings)
    error.details["findings"] = [asdict(finding) for finding in findings]
    raise error


def _is_vague(target: Target) -> bool:
    """Something that takes (environ, start_response), somewhere: less than ``application`` in the project's run.py."""
    return target.kind == "object" and target.framework in {"", "WSGI"}


def _nothing(root: Path, rulings: list[Ruling]) -> ApplicationError:
    tied = next((ruling.tied for ruling in rulings if ruling.tied), ())
    if tied:
        return ApplicationError(
            f"several applications: {', '.join(tied)}",
            expected="one application, or a word on which of them is meant",
            action=f"Set APPLIANCE_APP={tied[0]}, for example.",
            kind="tie",
            candidates=list(tied),
        )
    refused = tuple(dict.fromkeys(words for ruling in rulings for words in ruling.refused))
    if refused:
        return refused_error("the project", refused)
    found = what_there_is(root)
    return ApplicationError(
        f"no WSGI application in {root}: {found.words}",
        expected="a manage.py of Django's, a wsgi.py or app.py that binds app or application, or a create_app()",
        action=found.action,
        kind="none",
    )
