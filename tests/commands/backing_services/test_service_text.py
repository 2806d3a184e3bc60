"""The services in the files of `appliance init`: those that are written, by dependency, and the variables of `app`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from appliance.commands.backing_services.service_table import TABLE, documentation
from appliance.commands.backing_services.service_text import Services, services_of
from appliance.commands.compose_draft import Image, compose_text
from appliance.commands.image_source import ImageSource
from appliance.commands.init_templates import drafts
from appliance.discovery.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
DJANGO = Target("django", "", "", "", "no", (), {"DJANGO_SETTINGS_MODULE": "settings"}, framework="Django")
USUAL = {"PGHOST": "postgres", "PGUSER": "app", "PGPASSWORD": "app", "PGDATABASE": "app"}


def made(root: Path, requirements: str, text: str = "", target: Target | None = None, **given: str) -> Services:
    """The services of a project with these requirements and this source."""
    (root / "requirements.txt").write_text(requirements.replace(" ", "\n"), encoding="utf-8")
    (root / "settings.py").write_text(text, encoding="utf-8")
    return services_of(root, target, (), given)


def written(services: Services) -> dict[str, Any]:
    """Return the YAML of the compose file with these services."""
    read: dict[str, Any] = yaml.safe_load(compose_text(None, Image(ImageSource()), services))
    return read


def shown(services: Services, *names: str) -> Mapping[str, str]:
    """The variables of `app`, as the file has them."""
    environment = written(services)["services"]["app"]["environment"]
    return {name: environment[name] for name in names or services.variables}


@pytest.mark.parametrize("service", TABLE, ids=lambda service: service.name)
def test_each_driver_asks_for_its_service(tmp_path: Path, service: Any) -> None:
    """Every distribution of the table brings its service alone: healthy before `app` starts, its data in a volume."""
    for driver in sorted(service.drivers):
        file = written(made(tmp_path, driver))
        assert set(file["services"]) == {"app", service.name}, driver
        assert file["services"]["app"]["depends_on"] == {service.name: {"condition": "service_healthy"}}
        assert file["services"][service.name]["healthcheck"]["test"] == list(service.health)
        assert (service.name in file["volumes"]) == bool(service.data)
        ports = file["services"][service.name].get("ports", [])
        assert ports == ([f"127.0.0.1::{service.page}"] if service.page else [])


@pytest.mark.parametrize(
    "requirements", ["flask", "redis-om-hints psycopg-like", "#psycopg", "kombu-extras", "django-celery-beats", ""]
)
def test_other_dependencies_ask_for_nothing(tmp_path: Path, requirements: str) -> None:
    """A name that only contains a driver's name is another distribution."""
    services = made(tmp_path, requirements)
    assert services == Services()
    assert set(written(services)["services"]) == {"app"}


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("import os\nos.environ['DATABASE_URL']", {"DATABASE_URL": "postgresql://app:app@postgres:5432/app"}),
        (
            "import dj_database_url\ndj_database_url.config()",
            {"DATABASE_URL": "postgresql://app:app@postgres:5432/app"},
        ),
        ("env.db()", {"DATABASE_URL": "postgresql://app:app@postgres:5432/app"}),
        ("env.db('SHOP_DB_URL', default='x')", {"SHOP_DB_URL": "postgresql://app:app@postgres:5432/app"}),
        (
            "os.getenv('DB_HOST')\nos.environ.get('DB_NAME', 'x')\nconfig('DB_USER')\nget_secret('DB_PASSWORD')",
            {"DB_HOST": "postgres", "DB_NAME": "app", "DB_PASSWORD": "app", "DB_USER": "app"},
        ),
        (
            "os.getenv('POSTGRES_HOST'), os.getenv('POSTGRES_DB')",
            {"POSTGRES_DB": "app", "POSTGRES_HOST": "postgres", "PGUSER": "app", "PGPASSWORD": "app"},
        ),
        (
            "class Settings(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='shop_')\n    db_url: str",
            {"SHOP_DB_URL": "postgresql://app:app@postgres:5432/app"},
        ),
        ("os.environ['TEST_DATABASE_URL']\nos.environ['MONGO_DB_HOST']\nos.environ['PATH']", USUAL),
        ("app.config['DATABASE_URL']\nos.environ['DATABASE_URL'] = 'x'\n", USUAL | {"DATABASE_URL": "written"}),
        ("", USUAL),
        ("this is (no Python", USUAL),
    ],
)
def test_each_variable_that_the_sources_read_gets_its_value(
    tmp_path: Path, text: str, variables: dict[str, str]
) -> None:
    """Each name that the sources read for the database gets its value; what they do not read, libpq's own names."""
    found = shown(made(tmp_path, "psycopg[binary]", text))
    if "written" in variables.values():  # an assignment looks like a reader, and does no harm
        assert found == {"DATABASE_URL": "postgresql://app:app@postgres:5432/app"}
    else:
        assert found == variables


