# The appliance: a development server for the WSGI project mounted at /workspace.
#
#   docker build -t wsgi-appliance .
#   docker build -t wsgi-appliance --build-arg PYTHON=python:3.14-slim .     another base, another default Python
#   docker build -t wsgi-appliance --build-arg EXTRA_PYTHON=python:3.12-slim .     one more, for projects that need it
#   docker build -t wsgi-appliance --target full .     Python 3.10 to 3.14, a compiler, and headers: for projects with
#                                                      pins of some years ago, and packages that must be built
#
#   docker build -t wsgi-appliance --build-arg RUN_AS=10001 .     an image that is not root's: for clusters with runAsNonRoot
#   docker build -t wsgi-appliance --build-arg APPLIANCE_SOURCE=URL .     what `appliance init` writes as the image's source
#
# EXTRA_PYTHON_2 adds another one. Use images with the base's Debian, or an older one: a Python uses its libraries.
# Docker Engine 20.10 builds and runs it; tests/test_house.py checks that nothing newer is used.
ARG PYTHON=python:3.13-slim
ARG EXTRA_PYTHON=${PYTHON}
ARG EXTRA_PYTHON_2=${PYTHON}
# For the target full. Only BuildKit sets TARGETARCH, and makes only the stages that a target needs. The older builder
# makes all stages, and must not pull four images without need.
ARG PYTHON_3_10=${TARGETARCH:+python:3.10-slim}
ARG PYTHON_3_11=${TARGETARCH:+python:3.11-slim}
ARG PYTHON_3_12=${TARGETARCH:+python:3.12-slim}
ARG PYTHON_3_13=${TARGETARCH:+python:3.13-slim}
ARG PYTHON_3_14=${TARGETARCH:+python:3.14-slim}

# -- additional interpreters: empty, unless a build argument names one ------------------------------------------------
# The Python of an official image finds its library and prefix relative to itself, so it can be copied elsewhere.
FROM ${EXTRA_PYTHON} AS extra
ARG PYTHON
ARG EXTRA_PYTHON
COPY image/add_python.sh /add_python.sh
RUN sh /add_python.sh "${PYTHON}" "${EXTRA_PYTHON:-${PYTHON}}"

FROM ${EXTRA_PYTHON_2} AS extra-2
ARG PYTHON
ARG EXTRA_PYTHON_2
COPY image/add_python.sh /add_python.sh
RUN sh /add_python.sh "${PYTHON}" "${EXTRA_PYTHON_2:-${PYTHON}}"

# -- the Pythons of the target full -----------------------------------------------------------------------------------
FROM ${PYTHON_3_10:-${PYTHON}} AS python-3.10
ARG PYTHON
ARG PYTHON_3_10
COPY image/add_python.sh /add_python.sh
RUN sh /add_python.sh "${PYTHON}" "${PYTHON_3_10:-${PYTHON}}"

FROM ${PYTHON_3_11:-${PYTHON}} AS python-3.11
ARG PYTHON
ARG PYTHON_3_11
COPY image/add_python.sh /add_python.sh
RUN sh /add_python.sh "${PYTHON}" "${PYTHON_3_11:-${PYTHON}}"

FROM ${PYTHON_3_12:-${PYTHON}} AS python-3.12
ARG PYTHON
ARG PYTHON_3_12
COPY image/add_python.sh /add_python.sh
RUN sh /add_python.sh "${PYTHON}" "${PYTHON_3_12:-${PYTHON}}"

FROM ${PYTHON_3_13:-${PYTHON}} AS python-3.13
ARG PYTHON
ARG PYTHON_3_13
COPY image/add_python.sh /add_python.sh
RUN sh /add_python.sh "${PYTHON}" "${PYTHON_3_13:-${PYTHON}}"

FROM ${PYTHON_3_14:-${PYTHON}} AS python-3.14
ARG PYTHON
ARG PYTHON_3_14
COPY image/add_python.sh /add_python.sh
RUN sh /add_python.sh "${PYTHON}" "${PYTHON_3_14:-${PYTHON}}"

