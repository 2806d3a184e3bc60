"""Find the service of the project's compose file that something connects to, and write its name into ``.env``.

In a container, localhost is the container itself. A service is reached by its name, and by its own port, not by the one
that is published to the host.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import yaml

from appliance.conventions import COMPOSE_FILES
from appliance.dependencies.text_file import table
from appliance.remedies.file_edits import edit_to, read, sources, text_of
from appliance.remedies.remedy import Proposal
from appliance.remedies.variable_edits import variables_of, with_variable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.remedies.remedy import ProjectFacts

_USUAL = {
    5432: "postg|pgvector|timescale", 3306: "mysql|maria", 6379: "redis|valkey", 27017: "mongo", 5672: "rabbit",
    11211: "memcache", 9200: "elastic|opensearch", 1025: "mail", 9000: "minio", 1433: "mssql",
}  # fmt: skip
_LOCAL = r"(?:localhost|127\.0\.0\.1|\[?::1\]?)"
_READS = re.compile(
    rf"(?:environ\.get|getenv|config|env(?:\.str)?)\(\s*[\"']([A-Z][A-Z0-9_]{{1,80}})[\"'],\s*(?:default=)?[\"']{_LOCAL}[\"']"
)


class Service(NamedTuple):
    """A service of the compose file, and the port on which it listens in its own container."""

    name: str
    port: int


def use_service(facts: ProjectFacts, port: str) -> Proposal | None:
    """Write the name of the service that has this port, in place of localhost."""
    service = service_at(facts.root, int(port)) if facts.contained else None
    if service is None:
        return None
    why = f"The compose file has a service {service.name}, which listens on port {service.port}."
    text = text_of(read(facts.root, facts.env_file)) or ""
    after = _renamed(text, int(port), service)
    if after != text:
        edit = edit_to(facts.root, facts.env_file, after, variables=True)
        return Proposal(edit=edit, why=why) if edit else None
    name = next(_variables_read(facts.root), "")
    known = dict(variables_of(facts.root, facts.env_file))
    edit = with_variable(facts, name, service.name) if name and name not in known else None
    return Proposal(edit=edit, why=why) if edit else None


def start_service(facts: ProjectFacts, host: str) -> Proposal | None:
    """Show the command that starts this service: only the person's own machine can run it."""
    if host not in {name for name, _ in compose_services(facts.root)}:
        return None
    return Proposal(advice=f"docker compose up -d {host}", why=f"The compose file has a service {host}.")


def service_at(root: Path, port: int) -> Service | None:
    """Return the service that publishes or has this port, or whose image usually does."""
    services = list(compose_services(root))
    for name, service in services:
        for published, own in _ports(service):
            if port in {published, own}:
                return Service(name, own)
    usual = _USUAL.get(port)
    for name, service in services:
        if usual and re.search(usual, f"{name} {service.get('image', '')}", re.IGNORECASE):
            return Service(name, port)
    return None


def compose_services(root: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the services of the project's compose file, by name."""
    for file in COMPOSE_FILES:
        text = text_of(read(root, file))
        if text is None:
            continue
        try:
            services = table(yaml.safe_load(text), "services")
        except yaml.YAMLError:
            return
        for name, service in services.items():
            if isinstance(service, dict) and re.fullmatch(r"[A-Za-z0-9][\w.-]{0,200}", str(name)):
                yield str(name), service
        return


def set_in_compose(root: Path, service: str) -> frozenset[str]:
    """Return the variables to which the project's compose file gives a value, for one of its services."""
    environment = dict(compose_services(root)).get(service, {}).get("environment")
    if isinstance(environment, list):
        return frozenset(str(each).partition("=")[0] for each in environment if "=" in str(each))
    given = environment if isinstance(environment, dict) else {}
    return frozenset(str(name) for name, value in given.items() if value is not None)


def _ports(service: dict[str, object]) -> Iterator[tuple[int, int]]:
    """Yield each published port, 0 for none, with the service's own."""
    ports, exposed = service.get("ports"), service.get("expose")
    for each in ports if isinstance(ports, list) else ():
        if isinstance(each, dict):
            pair = (str(each.get("published", "0")), str(each.get("target", "")))
        else:
            parts = str(each).partition("/")[0].rsplit(":", 2)
            pair = (parts[-2] if len(parts) > 1 else "0", parts[-1])
        if pair[0].isdigit() and pair[1].isdigit():
            yield int(pair[0]), int(pair[1])
    for each in exposed if isinstance(exposed, list) else ():
        if str(each).isdigit():
            yield 0, int(str(each))


def _renamed(text: str, port: int, service: Service) -> str:
    """Return the variables with the service in place of localhost, in URLs with this port or in a host's variable."""
    url = re.compile(rf"(?m)^([ \t]*(?:export[ \t]+)?\w+[ \t]*=[^\r\n]*?(?:://|@)){_LOCAL}:{port}(?!\d)")
    after = url.sub(rf"\g<1>{service.name}:{service.port}", text)
    if after != text:
        return after
    prefixes = re.findall(rf"(?m)^[ \t]*(?:export[ \t]+)?(\w*?)PORT[ \t]*=[ \t]*[\"']?{port}[\"']?[ \t]*\r?$", text)
    hosts = re.findall(rf"(?m)^[ \t]*(?:export[ \t]+)?(\w*HOST\w*)[ \t]*=[ \t]*[\"']?{_LOCAL}[\"']?[ \t]*\r?$", text)
    related = [name for name in hosts if any(prefix and name.startswith(prefix) for prefix in prefixes)] or hosts
    if len(related) != 1:
        return text
    name = related[0]
    after = re.sub(rf"(?m)^([ \t]*(?:export[ \t]+)?{name}[ \t]*=[ \t]*[\"']?){_LOCAL}", rf"\g<1>{service.name}", text)
    if service.port != port and len(prefixes) == 1:
        pattern = rf"(?m)^([ \t]*(?:export[ \t]+)?{prefixes[0]}PORT[ \t]*=[ \t]*[\"']?){port}"
        after = re.sub(pattern, rf"\g<1>{service.port}", after)
    return after


def _variables_read(root: Path) -> Iterator[str]:
    """Yield the variables that the project's sources read a host from, with localhost as their default."""
    for file in sources(root):
        text = text_of(read(root, file)) or ""
        yield from (name for name in _READS.findall(text) if "HOST" in name or "SERVER" in name)