@pytest.mark.parametrize(
    ("requirements", "url"),
    [
        ("sqlalchemy psycopg2", "postgresql://app:app@postgres:5432/app"),
        ("sqlalchemy psycopg", "postgresql+psycopg://app:app@postgres:5432/app"),
        ("flask-sqlalchemy pg8000", "postgresql+pg8000://app:app@postgres:5432/app"),
        ("psycopg", "postgresql://app:app@postgres:5432/app"),
        ("django sqlalchemy psycopg", "postgresql://app:app@postgres:5432/app"),
        ("sqlalchemy pymysql", "mysql+pymysql://root:app@mysql:3306/app"),
        ("django mysqlclient", "mysql://root:app@mysql:3306/app"),
        ("mariadb", "mysql://root:app@mariadb:3306/app"),
    ],
)
def test_the_url_names_a_driver_for_sqlalchemy_alone(tmp_path: Path, requirements: str, url: str) -> None:
    """SQLAlchemy needs the name of a driver that is not its default; Django and the drivers refuse such a name."""
    assert shown(made(tmp_path, requirements, "import os\nos.environ['DATABASE_URL']"), "DATABASE_URL") == {
        "DATABASE_URL": url
    }


@pytest.mark.parametrize(
    ("requirements", "text", "services"),
    [
        ("celery", "", {"rabbitmq"}),
        ("celery", "BROKER = 'redis://localhost/1'", {"redis"}),
        ("celery", "BROKER = 'amqp://localhost'", {"rabbitmq"}),
        ("celery", "BROKER = 'filesystem://'", set()),
        ("celery redis", "", {"redis"}),
        ("celery redis", "BROKER = 'pyamqp://guest@localhost'", {"redis", "rabbitmq"}),
        ("celery[redis]", "", {"redis"}),
        ("celery valkey", "", {"valkey"}),
        ("valkey redis", "", {"valkey"}),
    ],
)
def test_sources_and_clients_say_which_broker_celery_uses(
    tmp_path: Path, requirements: str, text: str, services: set[str]
) -> None:
    """The URLs in the sources and the installed clients say which broker it is; RabbitMQ is Celery's default."""
    found = made(tmp_path, requirements, text)
    assert {each.place.host for each in found.wanted} == services
    assert ("CELERY_BROKER_URL" in found.variables) == ("celery" in requirements and bool(services))


@pytest.mark.parametrize(
    ("requirements", "text", "image"),
    [
        ("django psycopg", "INSTALLED_APPS = ['django.contrib.gis']", "postgis/postgis:17-3.5"),
        ("django psycopg", "D = {'ENGINE': 'django.contrib.gis.db.backends.postgis'}", "postgis/postgis:17-3.5"),
        ("django psycopg", "env.db(default='postgis://localhost/shop')", "postgis/postgis:17-3.5"),
        ("sqlalchemy psycopg GeoAlchemy2", "", "postgis/postgis:17-3.5"),
        ("django psycopg pgvector", "", "pgvector/pgvector:pg17"),
        ("django psycopg", "from django.contrib.gis.geoip2 import GeoIP2", "postgres:17"),
    ],
)
def test_an_extension_of_postgresql_has_an_image_of_its_own(
    tmp_path: Path, requirements: str, text: str, image: str
) -> None:
    """PostGIS and pgvector are in no image of PostgreSQL's: a migration that creates the extension would fail there."""
    services = made(tmp_path, requirements, text, DJANGO)
    assert written(services)["services"]["postgres"]["image"] == image


