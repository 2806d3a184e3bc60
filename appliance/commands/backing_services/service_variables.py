"""Give the variables that a project reads the values with which it finds its services.

A variable belongs to a service by its name: ``DATABASE_URL``, ``DB_HOST``, ``POSTGRES_PASSWORD``. If the project reads
no such name, the service's usual ones are set: libpq reads PGHOST by itself, and Celery CELERY_BROKER_URL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from appliance.commands.backing_services.service_table import NAME, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.commands.backing_services.service_choice import Chosen
    from appliance.commands.backing_services.service_table import BackingService
    from appliance.commands.backing_services.variables_read import ReadVariables

_PARTS = {
    "host": "HOST|HOSTNAME|SERVER",
    "port": "PORT",
    "user": "USER|USERNAME",
    "password": "PASSWORD|PASS|PASSWD",
    "name": "NAME|DB|DATABASE|DBNAME|DB_NAME|DATABASE_NAME|VHOST",
    "url": "URL|URI|DSN|DATABASE_URI|DATABASE_URL",
}
_OWN = {
    "postgres": "POSTGRES|POSTGRESQL|PG",
    "mysql": "MYSQL|MARIADB",
    "redis": "REDIS|VALKEY|CACHE_REDIS|RQ_REDIS",
    "rabbitmq": "RABBITMQ|RABBIT_MQ|RABBIT|AMQP|CLOUDAMQP",
    "mail": "EMAIL|MAIL|SMTP",
}
_ANY_DATABASE = "DATABASE|DB|SQL|RDS|SQLALCHEMY"
_BROKER = re.compile(r"(?:\w+_)?BROKER(?:_URL|_URI)?\Z")
_RESULTS = re.compile(r"(?:\w+_)?(?:RESULT_BACKEND|CELERY_BACKEND)(?:_URL)?\Z")
_CACHE_URL = re.compile(r"(?:\w+_)?CACHE_(?:URL|LOCATION)\Z")
_ENGINE = re.compile(rf"(?:\w+_)?(?:{_ANY_DATABASE}|{_OWN['postgres']}|{_OWN['mysql']})_ENGINE\Z")
_MAIL_ENCRYPTION = re.compile(r"(?:\w+_)?(?:EMAIL|MAIL|SMTP)_(?:USE_)?(?:TLS|SSL|STARTTLS)\Z")
_MAIL_BACKEND = re.compile(r"(?:\w+_)?EMAIL_BACKEND\Z")
# What can be a service of a compose file; localhost is the container itself.
_SERVICE_NAME = re.compile(r"(?!localhost\Z|app\Z)[a-z][a-z0-9_-]{0,40}\Z")
_LOCAL = re.compile(r"127\.|0\.0\.0\.0\Z|.*\.(?:internal|local|localhost)\Z")
_TESTS = re.compile(r"(?:\A|_)TEST(?:ING|S)?(?:_|\Z)")
# libpq reads these by itself, where a connection does not say the part.
_LIBPQ = {"host": "PGHOST", "user": "PGUSER", "password": "PGPASSWORD", "name": "PGDATABASE"}
_LITERALS = {"host": "HOST", "user": "USER", "password": "PASSWORD", "name": "NAME"}
# SQLAlchemy's dialects, for drivers that are not the default one of their database.
_DIALECTS = {
    "postgres": (("psycopg2", ""), ("psycopg2-binary", ""), ("psycopg", "+psycopg"), ("pg8000", "+pg8000"),
                 ("asyncpg", "+asyncpg")),
    "mysql": (("mysqlclient", ""), ("pymysql", "+pymysql"), ("mysql-connector-python", "+mysqlconnector"),
              ("mariadb", "+mariadbconnector")),
}  # fmt: skip
_SQLALCHEMY = frozenset(("sqlalchemy", "flask-sqlalchemy", "sqlmodel", "flask-migrate", "alembic"))
_SCHEMES = {"postgres": "postgresql", "mysql": "mysql", "redis": "redis", "rabbitmq": "amqp", "mail": "smtp"}


@dataclass(frozen=True)
class Place:
    """The place at which a project finds one service, and the user as which it connects.

    Attributes:
        host: the service's name.
        user: of a database or broker.
        password: the same.
        name: of the database.
    """

    host: str
    user: str = NAME
    password: str = NAME
    name: str = NAME


def place_of(service: BackingService, read: ReadVariables) -> Place:
    """Return the place of a service that ``init`` writes. Values that Django's settings give as literals are used."""
    if service.kind not in {"postgres", "mysql"}:
        return Place(service.name)
    parts = {part: read.literals[name] for part, name in _LITERALS.items() if name in read.literals}
    if not _SERVICE_NAME.match(parts.get("host", "")):
        parts["host"] = service.name
    if service.kind == "mysql":
        parts.setdefault("user", ROOT)
    return Place(**parts)