# -- build: steps that need a package index, or write files that do not belong in the image ---------------------------
FROM ${PYTHON} AS build
WORKDIR /build
COPY locks ./locks
# Versions and hashes are in locks/. The environment gets no pip: nothing is ever installed into it again. The files that
# are removed are for use in a shell, and nobody activates this environment; or OpenTelemetry's exporter never loads them:
# messages of Google's own services, names of attributes.
# hadolint ignore=DL3003
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
      --require-hashes --requirement locks/appliance.txt \
 && python3 -m venv --without-pip /opt/appliance \
 && uv pip install --no-cache --no-config --python /opt/appliance/bin/python \
      --require-hashes --requirement locks/appliance.txt \
 && rm -f /opt/appliance/.lock /opt/appliance/.gitignore \
      /opt/appliance/bin/[Aa]ctivate* /opt/appliance/bin/dotenv \
      /opt/appliance/bin/uvx \
 && rm -rf /opt/appliance/lib/python3*/site-packages/*.dist-info/sboms \
      /opt/appliance/lib/python3*/site-packages/yaml/_yaml*.so \
 && cd /opt/appliance/lib/python3*/site-packages \
 && rm -rf google/api google/cloud google/gapic google/logging google/longrunning google/rpc google/type \
 && find opentelemetry/semconv/_incubating -name '*.py' ! -name '__init__.py' ! -name 'otel_*' -delete \
 && find google opentelemetry -name '*.pyi' -delete
COPY image/add_debugger.sh /build/add_debugger.sh
RUN sh /build/add_debugger.sh python3 locks/debugger.txt /opt/appliance/debugpy
COPY image/dev_user.sh /opt/appliance/dev_user.sh
COPY image/shim.sh /opt/appliance/shims/python
RUN chmod 0755 /opt/appliance/dev_user.sh /opt/appliance/shims/python \
 && for name in python3 pip pip3 flask django-admin celery pytest alembic; do \
      ln -s python "/opt/appliance/shims/$name"; \
    done
COPY appliance /build/appliance
COPY examples/hello /opt/appliance/examples/hello
COPY image/add_package.sh /build/add_package.sh
RUN sh /build/add_package.sh /build/appliance /opt/appliance
# What builds this image, for the files that `appliance init` writes: APPLIANCE_SOURCE, else the URL that git cloned from,
# else the clone's folder. The pattern and the second file let the copy succeed without a .git/config.
COPY .gi[t]/config Dockerfile /build/clone/
ARG APPLIANCE_SOURCE
ARG APPLIANCE_FOLDER
RUN /opt/appliance/bin/python -I -c 'import sys; from pathlib import Path; from appliance.commands.image_source import of_build; sys.stdout.write(of_build(sys.argv[1], sys.argv[2], Path(sys.argv[3])))' \
      "${APPLIANCE_SOURCE}" "${APPLIANCE_FOLDER}" /build/clone/config > /build/source

# -- the image --------------------------------------------------------------------------------------------------------
FROM ${PYTHON} AS slim
# The base's standard library has no bytecode, and the project's owner may not write it there. So it is compiled here;
# otherwise every process would compile it again. Modules that no server imports are left out: 5 MB instead of 12.
# /cache is open to any user, because any user may own the project; a new named volume gets its mode from here.
# /workspace is open too: tools that synchronise a project write into it as the container's user, which may be any.
RUN python3 -m compileall -q -j 0 \
      -x '/(site-packages|dist-packages|test|tests|idlelib|tkinter|turtledemo|turtle|lib2to3|ensurepip|pydoc_data|_pyrepl|unittest|xmlrpc|_pydecimal|_pyio|pydoc|doctest|mailbox|pickletools|imaplib|encodings/(cp|mac_|iso|big5|euc|gb|hz|koi8|shift|johab|tis|ptcp|hp_|palm|kz)[^/]*)(/|\.py)' \
      "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
 && mkdir -m 1777 /cache \
 && mkdir -m 0777 /workspace
