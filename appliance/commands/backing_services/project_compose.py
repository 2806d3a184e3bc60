"""List the services of a project's own compose file that the dependencies need; the file is read, and not changed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.remedies.services import compose_services, service_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.commands.backing_services.service_text import Services
    from appliance.commands.backing_services.service_variables import Place

_ACCOUNT = {
    "user": r"(?:\w+_)?USER",
    "password": r"(?!.*ROOT)(?:\w+_)?PASS(?:WORD)?",
    "name": r"(?:\w+_)?(?:DB|DATABASE)",
}
# The account that an image makes if its environment names none; PostgreSQL's has to be given a password.
_IMAGES_OWN = {"postgres": {"user": "postgres"}, "rabbitmq": {"user": "guest", "password": "guest"}}


def project_compose_steps(root: Path, services: Services, compose: str) -> Iterator[str]:
    """Yield a sentence for each service: its name in the file and the variables for `app`, or that it must be added.

    Args:
        root: the project's folder.
        services: what its dependencies ask for.
        compose: the name of its compose file.
    """
    declared = dict(compose_services(root))
    for wanted in services.wanted:
        service = wanted.chosen.service
        found = service_at(root, service.port)
        if found is None:
            yield f"For {service.title}, add the service `{wanted.place.host}` and its volume of the diff too."
            continue
        own = declared.get(found.name, {})
        place = _place(found.name, own.get("environment"), service.kind, wanted.place)
        variables = ", ".join(f"{name}: {value}" for name, value in wanted.at(place).items())
        yield f"{service.title} is the service `{found.name}` of {compose}. Give `app` these variables: {variables}"
        if "env_file" in own:
            yield f"If the env_file of `{found.name}` names another user, password or database, use those."


def _place(name: str, environment: object, kind: str, usual: Place) -> Place:
    """Return the place of a service of the file, with the account that its image creates, as the file writes it."""
    if isinstance(environment, list):
        environment = dict(str(each).partition("=")[::2] for each in environment)
    known = environment if isinstance(environment, dict) else {}
    account = _IMAGES_OWN.get(kind, {}) | {
        part: str(value)
        for part, pattern in _ACCOUNT.items()
        for key, value in known.items()
        if value is not None and re.fullmatch(pattern, str(key))
    }
    root_password = next((value for key, value in known.items() if str(key).endswith("_ROOT_PASSWORD")), None)
    if "user" not in account and root_password is not None:
        account["password"] = str(root_password)
    if "user" in account:  # PostgreSQL's image names the database as the user
        account.setdefault("name", account["user"])
    return replace(usual, host=name, **account)
