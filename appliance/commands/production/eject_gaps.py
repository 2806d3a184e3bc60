"""List the unknown facts about a project, one sentence for each: secrets, hosts, database, files.

The sentences are printed at the end, and are comments of the files that they are about.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from appliance.commands.production.eject_manifests import COMPOSE, VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.commands.production.eject_facts import Facts

_ALEMBIC = frozenset({"alembic", "flask-migrate"})
_WORKERS = frozenset({"celery", "huey", "rq", "dramatiq", "apscheduler", "django-q2"})


@dataclass(frozen=True)
class Gap:
    """One thing that is not known; ``place``: the files that it is about, the image's or those that run it."""

    topic: str
    text: str
    place: Literal["image", "run"]


def gaps_of(facts: Facts) -> list[Gap]:
    """Return the unknown facts; those that prevent a start come first."""
    return [*_variables(facts), *_of_django(facts), *_of_dependencies(facts), *_of_running(facts)]


def texts(gaps: list[Gap], place: str) -> list[str]:
    """Return the sentences for one place."""
    return [f"{gap.topic}: {gap.text}" for gap in gaps if gap.place == place]


def _variables(facts: Facts) -> Iterator[Gap]:
    if facts.required:
        names = ", ".join(facts.required)
        yield Gap("secrets", f"the values of {names}, without which the project does not start: {VARIABLES}", "run")
    if facts.given:
        yield Gap(
            "secrets", f"the production values of {', '.join(facts.given)}, which .env sets here: {VARIABLES}", "run"
        )
    if not facts.required and not facts.given:
        yield Gap(
            "secrets",
            "the project reads no variable without a default; not known: does its code contain secrets?",
            "run",
        )


def _of_django(facts: Facts) -> Iterator[Gap]:
    django = facts.django
    if django is None:
        yield Gap(
            "hosts", "the server accepts every Host header: the proxy in front must allow your hosts alone", "run"
        )
        yield Gap(
            "database", "not known: the services that the project connects to, and their addresses in production", "run"
        )
        if "flask-sqlalchemy" in facts.lock.names:
            text = "with SQLite, Flask-SQLAlchemy makes the folder instance/: mount a volume there, or name a server"
            yield Gap("database", text, "run")
        if _ALEMBIC & facts.lock.names:
            yield _migrations("flask db upgrade" if "flask-migrate" in facts.lock.names else "alembic upgrade head")
        yield Gap("static files", "the application serves its own, if it has any; a proxy does that faster", "image")
        yield Gap("uploads", "the container is read-only: mount a volume where the project writes files", "run")
        return
    module = facts.entry.environ.get("DJANGO_SETTINGS_MODULE", "")
    if re.search(r"(?:\A|[._])(?:dev|development|local|debug)\Z", module):
        yield Gap(
            "settings", f"{module} is for development; set DJANGO_SETTINGS_MODULE to those of production", "image"
        )
    if django["debug"]:
        yield Gap("DEBUG", "it is True here; in production it must be False, or every client sees tracebacks", "run")
    if django["public_key"]:
        text = "it is the one that startproject wrote into the settings; in production it must be one that nobody knows"
        yield Gap("SECRET_KEY", text, "run")
    hosts = ", ".join(django["hosts"]) or "empty"
    yield Gap("ALLOWED_HOSTS", f"it is {hosts} here; it must name your hosts when DEBUG is False", "run")
    yield from _databases(django["databases"])
    yield _migrations(f"python {facts.manage or 'manage.py'} migrate --noinput")
    yield from _static(facts, django)
    if django["media_root"]:
        yield Gap(
            "media", f"uploads go to {django['media_root']}: mount a volume there, and serve it by the proxy", "run"
        )
    if not django["https"]:
        yield Gap("HTTPS", "behind a proxy, set SECURE_PROXY_SSL_HEADER and CSRF_TRUSTED_ORIGINS", "run")


def _databases(databases: Mapping[str, list[str]]) -> Iterator[Gap]:
    for name, (engine, place) in sorted(databases.items()):
        if engine.endswith("sqlite3"):
            file = os.path.basename(place)  # noqa: PTH119  a text, of no file
            text = f"{name} is the SQLite file {file}: not in the image, which is read-only; mount it, or name a server"
        else:
            text = f"{name} uses {engine}; not known: does the container reach its server with these settings?"
        yield Gap("database", text, "run")


def _migrations(command: str) -> Gap:
    once = f"docker compose -f {COMPOSE} run --rm app {command}"
    return Gap("migrations", f"the container applies none; once for each release: {once}", "run")


def _static(facts: Facts, django: Mapping[str, object]) -> Iterator[Gap]:
    if not django["collects"]:
        return
    if not django["static_root"]:
        yield Gap("static files", "STATIC_ROOT is not set, so they are not collected, and nothing serves them", "image")
    elif not facts.manage:
        yield Gap("static files", "there is no manage.py to collect them with", "image")
    elif not django["whitenoise"]:
        text = f"collected into {django['static_root']}; without WhiteNoise the proxy must serve {django['static_url']}"
        yield Gap("static files", text, "image")


def _of_dependencies(facts: Facts) -> Iterator[Gap]:
    locked = facts.lock
    if not locked.hashed:
        yield Gap("hashes", "the index gave none, so the lock has versions alone; run it again with a network", "image")
    for url in locked.urls:
        yield Gap("lock", f"{url} is locked by its address alone", "image")
    for text in locked.lost:
        yield Gap("lock", text, "image")
    if locked.left_out:
        names = ", ".join(locked.left_out)
        yield Gap("development", f"left out, because only development needs them: {names}", "image")
    if locked.built:
        names, headers = ", ".join(locked.built), ", ".join(locked.headers) or "none known"
        text = (
            f"compiled here: {names}; a build installs a compiler and headers ({headers});"
            " not known: are these all, and which libraries do they load?"
        )
        yield Gap("system libraries", text, "image")
    if facts.installs:
        yield Gap("lock", "the tools that build the project itself are those of the day of the build", "image")


def _of_running(facts: Facts) -> Iterator[Gap]:
    for command in facts.before_start:
        yield Gap("BEFORE_START", f"`{command}` runs before each start here; the image does not run it", "run")
    if workers := sorted(_WORKERS & facts.lock.names):
        yield Gap("other processes", f"workers and schedulers ({', '.join(workers)}) need services of their own", "run")
    if facts.one_process:
        text = "one process serves, as Socket.IO needs it; more need a proxy with sticky sessions and a message queue"
        yield Gap("Socket.IO", text, "run")
    yield Gap(
        "health", "a path that shows whether the project works: HEALTH_PATH names it, / is asked without it", "run"
    )