# libpq: psycopg loads it if a project installs psycopg without its binary part, which psycopg's documentation shows first.
# tzdata-legacy: US/Eastern and similar names, which Debian 13 moved out of tzdata, and which Django needs as files.
# Debian 12 has no such package.
# hadolint ignore=DL3008,DL4006,SC2046
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libpq5 \
      $(apt-cache search --names-only '^tzdata-legacy$' | cut -d ' ' -f 1) \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old /var/lib/dpkg/*-old
COPY --from=extra /opt/python /opt/python
COPY --from=extra-2 /opt/python /opt/python
COPY --from=build /opt/appliance /opt/appliance
# `vscode` is the user of an editor's terminal, where a devcontainer.json names this image; dev_user.sh gives it the ids of
# the project's owner. Its first ids are of a range that nobody owns files with, and that useradd does not choose from.
RUN ln -s /opt/appliance/bin/appliance /usr/local/bin/appliance \
 && groupadd --gid 60500 vscode \
 && useradd --no-log-init --create-home --shell /bin/bash --uid 60500 --gid 60500 vscode
# A layer of its own: images from other folders of the same release share the others.
COPY --from=build /build/source /opt/appliance/source

# APPLIANCE_IMAGE is not a setting: it marks the image, in which PORT and the host's .venv are ignored, and names the
# target. The shims come first on PATH, for people who use `docker compose exec`; nothing of ours is started by name.
ENV APPLIANCE_IMAGE=slim \
    PATH=/opt/appliance/shims:${PATH} \
    APPLIANCE_PROJECT=/workspace \
    APPLIANCE_HOST=0.0.0.0 \
    APPLIANCE_PORT=8000 \
    APPLIANCE_CACHE=/cache \
    APPLIANCE_STATUS_SOCKET=/tmp/appliance/status.sock

# Root becomes the owner of the mounted project. A cluster that forbids root asks the image for a number other than 0.
ARG RUN_AS
# The default is a number; hadolint reads no defaults.
# hadolint ignore=DL3066
USER ${RUN_AS:-0}
WORKDIR /workspace
EXPOSE 8000
STOPSIGNAL SIGTERM
# Installing and starting are not failures, and may take long. The check waits for them, so the container is "starting"
# until then. A start period would do that too, but would also hide for its whole length that a project is broken.
HEALTHCHECK --interval=5s --timeout=30m --retries=1 \
  CMD ["/opt/appliance/bin/python", "-I", "-S", "/opt/appliance/healthcheck.py"]
# `python -I`, so that PID 1 never imports a PYTHONPATH, sitecustomize or structlog.py of the project. The arguments are
# the appliance's: without one it serves; `check`, `run CMD`, `--help`.
ENTRYPOINT ["/opt/appliance/bin/appliance"]

# Compose labels the images that it builds with its project, and every container inherits that: one of `docker run` would
# appear in the output of somebody's `docker compose up`. Compose leaves out containers with this label, and replaces it
# in its own.
# hadolint ignore=DL3048
LABEL com.docker.compose.oneoff="True"
# For a devcontainer.json that names this image: docs/workspaces.md. Each part of it can be replaced there.
LABEL devcontainer.metadata='[{ \
  "entrypoint": "/opt/appliance/dev_user.sh --ids vscode", \
  "remoteUser": "vscode", \
  "overrideCommand": false, \
  "containerEnv": {"APPLIANCE_WORKSPACE": "${containerWorkspaceFolder}"}, \
  "updateContentCommand": "appliance install || true", \
  "forwardPorts": [8000], \
  "portsAttributes": { \
    "8000": {"label": "the project", "onAutoForward": "notify"}, \
    "5678": {"label": "the debugger", "onAutoForward": "silent"} \
  }, \
  "customizations": {"vscode": { \
    "extensions": ["ms-python.python", "ms-python.debugpy"], \
    "settings": {"python.defaultInterpreterPath": "/tmp/appliance/environment/bin/python"} \
  }} \
}]'
LABEL org.opencontainers.image.title="wsgi-appliance" \
      org.opencontainers.image.description="A development server for any Python WSGI project: mount it, and it comes up." \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.licenses="MIT"

# -- the image for old pins, and packages that must be built ----------------------------------------------------------
FROM slim AS full
USER 0
ARG TARGETARCH
# hadolint ignore=DL3008
RUN if [ -z "${TARGETARCH}" ]; then echo "The target full needs BuildKit: DOCKER_BUILDKIT=1"; exit 0; fi \
 && apt-get update \
 && apt-get install --yes --no-install-recommends build-essential cmake default-libmysqlclient-dev git libffi-dev \
      libjpeg-dev libpq-dev libssl-dev libxml2-dev libxslt1-dev pkg-config zlib1g-dev \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/*
COPY --from=python-3.10 /opt/python /opt/python
COPY --from=python-3.11 /opt/python /opt/python
COPY --from=python-3.12 /opt/python /opt/python
COPY --from=python-3.13 /opt/python /opt/python
COPY --from=python-3.14 /opt/python /opt/python
ENV APPLIANCE_IMAGE=full
ARG RUN_AS
# hadolint ignore=DL3066
USER ${RUN_AS:-0}

# -- without a target: the first of the two ---------------------------------------------------------------------------
FROM slim
