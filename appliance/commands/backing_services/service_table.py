"""The table of services: which dependencies ask for each, its image, its health check, and where it keeps its data.

The images are those of their projects, in the newest version of one line. Each health check fails until other
containers can connect: the entrypoints of database images first start a server for their own use, without TCP.

Decision 54 says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["postgres", "mysql", "redis", "rabbitmq", "mail"]

# User, password and database. A generated password would be in the same file, and another after each `init`, while the
# volume keeps the first one.
NAME = "app"
# Of MySQL and MariaDB, where only root may create the database of a test run. PostgreSQL's image makes its user one.
ROOT = "root"


@dataclass(frozen=True)
class BackingService:
    """A kind of service that a project may need, with its image.

    Attributes:
        title: as its project writes its name.
        kind: the protocol; MySQL and MariaDB share one.
        name: of the service, and of its volume.
        drivers: the distributions that ask for it; with an extra in brackets, those with that extra.
        image: the name and tag of the image that runs it.
        port: its own port.
        health: the words of its health check.
        data: the folder that its volume holds; empty if it keeps nothing.
        environment: what its image reads.
        interval: of its health check; longer where the check itself costs a second of CPU.
        hostname: whether it needs a fixed one, under which it finds its data again.
        page: the port of a page for people; it is published to this machine.
    """

    title: str
    kind: Kind
    name: str
    drivers: frozenset[str]
    image: str
    port: int
    health: tuple[str, ...]
    data: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    interval: str = "2s"
    hostname: bool = False
    page: int = 0


TABLE = (
    BackingService(
        "PostgreSQL", "postgres", "postgres",
        frozenset((
            "psycopg", "psycopg-binary", "psycopg2", "psycopg2-binary", "psycopg2cffi", "asyncpg", "aiopg", "pg8000",
        )),
        "postgres:17", 5432, ("CMD", "pg_isready", "--host=127.0.0.1"), "/var/lib/postgresql/data",
        (("POSTGRES_USER", NAME), ("POSTGRES_PASSWORD", NAME), ("POSTGRES_DB", NAME)),
    ),
    BackingService(
        "MariaDB", "mysql", "mariadb", frozenset(("mariadb",)),
        "mariadb:11.4", 3306, ("CMD", "healthcheck.sh", "--connect", "--innodb_initialized"), "/var/lib/mysql",
        (("MARIADB_USER", NAME), ("MARIADB_PASSWORD", NAME), ("MARIADB_DATABASE", NAME),
         ("MARIADB_ROOT_PASSWORD", NAME)),
    ),
    BackingService(
        "MySQL", "mysql", "mysql",
        frozenset(("mysqlclient", "pymysql", "mysql-connector-python", "aiomysql", "asyncmy", "flask-mysqldb")),
        "mysql:8.4", 3306, ("CMD", "mysqladmin", "ping", "--protocol=tcp", "--host=127.0.0.1"), "/var/lib/mysql",
        (("MYSQL_USER", NAME), ("MYSQL_PASSWORD", NAME), ("MYSQL_DATABASE", NAME), ("MYSQL_ROOT_PASSWORD", NAME)),
    ),
    BackingService(
        "Valkey", "redis", "valkey", frozenset(("valkey", "django-valkey")),
        "valkey/valkey:8", 6379, ("CMD-SHELL", "valkey-cli ping | grep -q PONG"), "/data",
    ),
    BackingService(
        "Redis", "redis", "redis",
        frozenset((
            "redis", "django-redis", "flask-redis", "rq", "django-rq", "rq-scheduler", "arq", "channels-redis",
            "celery[redis]", "kombu[redis]", "dramatiq[redis]",
        )),
        "redis:7", 6379, ("CMD-SHELL", "redis-cli ping | grep -q PONG"), "/data",
    ),
    BackingService(
        "RabbitMQ", "rabbitmq", "rabbitmq",
        frozenset(("pika", "aio-pika", "librabbitmq", "celery[librabbitmq]", "dramatiq[rabbitmq]")),
        "rabbitmq:4", 5672, ("CMD", "rabbitmq-diagnostics", "--quiet", "check_port_connectivity"), "/var/lib/rabbitmq",
        (("RABBITMQ_DEFAULT_USER", NAME), ("RABBITMQ_DEFAULT_PASS", NAME)), interval="5s", hostname=True,
    ),
    BackingService(
        "Mailpit", "mail", "mail", frozenset(("flask-mail", "flask-mailman")),
        "axllent/mailpit:v1.31", 1025, ("CMD", "/mailpit", "readyz"), "",
        # It takes any user and password, as the project's real mail server would take the right ones.
        (("MP_SMTP_AUTH_ACCEPT_ANY", "1"), ("MP_SMTP_AUTH_ALLOW_INSECURE", "1")), page=8025,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Extension:
    """An extension of PostgreSQL that its own image lacks.

    Attributes:
        title: as its project writes its name.
        drivers: the distributions that need it.
        image: the name and tag of the image that has it.
    """

    title: str
    drivers: frozenset[str]
    image: str


POSTGIS = Extension("PostGIS", frozenset(("geoalchemy2",)), "postgis/postgis:17-3.5")
EXTENSIONS = (POSTGIS, Extension("pgvector", frozenset(("pgvector",)), "pgvector/pgvector:pg17"))


def service_named(name: str) -> BackingService:
    """Return the service of this name."""
    return next(service for service in TABLE if service.name == name)


def documentation() -> str:
    """Return the table of docs/own-project.md: each service, its image, and the dependencies that ask for it."""
    lines = ["| service | image | asked for by |", "|---|---|---|"]
    for service in TABLE:
        drivers = ", ".join(f"`{driver}`" for driver in sorted(service.drivers))
        lines.append(f"| {service.title} | `{service.image}` | {drivers} |")
    for extension in EXTENSIONS:
        drivers = ", ".join(f"`{driver}`" for driver in sorted(extension.drivers))
        lines.append(
            f"| PostgreSQL with {extension.title} | `{extension.image}` | one of PostgreSQL's, and {drivers} |"
        )
    return "\n".join(lines) + "\n"
