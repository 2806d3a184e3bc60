"""The advice of `appliance init` about a project's own compose file: its services are used, and it is not changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.commands.backing_services.project_compose import project_compose_steps
from appliance.commands.backing_services.service_text import services_of

if TYPE_CHECKING:
    from pathlib import Path


def steps(root: Path, compose: str, requirements: str = "psycopg\n") -> list[str]:
    """The steps for a project with this compose file, whose source reads DATABASE_URL."""
    (root / "requirements.txt").write_text(requirements, encoding="utf-8")
    (root / "wsgi.py").write_text("import os\nos.environ['DATABASE_URL']\n", encoding="utf-8")
    (root / "compose.yaml").write_text(compose, encoding="utf-8")
    return list(project_compose_steps(root, services_of(root, None, (), {}), "compose.yaml"))


@pytest.mark.parametrize(
    ("service", "url"),
    [
        ("image: postgres:16\n    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: s3}", "shop:s3@db:5432/shop"),
        ("image: postgres\n    environment: {POSTGRES_PASSWORD: s3}", "postgres:s3@db:5432/postgres"),
        ("image: postgis/postgis\n    environment: [POSTGRES_PASSWORD=s3, POSTGRES_DB=x]", "postgres:s3@db:5432/x"),
        ("image: pgvector/pgvector:pg17\n    environment: {POSTGRES_PASSWORD: s3}", "postgres:s3@db:5432/postgres"),
        (
            "image: postgres\n    environment: {POSTGRES_USER: '${WHO:-me}', POSTGRES_PASSWORD: a}",
            "${WHO:-me}:a@db:5432/${WHO:-me}",
        ),
        ("image: own\n    ports: ['5432:5432']\n    environment: {POSTGRES_USER: }", "postgres:app@db:5432/postgres"),
        ("image: own\n    expose: [5432]\n    environment: 7", "postgres:app@db:5432/postgres"),
    ],
)
def test_a_service_that_the_compose_file_has_is_used(tmp_path: Path, service: str, url: str) -> None:
    """A service that the compose file has is used, with the name and the account that stand there."""
    said = f"DATABASE_URL: postgresql://{url}"
    start = "PostgreSQL is the service `db` of compose.yaml. Give `app` these variables: "
    assert steps(tmp_path, f"services:\n  db:\n    {service}\n") == [start + said]


def test_a_mysql_service_without_another_user_is_used_as_root(tmp_path: Path) -> None:
    """A service that has no user but root is used as root."""
    compose = "services:\n  sql:\n    image: mysql\n    environment: {MYSQL_ROOT_PASSWORD: r, MYSQL_DATABASE: x}\n"
    assert steps(tmp_path, compose, "pymysql\n")[0].endswith("DATABASE_URL: mysql://root:r@sql:3306/x")


@pytest.mark.parametrize(
    ("environment", "account"),
    [("", "guest:guest"), ("\n    environment: {RABBITMQ_DEFAULT_USER: shop, RABBITMQ_DEFAULT_PASS: s3}", "shop:s3")],
)
def test_a_broker_without_an_account_has_that_of_its_image(tmp_path: Path, environment: str, account: str) -> None:
    """A RabbitMQ whose service names no account has the one that its image makes."""
    compose = f"services:\n  broker:\n    image: rabbitmq:4{environment}\n"
    assert steps(tmp_path, compose, "pika\n")[0].endswith(f"amqp://{account}@broker:5672//")


def test_an_env_file_of_the_service_is_named(tmp_path: Path) -> None:
    """An env_file of the service may name another account, which is not read."""
    told = steps(tmp_path, "services:\n  db:\n    image: postgres\n    env_file: .env.db\n")
    assert told[1:] == ["If the env_file of `db` names another user, password or database, use those."]


@pytest.mark.parametrize("compose", ["services: {}\n", "- broken: [", "services:\n  cache: {image: redis}\n", ""])
def test_a_missing_service_is_named_by_the_step(tmp_path: Path, compose: str) -> None:
    """The step names the service that must be added; the diff above has its lines."""
    assert steps(tmp_path, compose) == ["For PostgreSQL, add the service `postgres` and its volume of the diff too."]