def test_a_pgvector_project_without_postgresql_has_no_service(tmp_path: Path) -> None:
    """Extensions alone ask for nothing: their clients have other databases too."""
    assert made(tmp_path, "pgvector geoalchemy2", "'postgis'") == Services()


def test_geodjango_gets_its_backend(tmp_path: Path) -> None:
    """Django's backend is the spatial one, where a variable or a URL's scheme chooses it."""
    (tmp_path / ".env.example").write_text("DATABASE_URL=postgis://localhost/shop\n", encoding="utf-8")
    text = "env('DB_ENGINE'), env.db()"
    assert shown(made(tmp_path, "django psycopg", text, DJANGO), "DB_ENGINE", "DATABASE_URL") == {
        "DB_ENGINE": "django.contrib.gis.db.backends.postgis",
        "DATABASE_URL": "postgis://app:app@postgres:5432/app",
    }


def test_literal_values_of_djangos_settings_are_the_services(tmp_path: Path) -> None:
    """A user, a name and a host that are written in DATABASES are those of the service; localhost can't be."""
    text = "D = {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'shop', 'USER': 'seller', 'HOST': 'HOSTNAME'}"
    services = made(tmp_path, "django psycopg", text.replace("HOSTNAME", "db"), DJANGO)
    assert services.notes == ()
    assert shown(services) == {"PGPASSWORD": "app"}
    environment = {"POSTGRES_USER": "seller", "POSTGRES_PASSWORD": "app", "POSTGRES_DB": "shop"}
    assert written(services)["services"]["db"]["environment"] == environment
    services = made(tmp_path, "django psycopg", text.replace("HOSTNAME", "localhost"), DJANGO)
    assert [each.place.host for each in services.wanted] == ["postgres"]
    assert "The settings name the database's host in full, localhost." in services.notes[0]


def test_a_database_elsewhere_needs_no_service(tmp_path: Path) -> None:
    """A service that a .env file names on another machine is used, and reported; a local address is replaced."""
    text = "import os\nos.environ['DATABASE_URL']"
    services = made(tmp_path, "psycopg", text, DATABASE_URL="postgres://a:b@db.example.com/x")
    assert services.wanted == ()
    assert services.notes == ("No service for PostgreSQL: DATABASE_URL of the .env files names db.example.com.",)
    for local in ("postgres://a:b@localhost/x", "postgres://a:b@127.0.0.1/x", "postgres://a:b@db/x", "no URL: [", ""):
        assert (
            made(tmp_path, "psycopg", text, DATABASE_URL=local).variables["DATABASE_URL"].endswith("@postgres:5432/app")
        )


def test_a_project_that_reads_email_host_gets_a_mail_catcher(tmp_path: Path) -> None:
    """Reading EMAIL_HOST asks for it. It listens at the port that the project expects, and takes no encryption."""
    services = made(tmp_path, "django", "env('EMAIL_HOST')\nenv.bool('EMAIL_USE_TLS')\nenv('EMAIL_HOST_USER')", DJANGO)
    expected = {"EMAIL_HOST": "mail", "EMAIL_HOST_USER": "app@localhost", "EMAIL_USE_TLS": "0"}
    assert shown(services) == expected
    assert written(services)["services"]["mail"]["environment"]["MP_SMTP_BIND_ADDR"] == "[::]:25"
    services = made(tmp_path, "django", "env('EMAIL_HOST')\nEMAIL_PORT = 587", DJANGO)
    assert written(services)["services"]["mail"]["environment"]["MP_SMTP_BIND_ADDR"] == "[::]:587"
    services = made(tmp_path, "django", "env('EMAIL_HOST'), env('EMAIL_PORT')", DJANGO)
    assert shown(services) == {"EMAIL_HOST": "mail", "EMAIL_PORT": "1025"}
    assert "MP_SMTP_BIND_ADDR" not in written(services)["services"]["mail"]["environment"]
    assert made(tmp_path, "django", "EMAIL_HOST = 'smtp.example.com'", DJANGO) == Services()