def variables_for(
    chosen: Chosen, read: ReadVariables, dependencies: frozenset[str], place: Place, *, first: bool, django: bool
) -> dict[str, str]:
    """Return the variables for one service, with their values.

    Args:
        chosen: the service.
        read: what the project reads.
        dependencies: the names of what is installed.
        place: where the project finds it.
        first: whether names of any database, such as DATABASE_URL, are this one's.
        django: whether Django serves the project.
    """
    service = chosen.service
    spatial = django and bool(read.spatial) and service.kind == "postgres"
    values = _values(service, place, dependencies, spatial=spatial)
    found: dict[str, str] = {}
    parts: set[str] = set()
    engine = _engine(service.kind, spatial=spatial) if first and django else None
    for name in read.names:
        part = _part_of(name, service.kind, first=first)
        if part and values.get(part) is not None:
            found[name] = values[part]
            parts.add(part)
        elif (value := _special(name, service.kind, values, engine=engine)) is not None:
            found[name] = value
    if "celery" in dependencies and (service.kind == "rabbitmq" or (service.kind == "redis" and _is_redis(read))):
        found.setdefault("CELERY_BROKER_URL", values["url"])
    found = dict(sorted(found.items()))
    return {**found, **dict(_usual(service.kind, values, parts | set(_literal_parts(read)), found, django=django))}


def _literal_parts(read: ReadVariables) -> Iterator[str]:
    yield from (part for part, name in _LITERALS.items() if name in read.literals)


def _values(service: BackingService, place: Place, dependencies: frozenset[str], *, spatial: bool) -> dict[str, str]:
    """Return the value of each part; a part that the service does not have is missing."""
    # django-environ and dj-database-url choose Django's backend by the scheme.
    scheme, kind = "postgis" if spatial else _SCHEMES[service.kind], service.kind
    if kind in _DIALECTS and dependencies & _SQLALCHEMY and "django" not in dependencies:
        scheme += next((dialect for driver, dialect in _DIALECTS[kind] if driver in dependencies), "")
    address = f"{place.host}:{service.port}"
    values = {"host": place.host, "port": str(service.port)}
    if kind in {"postgres", "mysql"}:
        account = {"user": place.user, "password": place.password, "name": place.name}
        return {**values, **account, "url": f"{scheme}://{_account(place)}@{address}/{_quoted(place.name)}"}
    if kind == "rabbitmq":
        account = {"user": place.user, "password": place.password, "name": "/"}
        return {**values, **account, "url": f"{scheme}://{_account(place)}@{address}//"}
    if kind == "redis":
        return {**values, "password": "", "name": "0", "url": f"{scheme}://{address}/0"}
    return {**values, "user": f"{NAME}@localhost", "password": NAME, "url": f"{scheme}://{address}"}


def _account(place: Place) -> str:
    return f"{_quoted(place.user)}:{_quoted(place.password)}"


def _quoted(text: str) -> str:
    """Return a text for a URL; a variable of a compose file stays one."""
    return text if "${" in text else quote(text, safe="")


