# The appliance: a development server for the WSGI project mounted at /workspace.
#
#   docker build -t wsgi-appliance .
#   docker build -t wsgi-appliance --build-arg PYTHON=python:3.14-slim .     another base, another default Python
#   docker build -t wsgi-appliance --build-arg EXTRA_PYTHON=python:3.12-slim .     one more, for projects that ask for it
#   docker build -t wsgi-appliance --target full .     Python 3.10 to 3.14, a compiler, and headers: for projects with
#                                                      pins of some years ago, and packages that have to be built
#
# EXTRA_PYTHON_2 adds another; docs/dependencies.md has a Dockerfile for more. Take them of the base's Debian, or an older
# one: they use its libraries.
# Docker Engine 20.10 builds and runs it; tests/test_house.py refuses what that engine lacks.
ARG PYTHON=python:3.13-slim
ARG EXTRA_PYTHON=${PYTHON}
ARG EXTRA_PYTHON_2=${PYTHON}
# Of the target full. BuildKit alone sets TARGETARCH, and makes only the stages that a target needs; the builder before
# it makes all of them, and must not pull four images for nothing.
ARG PYTHON_3_10=${TARGETARCH:+python:3.10-slim}
ARG PYTHON_3_11=${TARGETARCH:+python:3.11-slim}
ARG PYTHON_3_12=${TARGETARCH:+python:3.12-slim}
ARG PYTHON_3_13=${TARGETARCH:+python:3.13-slim}
ARG PYTHON_3_14=${TARGETARCH:+python:3.14-slim}

# -- further interpreters: nothing, unless one was asked for ----------------------------------------------------------
# An official image's Python finds its own library and its prefix from where it lies, so it can be copied elsewhere.
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

# -- build: what needs a package index or writes what the image shall not hold ----------------------------------------
FROM ${PYTHON} AS build
WORKDIR /build
COPY locks ./locks
# Versions and hashes are in locks/. The environment gets no pip: nothing is ever installed into it again. What is removed
# is for people at a shell, who never come here.
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
      --require-hashes --requirement locks/appliance.txt \
 && python3 -m venv --without-pip /opt/appliance \
 && uv pip install --no-cache --no-config --python /opt/appliance/bin/python \
      --require-hashes --requirement locks/appliance.txt \
 && rm -f /opt/appliance/.lock /opt/appliance/.gitignore \
      /opt/appliance/bin/[Aa]ctivate* /opt/appliance/bin/dotenv \
      /opt/appliance/bin/uvx \
 && rm -rf /opt/appliance/lib/python3*/site-packages/*.dist-info/sboms \
      /opt/appliance/lib/python3*/site-packages/yaml/_yaml*.so
# What an editor attaches to, in a folder of its own that only a worker with DEBUGPY set has on its path. The wheel
# without binaries runs on every Python and machine; what is removed attaches to foreign processes, or is for Windows:
# 3 MB stay of 28.
RUN pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore --no-compile --no-deps \
      --require-hashes --only-binary :all: --platform any --target /opt/appliance/debugpy \
      --requirement locks/debugger.txt \
 && pydevd=/opt/appliance/debugpy/debugpy/_vendored/pydevd \
 && rm -rf /opt/appliance/debugpy/bin "$pydevd/pydevd_attach_to_process" \
      "$pydevd/_pydevd_frame_eval/vendored/bytecode/tests" "$pydevd/_pydevd_bundle/_debug_adapter/"*.json \
 && find "$pydevd" -name '*.c' -delete -o -name '*.p[yx][xd]' -delete -o -name '*.pyd' -delete
COPY image/shim.sh /opt/appliance/shims/python
RUN chmod 0755 /opt/appliance/shims/python \
 && for name in python3 pip pip3 flask django-admin celery pytest alembic; do \
      ln -s python "/opt/appliance/shims/$name"; \
    done
