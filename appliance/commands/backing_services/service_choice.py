"""Choose the services of a project: those that its installed dependencies ask for, as ``service_table`` says.

Installed packages count, also one that a lock has only because another package needs it. An extra that is not installed
does not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.commands.backing_services.service_table import EXTENSIONS, POSTGIS, TABLE, service_named
from appliance.dependencies.appliance_python import appliance_python_version
from appliance.dependencies.dependency_selection import read_choice
from appliance.dependencies.manifest import Search, form_of
from appliance.dependencies.manifest_search import read_manifest
from appliance.errors import InstallError
from appliance.package_names import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from appliance.commands.backing_services.service_table import BackingService
    from appliance.commands.backing_services.variables_read import ReadVariables

_LINE = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?")
_MAIL_HOST = re.compile(r"(?:\w+_)?(?:E?MAIL|SMTP)_(?:HOST|SERVER|URL)\Z")
_PYPROJECT = "pyproject.toml"


@dataclass(frozen=True)
class Chosen:
    """A service, and why it is there: a dependency, or a variable that the project reads."""

    service: BackingService
    why: str


def dependency_names(root: Path, named: Sequence[str], application: Path | None) -> frozenset[str]:
    """Return the normalised names of the installed packages, and each again with its extras: ``celery[redis]``.

    Args:
        root: the project's folder.
        named: APPLIANCE_DEPENDENCIES.
        application: the folder of the application, if it is known.
    """
    try:
        manifest = read_manifest(root, named, application)
        contents = manifest.contents(appliance_python_version())
        lines = [contents.index_query, *(line for tree in contents.trees for line in tree.requires or ())]
        pyproject = manifest.folder / _PYPROJECT
        if contents.lock is not None and pyproject.is_file():
            # The lock has packages for extras and platforms that are not installed here.
            search = Search(root, manifest.folder, read_choice(named))
            declared = form_of(_PYPROJECT)(search, pyproject)
            lines.append(declared.contents(appliance_python_version()).index_query if declared else "")
    except InstallError:
        return frozenset()  # the page and the log say what is wrong with the file
    return frozenset(name for text in lines for line in text.splitlines() for name in _names(line))


def _names(line: str) -> Iterator[str]:
    found = _LINE.match(line)
    if found is None:
        return
    yield normalized(found[1])
    for extra in (found[2] or "").split(","):
        if extra.strip():
            yield f"{normalized(found[1])}[{normalized(extra)}]"


def choose(names: frozenset[str], read: ReadVariables) -> list[Chosen]:
    """Return the services, in the order of the table; of each kind one."""
    asked = {service.name: sorted(service.drivers & names) for service in TABLE}
    chosen: dict[str, Chosen] = {}
    for service in TABLE:
        if asked[service.name]:
            chosen.setdefault(service.kind, Chosen(service, f"{asked[service.name][0]} is among the dependencies"))
    queue = next((name for name in ("celery", "kombu") if name in names), "")
    if queue and "rabbitmq" not in chosen and (broker := _broker(read.schemes, has_redis="redis" in chosen)):
        service = service_named(broker)
        chosen.setdefault(service.kind, Chosen(service, f"{queue} is among the dependencies"))
    host = next((name for name in read.names if _MAIL_HOST.match(name)), "")
    if host and "mail" not in chosen:
        chosen["mail"] = Chosen(service_named("mail"), f"the project reads {host}")
    ordered = sorted(chosen.values(), key=lambda each: TABLE.index(each.service))
    return [_extended(each, names, read) if each.service.kind == "postgres" else each for each in ordered]


def _extended(chosen: Chosen, names: frozenset[str], read: ReadVariables) -> Chosen:
    """Return PostgreSQL with the image that has the extension of the project; of several, the first of the table."""
    for extension in EXTENSIONS:
        why = [f"{name} is among the dependencies" for name in sorted(extension.drivers & names)]
        if extension is POSTGIS and read.spatial:
            why.append(f"the sources name {read.spatial}")
        if why:
            service = replace(chosen.service, title=f"PostgreSQL with {extension.title}", image=extension.image)
            return Chosen(service, f"{chosen.why}, and {why[0]}")
    return chosen


def _broker(schemes: Iterable[str], *, has_redis: bool) -> str:
    """Return the broker of Celery or kombu, from the URLs in the sources; RabbitMQ on this machine is their default."""
    if any(scheme.startswith(("amqp", "pyamqp")) for scheme in schemes):
        return "rabbitmq"
    if any(scheme.startswith(("redis", "valkey")) for scheme in schemes):
        return "redis"
    return "" if has_redis or schemes else "rabbitmq"