def _part_of(name: str, kind: str, *, first: bool) -> str:
    """Return which part of this kind of service a variable names; empty for other variables."""
    if _TESTS.search(name):
        return ""
    own = f"{_OWN[kind]}|{_ANY_DATABASE}" if kind in {"postgres", "mysql"} and first else _OWN[kind]
    others = "|".join(words for other, words in _OWN.items() if other != kind)
    for part, words in _PARTS.items():
        # EMAIL_HOST_USER: Django's mail settings have the host's name in each.
        match = re.fullmatch(rf"((?:[A-Z0-9]+_)*?)(?:{own})_?(?:HOST_(?=USER|PASSWORD))?(?:{words})", name)
        if match and not re.search(rf"(?:{others}|MONGO|ELASTIC|ORACLE|MSSQL|CLICKHOUSE|INFLUX)", match[1]):
            return part
    return ""


def _engine(kind: str, *, spatial: bool) -> str:
    """Return the name of Django's backend for this kind of service."""
    if spatial:
        return "django.contrib.gis.db.backends.postgis"
    return f"django.db.backends.{'postgresql' if kind == 'postgres' else 'mysql'}"


def _special(name: str, kind: str, values: Mapping[str, str], *, engine: str | None) -> str | None:
    """Return the value of a variable of Celery, of a cache, of mail or of an engine; None for others."""
    rules = (
        (kind in {"redis", "rabbitmq"}, _BROKER, values["url"]),
        (kind == "redis", _RESULTS, values["url"]),
        (kind == "rabbitmq", _RESULTS, "rpc://"),
        (kind == "redis", _CACHE_URL, values["url"]),
        (engine is not None, _ENGINE, engine),
        (kind == "mail", _MAIL_ENCRYPTION, "0"),
        (kind == "mail", _MAIL_BACKEND, "django.core.mail.backends.smtp.EmailBackend"),
    )
    return next((value for applies, pattern, value in rules if applies and pattern.match(name)), None)


def _is_redis(read: ReadVariables) -> bool:
    """Whether a broker is Redis: the sources say so, or say nothing else."""
    return all(scheme.startswith(("redis", "valkey")) for scheme in read.schemes)


def _usual(
    kind: str, values: Mapping[str, str], parts: set[str], found: Mapping[str, str], *, django: bool
) -> Iterator[tuple[str, str]]:
    """Yield the usual variables of the services for which the project reads none."""
    if kind == "postgres" and "url" not in parts:
        yield from ((name, values[part]) for part, name in _LIBPQ.items() if part not in parts)
    elif not found and kind == "mysql" and not parts:
        yield from ((f"MYSQL_{part.upper()}", values[part]) for part in ("host", "user", "password"))
        yield "MYSQL_DATABASE", values["name"]
    elif not found and kind in {"redis", "rabbitmq"}:
        yield ("REDIS_URL" if kind == "redis" else "RABBITMQ_URL"), values["url"]
    elif not found and kind == "mail":
        yield from ((("EMAIL_HOST" if django else "MAIL_SERVER"), values["host"]),
                    (("EMAIL_PORT" if django else "MAIL_PORT"), values["port"]))  # fmt: skip


def elsewhere(
    variables: Mapping[str, str], given: Mapping[str, str], service: BackingService
) -> tuple[str, str] | None:
    """Return a variable of the project's .env files that names another machine, and that machine.

    Args:
        variables: those for this service.
        given: the variables of the project's .env files.
        service: the service that the variables belong to.
    """
    for name in variables:
        part = _part_of(name, service.kind, first=True) or ("url" if _BROKER.match(name) else "")
        value = given.get(name, "")
        try:
            host = urlsplit(value).hostname if part == "url" else value if part == "host" else ""
        except ValueError:
            continue
        # A name without a dot is a service of some compose file.
        if host and "." in host.strip(".") and not _LOCAL.match(host):
            return name, host
    return None
