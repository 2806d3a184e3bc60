"""Write the chosen services as lines of a compose file: the services, the variables of `app`, and the volumes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from appliance.commands.backing_services.service_choice import choose, dependency_names
from appliance.commands.backing_services.service_table import ROOT
from appliance.commands.backing_services.service_variables import elsewhere, place_of, variables_for
from appliance.commands.backing_services.variables_read import variables_read
from appliance.commands.yaml_scalars import compose_scalar
from appliance.config.env import load_environment
from appliance.conventions import EXAMPLE_FILES
from appliance.discovery.source.modules import Modules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from appliance.commands.backing_services.service_choice import Chosen
    from appliance.commands.backing_services.service_variables import Place
    from appliance.commands.backing_services.variables_read import ReadVariables
    from appliance.discovery.target import Target


@dataclass(frozen=True)
class Wanted:
    """A service that the project needs.

    Attributes:
        chosen: which one, and why.
        place: where the project finds it.
        more: what its image reads too.
        at: returns the variables with which the project finds it at a place.
    """

    chosen: Chosen
    place: Place
    at: Callable[[Place], Mapping[str, str]]
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables with which the project finds it."""
        return self.at(self.place)


@dataclass(frozen=True)
class Services:
    """The services of a project, in the order of their table.

    Attributes:
        wanted: the services.
        notes: what a person should know: a database elsewhere, a host that the settings say in full.
    """

    wanted: tuple[Wanted, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def variables(self) -> dict[str, str]:
        """Every variable, with its value; of two services that read one name, the later has it."""
        return {name: value for each in self.wanted for name, value in each.variables.items()}


def services_of(
    root: Path, target: Target | None, named: Sequence[str], given: Mapping[str, str], application: Path | None = None
) -> Services:
    """Return the services that a project's dependencies ask for.

    Args:
        root: the project's folder.
        target: its application, if it has one.
        named: APPLIANCE_DEPENDENCIES.
        given: the variables of its .env files.
        application: the folder of the application, if it is known.
    """
    dependencies = dependency_names(root, named, application)
    read = variables_read(Modules(root))
    read.note(dict(load_environment({}, root, EXAMPLE_FILES).values))
    read.note(given)
    django = target is not None and target.kind == "django"
    wanted: list[Wanted] = []
    notes: list[str] = []
    has_database = False
    for chosen in choose(dependencies, read):
        place = place_of(chosen.service, read)
        is_database = chosen.service.kind in {"postgres", "mysql"}
        first = is_database and not has_database
        at = partial(variables_for, chosen, read, dependencies, first=first, django=django)
        variables = at(place)
        has_database = has_database or is_database
        if away := elsewhere(variables, given, chosen.service):
            notes.append(f"No service for {chosen.service.title}: {away[0]} of the .env files names {away[1]}.")
            continue
        wanted.append(Wanted(chosen, place, at, _mail_port(chosen, variables, read)))
        host = read.literals.get("HOST", "") if first else ""
        if host and host != place.host and not any(_names_host(value, place) for value in variables.values()):
            notes.append(
                f"The settings name the database's host in full, {host}. In a container it is {place.host}:"
                f" read the host from a variable, such as PGHOST."
            )
    return Services(tuple(wanted), tuple(notes))


def _names_host(value: str, place: Place) -> bool:
    return value == place.host or f"@{place.host}:" in value


def variable_lines(services: Services) -> list[str]:
    """Return the entries of the `environment` of `app`."""
    if not services.wanted:
        return []
    entries = [f"      {name}: {compose_scalar(value)}" for name, value in services.variables.items()]
    return ["      # For the services below. These values win over those of .env files.", *entries]


def dependency_lines(services: Services) -> list[str]:
    """Return the `depends_on` of `app`."""
    if not services.wanted:
        return []
    lines = ["    depends_on:"]
    for each in services.wanted:
        lines += [f"      {each.place.host}:", "        condition: service_healthy"]
    return lines


def service_lines(services: Services) -> list[str]:
    """Return the services, each after an empty line."""
    return [line for each in services.wanted for line in _service(each)]


def volume_lines(services: Services) -> list[str]:
    """Return the entries of `volumes`."""
    return [f"  {each.chosen.service.name}:" for each in services.wanted if each.chosen.service.data]


def _service(wanted: Wanted) -> Iterator[str]:
    service, why = wanted.chosen.service, wanted.chosen.why
    yield ""
    yield f"  # {service.title}, because {why}."
    if any(name.endswith(("PASSWORD", "PASS")) for name, _ in service.environment):
        yield "  # Its port is not published: only the containers of this file reach it, so this password is no secret."
    yield f"  {wanted.place.host}:"
    yield f"    image: {service.image}"
    if service.hostname:
        yield f"    hostname: {wanted.place.host}  # it finds its data under this name"
    if service.environment:
        yield "    environment:"
        yield from (f"      {name}: {compose_scalar(value)}" for name, value in _environment(wanted))
    if service.data:
        yield from ("    volumes:", "      - type: volume", f"        source: {service.name}")
        yield f"        target: {service.data}"
    if service.page:
        yield f"    # Its page for you, at a free port: docker compose port {wanted.place.host} {service.page}"
        yield from ("    ports:", f'      - "127.0.0.1::{service.page}"')
    yield "    healthcheck:"
    yield f"      test: {json.dumps(list(service.health))}"
    # No start_period: from version 25 on, the engine then looks only every five seconds at first.
    yield from (f"      interval: {service.interval}", "      timeout: 10s", "      retries: 60")


def _environment(wanted: Wanted) -> Iterator[tuple[str, str]]:
    """Yield the image's variables, with the names of this place instead of the usual ones."""
    place = wanted.place
    for name, value in wanted.chosen.service.environment:
        if place.user == ROOT and name.endswith(("_USER", "_PASSWORD")) and "_ROOT_" not in name:
            continue
        if name.endswith("_USER"):
            yield name, place.user
        elif name.endswith(("_PASSWORD", "_PASS")):
            yield name, place.password
        elif name.endswith(("_DB", "_DATABASE")):
            yield name, place.name
        else:
            yield name, value
    yield from wanted.more.items()


def _mail_port(chosen: Chosen, variables: Mapping[str, str], read: ReadVariables) -> dict[str, str]:
    """Return the port at which the project expects its mail server, if no variable says it."""
    if chosen.service.kind != "mail" or any(str(chosen.service.port) in value for value in variables.values()):
        return {}
    return {"MP_SMTP_BIND_ADDR": f"[::]:{read.literals.get('MAIL_PORT', '25')}"}