def test_an_example_names_variables_too(tmp_path: Path) -> None:
    """A variable of .env.example counts as read, also where the code reads it by a way of its own."""
    (tmp_path / ".env.example").write_text("APP_DATABASE_HOST=localhost\nAPP_DATABASE_PASS=$x\n", encoding="utf-8")
    found = shown(made(tmp_path, "mysqlclient"))
    assert found == {"APP_DATABASE_HOST": "mysql", "APP_DATABASE_PASS": "app"}


def test_each_of_two_databases_has_its_own_names(tmp_path: Path) -> None:
    """Names of any database are the first one's; each has its own names."""
    text = "import os\nos.environ['DATABASE_URL'], os.environ['MYSQL_HOST']"
    services = made(tmp_path, "psycopg pymysql", text)
    assert services.variables == {"DATABASE_URL": "postgresql://app:app@postgres:5432/app", "MYSQL_HOST": "mysql"}


def test_drivers_of_a_selected_extra_count(tmp_path: Path) -> None:
    """Drivers of an extra or a group count if APPLIANCE_DEPENDENCIES selects it, beside a lock too."""
    (tmp_path / "pyproject.toml").write_text(
        "[project]\nname = 'shop'\nversion = '1'\ndependencies = ['redis']\n"
        "[project.optional-dependencies]\npg = ['psycopg']\n",
        encoding="utf-8",
    )
    package = "[[package]]\nname = '{}'\nversion = '1'\n"
    for lock in ("", "version = 1\n" + package.format("psycopg") + package.format("redis") + package.format("pymysql")):
        if lock:
            (tmp_path / "uv.lock").write_text(lock, encoding="utf-8")
        assert [each.place.host for each in services_of(tmp_path, None, (), {}).wanted] == ["redis"]
        both = services_of(tmp_path, None, ("extra:pg",), {})
        assert [each.place.host for each in both.wanted] == ["postgres", "redis"]


@pytest.mark.parametrize("text", ["-r missing.txt\n", "\0\0", "psycopg @ \n[[["])
def test_requirements_that_cannot_be_read_do_not_fail_init(tmp_path: Path, text: str) -> None:
    """A broken file does not fail `init`: the page shows the error when the project starts."""
    (tmp_path / "requirements.txt").write_text(text, encoding="utf-8")
    assert {each.place.host for each in services_of(tmp_path, None, (), {}).wanted} <= {"postgres"}


def test_a_dollar_arrives_as_it_is(tmp_path: Path) -> None:
    """In a compose file $ begins a variable, so a password with one is written with two; in a URL it is quoted."""
    text = "D = {'ENGINE': 'django.db.backends.mysql', 'PASSWORD': 'a$b', 'USER': 'u'}\nos.environ['DATABASE_URL']"
    services = made(tmp_path, "mysqlclient", text, DJANGO)
    file = written(services)["services"]
    assert file["app"]["environment"]["DATABASE_URL"] == "mysql://u:a%24b@mysql:3306/app"
    assert file["mysql"]["environment"]["MYSQL_PASSWORD"] == "a$$b"


def test_a_dev_container_has_them_too(tmp_path: Path) -> None:
    """A dev container's compose file is a project of its own: it has the same services, variables and volumes."""
    services = made(tmp_path, "psycopg redis")
    image = Image(ImageSource())
    texts = {draft.path: draft.text for draft in drafts(tmp_path, None, [], image, services)}
    own, editor = (yaml.safe_load(texts[name]) for name in ("docker-compose.yml", ".devcontainer/docker-compose.yml"))
    assert own["services"].keys() == editor["services"].keys()
    assert own["volumes"] == editor["volumes"]
    assert own["services"]["app"]["depends_on"] == editor["services"]["app"]["depends_on"]
    assert services.variables.items() <= editor["services"]["app"]["environment"].items()
    without = {draft.path: draft.text for draft in drafts(tmp_path, None, [], image, Services())}
    template = ROOT / "appliance" / "templates" / "devcontainer" / "docker-compose.yml"
    assert without[".devcontainer/docker-compose.yml"] == template.read_text("utf-8")


def test_the_page_has_the_table(tmp_path: Path) -> None:
    """docs/own-project.md has the table, as it is in the code."""
    assert documentation() in (ROOT / "docs" / "own-project.md").read_text("utf-8")