COPY appliance /build/appliance
COPY examples/hello /opt/appliance/examples/hello
# Our package is copied, not installed: no build back end, no network, nothing to go wrong. Its bytecode is never
# compared with its source (unchecked-hash): a layer does not change, and the project's owner could not rewrite it.
# The folder's name holds the Python version, which HEALTHCHECK can't work out; the link can.
RUN site="$(/opt/appliance/bin/python -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && cp -R appliance "$site/appliance" \
 && ln -s "$site/appliance/healthcheck.py" /opt/appliance/healthcheck.py \
 && /opt/appliance/bin/python -I -m compileall -q -j 0 --invalidation-mode unchecked-hash "$site" \
 && printf '%s\n' '#!/opt/appliance/bin/python -I' 'import sys' 'from appliance.__main__ import main' 'sys.exit(main())' \
      > /opt/appliance/bin/appliance \
 && chmod 0755 /opt/appliance/bin/appliance

# -- the image --------------------------------------------------------------------------------------------------------
FROM ${PYTHON} AS slim
# The base's standard library comes without bytecode, and the project's owner may not write it there: compiled here, or
# by every process anew. What no server imports stays uncompiled: 5 MB instead of 12.
# /cache is open to any user, since the project's owner may be anyone; a new named volume takes its mode from here.
RUN python3 -m compileall -q -j 0 \
      -x '/(site-packages|dist-packages|test|tests|idlelib|tkinter|turtledemo|turtle|lib2to3|ensurepip|pydoc_data|_pyrepl|unittest|xmlrpc|_pydecimal|_pyio|pydoc|doctest|mailbox|pickletools|imaplib|encodings/(cp|mac_|iso|big5|euc|gb|hz|koi8|shift|johab|tis|ptcp|hp_|palm|kz)[^/]*)(/|\.py)' \
      "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
 && mkdir -m 1777 /cache
# libpq: what psycopg loads where a project asks for it without its binary part, as psycopg's own documentation begins.
# tzdata-legacy: US/Eastern and the like, which Debian 13 moved out of tzdata, and Django looks for as files; Debian 12
# has no such package.
# hadolint ignore=DL3008,DL4006,SC2046
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libpq5 \
      $(apt-cache search --names-only '^tzdata-legacy$' | cut -d ' ' -f 1) \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old /var/lib/dpkg/*-old
COPY --from=extra /opt/python /opt/python
COPY --from=extra-2 /opt/python /opt/python
COPY --from=build /opt/appliance /opt/appliance
RUN ln -s /opt/appliance/bin/appliance /usr/local/bin/appliance

# APPLIANCE_IMAGE is no setting: it says that this is the image, where PORT and a host's .venv count for nothing, and
# which of the two targets.
# The shims come first on PATH, for people at `docker compose exec`; nothing of ours is started by name.
ENV APPLIANCE_IMAGE=slim \
    PATH=/opt/appliance/shims:${PATH} \
    APPLIANCE_PROJECT=/workspace \
    APPLIANCE_HOST=0.0.0.0 \
    APPLIANCE_PORT=8000 \
    APPLIANCE_CACHE=/cache \
    APPLIANCE_STATUS_SOCKET=/tmp/appliance/status.sock

WORKDIR /workspace
EXPOSE 8000
STOPSIGNAL SIGTERM
# Installing and booting are no failures, and may take long: the check waits with them, so the container is "starting"
# meanwhile. A start period would do that too, but also hide for its whole length that a project is broken.
HEALTHCHECK --interval=5s --timeout=30m --retries=1 \
  CMD ["/opt/appliance/bin/python", "-I", "-S", "/opt/appliance/healthcheck.py"]
# `python -I`, so that no PYTHONPATH, sitecustomize or structlog.py of the project reaches PID 1. Its arguments are the
# appliance's: none serves; `check`, `run CMD`, `--help`.
ENTRYPOINT ["/opt/appliance/bin/appliance"]

LABEL org.opencontainers.image.title="wsgi-appliance" \
      org.opencontainers.image.description="A development server for any Python WSGI project: mount it, and it comes up." \
      org.opencontainers.image.version="0.2.0" \
      org.opencontainers.image.licenses="MIT"

# -- the image for what is old, or has to be built --------------------------------------------------------------------
FROM slim AS full
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

# -- without a target: the first of the two ---------------------------------------------------------------------------
FROM slim
