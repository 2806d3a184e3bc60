"""Make a remedy from a need: one function for each row of ``remedy_kinds``.

A function reads the project's files and returns None where the need does not fit them: a worker may have lied. Runs in
a thread of the supervisor, because a mount may be slow.

Decision 42 says why.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from appliance.protocol.remedy_kinds import label_of, remedy_id
from appliance.remedies import command_remedies, requirement_edits, services, variable_edits
from appliance.remedies.application_edits import serve_application
from appliance.remedies.dependency_edits import add_dependency
from appliance.remedies.host_edits import add_host
from appliance.remedies.remedy import ProjectFacts, Proposal, Remedy

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.protocol.remedy_kinds import Need

MAKERS: MappingProxyType[str, Callable[..., Proposal | None]] = MappingProxyType(
    {
        "django-migrate": command_remedies.django_migrate,
        "flask-migrate": command_remedies.flask_migrate,
        "alembic-upgrade": command_remedies.alembic_upgrade,
        "flask-command": command_remedies.flask_command,
        "add-dependency": add_dependency,
        "reinstall": command_remedies.reinstall,
        "set-variable": variable_edits.set_variable,
        "make-secret": variable_edits.make_secret,
        "copy-example": variable_edits.copy_example,
        "add-host": add_host,
        "make-folder": command_remedies.make_folder,
        "use-service": services.use_service,
        "start-service": services.start_service,
        "use-version": requirement_edits.use_version,
        "use-instead": requirement_edits.use_instead,
        "serve-application": serve_application,
        "run-again": command_remedies.run_again,
        "use-python": command_remedies.use_python,
    }
)


def make(facts: ProjectFacts, scope: str, need: Need) -> Remedy | None:
    """Return the remedy for a checked need; None if the project's files do not fit it.

    Raises:
        OSError, ApplianceError: the project can't be read.
    """
    parameters = {name: value for name, value in need.items() if name != "kind"}
    made = MAKERS[need["kind"]](facts, **parameters)
    return None if made is None else Remedy(remedy_id(scope, need), need["kind"], label_of(need), made)
