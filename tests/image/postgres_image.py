"""PostgreSQL of Debian's in an image of the tests' own, which reads the variables that PostgreSQL's own image reads.

No registry can be asked in the tests. Like PostgreSQL's image it first starts a server without TCP, which creates the
user and the database, and POSTGRES_PASSWORD_FILE names a file with the password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.image.conftest import command

if TYPE_CHECKING:
    from pathlib import Path

NAME = "appliance-test-postgres"
DOCKERFILE = """
FROM python:3.13-slim
RUN apt-get update \\
 && apt-get install --yes --no-install-recommends postgresql postgresql-client \\
 && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/*
ENV PGDATA=/var/lib/postgresql/data
COPY --chmod=0755 entrypoint /entrypoint
ENTRYPOINT ["/entrypoint"]
STOPSIGNAL SIGINT
"""
ENTRYPOINT = """#!/bin/bash
set -eu
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" && chown -R postgres "$PGDATA" && chmod 0700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0"
fi
export PATH="$(echo /usr/lib/postgresql/*/bin):$PATH"
if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE"); fi
user=${POSTGRES_USER:-postgres}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --username="$user" --auth-host=scram-sha-256 --pwfile=<(echo "$POSTGRES_PASSWORD") --no-sync >/dev/null
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  echo "unix_socket_directories = '/tmp'" >> "$PGDATA/postgresql.conf"
  pg_ctl --wait --options "-c listen_addresses=''" start
  createdb --host=/tmp --username="$user" "${POSTGRES_DB:-$user}"
  sleep 1.5  # other init scripts would run now; nothing may take this server for the real one
  pg_ctl --wait --mode=fast stop
fi
exec postgres -c listen_addresses='*' -c fsync=off
"""


def build(folder: Path) -> str:
    """Build the image, and return its name; the engine's cache has it from the second time on."""
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "entrypoint").write_text(ENTRYPOINT)
    command("docker", "build", "--quiet", "--tag", NAME, str(folder), timeout=280)
    return NAME
