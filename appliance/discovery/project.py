"""Choose the application of a mounted project, by rules that are tried in a fixed order.

This module knows the order of the rules, and the errors if no rule finds an application. It never imports or runs
anything of the project. Runs in the supervisor, again for each generation, and in ``appliance check``.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.discovery.absence import describe_absence
from appliance.discovery.asgi_applications import AsgiError
from appliance.discovery.rules.declared import flask_rule, tool_rule
from appliance.discovery.rules.deployment import deployment_rule
from appliance.discovery.rules.django import django_rule, unmanaged_rule
from appliance.discovery.rules.paste_file import paste_rule
from appliance.discovery.rules.pecan import pecan_rule
from appliance.discovery.rules.target_forms import explicit_target, refused_error, serving_needs
from appliance.discovery.rules.usual_names import console_rule, package_rule, scan_rule, usual_files_rule
from appliance.discovery.source.modules import Modules
from appliance.discovery.target import Context, Finding, RuleResult
from appliance.discovery.unserved_routes import Unserved, find_unserved
from appliance.errors import ApplicationError
from appliance.protocol.record import Record, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from appliance.discovery.target import Target

_RULES: tuple[Callable[[Context], RuleResult], ...] = (
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


class Project(Record):
    """A project and its application.

    Attributes:
        findings: what each rule looked at, in order; the last one was chosen.
        unserved: what the project has only in its ASGI application, and WSGI does not serve.
        unparsed: the files that can't be parsed now, of those that were read.
    """

    root: Path
    target: Target
    findings: tuple[Finding, ...]
    unserved: Unserved | None = None
    unparsed: frozenset[Path] = frozenset()

    @property
    def folder(self) -> Path:
        """The application's folder; for Django without its own WSGI module, the folder of manage.py."""
        return Path(self.target.file).parent if self.target.file else Path(self.target.search_path[0])


def find_application(root: Path, values: Mapping[str, str], app: str | None, *, adapts: bool = False) -> Project:
    """Find the application, without importing anything.

    Args:
        root: the project's folder; ``identity.folder.check_folder`` has accepted it.
        values: the project's environment.
        app: APPLIANCE_APP, or nothing.
        adapts: whether an ASGI application can be chosen if there is no WSGI application (APPLIANCE_ASGI).

    Raises:
        ApplicationError: none, several equally good ones, or one that can't be served; ``details`` has the findings.
    """
    context = Context(root, values, Modules(root), adapts)
    try:
        return replace(_found(context, app), unparsed=context.modules.unparsed)
    except ApplicationError as error:
        error.unparsed = context.modules.unparsed
        raise


def _found(context: Context, app: str | None) -> Project:
    """Return the project by the application's name, or by the first rule that finds one."""
    root, adapts = context.root, context.adapts
    if app:
        return _project(context, _named(context, app), (), rule="APPLIANCE_APP")
    findings: list[Finding] = []
    rulings: list[RuleResult] = []
    for rule in _RULES:
        ruling = rule(context)
        findings += ruling.findings
        if ruling.target and not (rule is scan_rule and _is_doubtful(context, ruling.target, rulings)):
            return Project(root, ruling.target, tuple(findings), find_unserved(context, ruling.target))
        rulings.append(ruling)
        certain = _certain_asgi(rulings)
        if adapts and len(certain) == 1 and certain[0].framework != "Django":  # a later rule may find all of Django
            return _project(context, certain[0], findings, rule="ASGI")
    certain = _certain_asgi(rulings)
    if adapts and len(certain) == 1:
        return _project(context, certain[0], findings, rule="ASGI")
    # A settings file for tests is the last resort.
    weak = min(filter(None, (ruling.weak for ruling in rulings)), key=lambda each: each.kind == "paste", default=None)
    if weak and not certain and not any(ruling.tied for ruling in rulings):
        findings.append(Finding("A usual name", context.name(Path(weak.file)), weak.why, "chosen"))
        return Project(root, weak, tuple(findings))
    error = _not_found(context, rulings, certain)
    error.details["findings"] = [dict(vars(finding)) for finding in findings]
    raise error


def _named(context: Context, app: str) -> Target:
    """Return the target that APPLIANCE_APP names."""
    try:
        return explicit_target(context, app, "APPLIANCE_APP", run=True)
    except AsgiError as error:
        if context.adapts:
            return error.target
        with contextlib.suppress(ApplicationError):
            other = find_application(context.root, context.values, None).target
            error.action += f" Or remove APPLIANCE_APP: then {other.name} is served."
        raise


def _project(context: Context, target: Target, findings: Iterable[Finding], *, rule: str) -> Project:
    """Return the project with a target that none of ``_RULES`` has chosen; ``rule``: what has, for people."""
    return Project(context.root, target, (*findings, Finding(rule, target.name, target.why, "chosen")))


def _certain_asgi(rulings: list[RuleResult]) -> tuple[Target, ...]:
    """Return the ASGI applications that were found before anything doubtful."""
    for ruling in rulings:
        if ruling.asgi or ruling.weak or ruling.tied:
            return ruling.asgi
    return ()


def _is_doubtful(context: Context, target: Target, rulings: list[RuleResult]) -> bool:
    """Whether the application that the scan found is worse than what another rule has seen.

    A function of (environ, start_response) somewhere is worse than ``application`` in the project's run.py; and an
    application that an ASGI application mounts is only a part of it.
    """
    weak = any(ruling.weak for ruling in rulings)
    if weak and target.kind == "object" and target.framework in {"", "WSGI"}:
        return True
    files = {Path(asgi.file) for ruling in rulings for asgi in ruling.asgi if asgi.file}
    return any("WSGIMiddleware" in context.modules.source(file).text for file in files)


def _not_found(context: Context, rulings: list[RuleResult], asgi: tuple[Target, ...]) -> ApplicationError:
    """Return the error if no application can be chosen; ``asgi``: those that can only be adapted."""
    refused = tuple(dict.fromkeys(reason for ruling in rulings for reason in ruling.refused))
    if asgi and not (context.adapts and len(asgi) > 1):
        return AsgiError(context.root, "; ".join(refused), asgi[0])
    tied = next((ruling.tied for ruling in rulings if ruling.tied), ()) or tuple(target.name for target in asgi)
    if tied:
        return ApplicationError(
            f"Several WSGI applications found: {', '.join(tied)}",
            expected="one application, or a setting that names one of them",
            action=f"Set APPLIANCE_APP={tied[0]}, for example.",
            needs=serving_needs(tied),
            kind="tie",
            candidates=list(tied),
        )
    if refused:
        return refused_error("the project", refused)
    found = describe_absence(context.modules)
    return ApplicationError(
        f"No WSGI application found. {found.text}",
        expected="a manage.py of Django, a wsgi.py or app.py that binds app or application, or a create_app()",
        action=found.action,
        needs=serving_needs([found.application] if found.application else []),
        kind="none",
    )
