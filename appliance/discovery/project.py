"""The mounted project: which application it is, by rules that are tried in a stated order.

Owns the order of the rules, and the words when none has an answer. Must not import or run anything of the project.
Runs in the supervisor, anew for each generation, and in ``appliance check``.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.discovery.absence import what_there_is
from appliance.discovery.asgi_applications import AsgiError
from appliance.discovery.rules.declared import flask_rule, tool_rule
from appliance.discovery.rules.deployment import deployment_rule
from appliance.discovery.rules.django import django_rule, unmanaged_rule
from appliance.discovery.rules.explicit import explicit_target, refused_error
from appliance.discovery.rules.paste_file import paste_rule
from appliance.discovery.rules.pecan import pecan_rule
from appliance.discovery.rules.usual_names import console_rule, package_rule, scan_rule, usual_files_rule
from appliance.discovery.source.modules import Modules
from appliance.discovery.target import Finding, Look, Ruling, Target
from appliance.discovery.unserved_routes import Unserved, find_unserved
from appliance.errors import ApplicationError
from appliance.identity.folder import check_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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
        unserved: what the project has for ASGI alone, beside the application that is served.
    """

    root: Path
    target: Target
    findings: tuple[Finding, ...]
    unserved: Unserved | None = None

    @property
    def folder(self) -> Path:
        """Where the application lies; of Django's without a WSGI module of its own, where its manage.py does."""
        return Path(self.target.file).parent if self.target.file else Path(self.target.search_path[0])


def find_application(root: Path, values: Mapping[str, str], app: str | None, *, adapts: bool = False) -> Project:
    """Find the application, without importing anything.

    Args:
        root: the project's folder, which ``check_folder`` has let pass.
        values: the project's environment.
        app: APPLIANCE_APP, or nothing.
        adapts: whether an ASGI application may be served, where there is none of WSGI (APPLIANCE_ASGI).

    Raises:
        ApplicationError: none, several that tie, or one that can't be served; ``details`` hold the findings.
    """
    look = Look(root, values, Modules(root), adapts)
    if app:
        return _project(look, _named(look, app), ())
    findings: list[Finding] = []
    rulings: list[Ruling] = []
    for rule in _RULES:
        ruling = rule(look)
        findings += ruling.findings
        if ruling.target and not (rule is scan_rule and _is_doubtful(look, ruling.target, rulings)):
            return Project(root, ruling.target, tuple(findings), find_unserved(look, ruling.target))
        rulings.append(ruling)
        certain = _certain(rulings)
        if adapts and len(certain) == 1 and certain[0].framework != "Django":  # Django may yet be found whole
            return _project(look, certain[0], findings)
    certain = _certain(rulings)
    if adapts and len(certain) == 1:
        return _project(look, certain[0], findings)
    weak = next((ruling.weak for ruling in rulings if ruling.weak), None)
    if weak and not certain and not any(ruling.tied for ruling in rulings):
        findings.append(Finding("A usual name", weak.file, weak.why, "chosen"))
        return Project(root, weak, tuple(findings))
    error = _nothing(look, rulings, certain)
    error.details["findings"] = [asdict(finding) for finding in findings]
    raise error


def _named(look: Look, app: str) -> Target:
    """What APPLIANCE_APP names."""
    try:
        return explicit_target(look, app, "APPLIANCE_APP", run=True)
    except AsgiError as error:
        if look.adapts:
            return error.target
        with contextlib.suppress(ApplicationError):
            other = find_application(look.root, look.values, None).target
            error.action += f" Or leave APPLIANCE_APP out: {other.name} is found then."
        raise


def _project(look: Look, target: Target, findings: Iterable[Finding]) -> Project:
    """A target that no rule has chosen."""
    rule = "ASGI" if findings else "APPLIANCE_APP"
    return Project(look.root, target, (*findings, Finding(rule, target.name, target.why, "chosen")))


def _certain(rulings: list[Ruling]) -> tuple[Target, ...]:
    """The ASGI applications that were found before anything doubtful was."""
    for ruling in rulings:
        if ruling.asgi or ruling.weak or ruling.tied:
            return ruling.asgi
    return ()


def _is_doubtful(look: Look, target: Target, rulings: list[Ruling]) -> bool:
    """Whether what a look into every module has found is less than what another rule has seen.

    Something that takes (environ, start_response), somewhere, is less than ``application`` in the project's run.py; and
    what an ASGI application wraps to mount it is a part of that.
    """
    weak = any(ruling.weak for ruling in rulings)
    if weak and target.kind == "object" and target.framework in {"", "WSGI"}:
        return True
    files = {Path(asgi.file) for ruling in rulings for asgi in ruling.asgi if asgi.file}
    return any("WSGIMiddleware" in look.modules.source(file).text for file in files)


def _nothing(look: Look, rulings: list[Ruling], asgi: tuple[Target, ...]) -> ApplicationError:
    refused = tuple(dict.fromkeys(words for ruling in rulings for words in ruling.refused))
    if asgi and not (look.adapts and len(asgi) > 1):
        return AsgiError(look.root, f"the project: {'; '.join(refused)}", asgi[0])
    tied = next((ruling.tied for ruling in rulings if ruling.tied), ()) or tuple(target.name for target in asgi)
    if tied:
        return ApplicationError(
            f"several applications: {', '.join(tied)}",
            expected="one application, or a word on which of them is meant",
            action=f"Set APPLIANCE_APP={tied[0]}, for example.",
            kind="tie",
            candidates=list(tied),
        )
    if refused:
        return refused_error("the project", refused)
    found = what_there_is(look.root)
    return ApplicationError(
        f"no WSGI application in {look.root}: {found.words}",
        expected="a manage.py of Django's, a wsgi.py or app.py that binds app or application, or a create_app()",
        action=found.action,
        kind="none",
    )
