"""The text of the production ``Dockerfile`` and of its ``.dockerignore``. This module writes nothing."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from appliance.conventions import BYTECODE_FOLDER, ENVIRONMENTS, VERSION_CONTROL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from appliance.commands.production.eject_facts import Facts

LOCK = "requirements.production.txt"
UNHASHED = "requirements.production.urls.txt"
USER = "10001"
PORT = "8000"
_APP = "/app"
# The answer may be a redirect or "not found": below 500 the application answers. HEALTH_PATH names a better path.
CHECK = (
    "import http.client, os, sys; "
    f"c = http.client.HTTPConnection('127.0.0.1', {PORT}, timeout=4); "
    "c.request('GET', os.environ.get('HEALTH_PATH', '/')); "
    "sys.exit(c.getresponse().status >= 500)"
)
# A pattern without a slash is about the project's folder alone, as the engines read it.
_IGNORED = (
    "# Made by `appliance eject`: what the image does not get.",
    "# Secrets, and the settings of one machine.",
    "**/.env", "**/.env.*", "**/*.pem", "!**/cacert.pem", "**/*.key", "**/id_rsa*", "**/.netrc", "**/.pypirc",
    "pip.conf",
    "# Databases and uploads of development.",
    "**/*.sqlite3", "**/*.sqlite3-*", "**/*.sqlite", "**/*.db", "instance",
    "# Made on this machine, or for development.",
    *sorted(VERSION_CONTROL), ".gitignore", ".github", ".gitlab-ci.yml",
    *(f"**/{name}" for name in sorted(ENVIRONMENTS)), "env",
    f"**/{BYTECODE_FOLDER}", "**/*.py[co]", "**/.pytest_cache", "**/.mypy_cache", "**/.ruff_cache", ".tox", ".nox",
    ".coverage", "htmlcov", "**/node_modules",
    ".vscode", ".idea", ".devcontainer", "**/.DS_Store", "**/*.log",
    "Dockerfile*", "*.dockerignore", ".dockerignore", "compose*.y*ml", "docker-compose*.y*ml", "kubernetes",
)  # fmt: skip


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")  # a line break would begin another instruction


def quoted(text: str) -> str:
    """Return a value for ENV: in double quotes, nothing of it is expanded."""
    return '"' + re.sub(r'([\\"$])', r"\\\1", _CONTROL.sub("", text)) + '"'


def shell(text: str) -> str:
    """Return a word for a shell."""
    return "'" + _CONTROL.sub("", text).replace("'", "'\"'\"'") + "'"


def comment(text: str) -> str:
    """Return a text that stays within one comment line."""
    return re.sub(r"[^\x20-\x7e\xa1-\u2027\u2030-\u205f\u2070-\ufffd]+", " ", text)


def dockerignore(facts: Facts) -> str:
    """Return the text of ``.dockerignore``."""
    lines = list(_IGNORED)
    for name in ("static_root", "media_root"):
        folder = _in_project(str((facts.django or {}).get(name, "")), facts)
        if folder:
            lines.append(folder)
    return "\n".join(lines) + "\n"


def _in_project(path: str, facts: Facts) -> str:
    below = os.path.relpath(path, facts.root) if os.path.isabs(path) else path  # noqa: PTH117  a text, of no file
    fits = path and below != "." and not below.startswith("..") and re.fullmatch(r"[\w./ -]+", below)
    return below if fits else ""


def dockerfile(facts: Facts, gaps: Iterable[str], tag: str) -> str:
    """Return the text of the Dockerfile; ``gaps``: what could not be known, one sentence each."""
    return "\n".join([*_head(facts, gaps, tag), *_build(facts), "", *_final(facts)]) + "\n"


def base(facts: Facts) -> str:
    """Return the name of the official image with the Python that served."""
    minor = ".".join(facts.version.split(".")[:2])
    early = "-rc" if re.search(r"[a-z]", facts.version) else ""
    kind = "pypy" if facts.implementation == "PyPy" else "python"
    return f"{kind}:{minor}{early}-slim"


def _head(facts: Facts, gaps: Iterable[str], tag: str) -> Iterator[str]:
    yield f"# {comment(facts.entry.reference)} ({comment(facts.framework)}) for production, served by {facts.server}."
    yield "# Made by `appliance eject`; it is yours to change. It needs BuildKit, the usual builder since Docker 23."
    yield "#"
    yield f"#   {comment(tag)}"
    yield "#"
    yield f"# Python {facts.version} served the project. A build takes the newest release of it, for its fixes;"
    yield f"# to pin it: --build-arg PYTHON={base(facts).partition(':')[0]}:{facts.version}-slim"
    for gap in gaps:
        yield f"# Not known: {comment(gap)}"
    yield f"ARG PYTHON={base(facts)}"
    yield ""


def _build(facts: Facts) -> Iterator[str]:
    """Yield the stage that installs and collects: nothing of its tools is in the finished image."""
    locked = facts.lock
    yield "FROM ${PYTHON} AS build"
    yield f"WORKDIR {_APP}"
    tools = [*(["build-essential"] if locked.built else ()), *locked.headers]
    tools += ["git"] if any("git+" in url for url in locked.urls) else []
    tools += ["openssh-client"] if _asks_ssh(locked.urls) else []
    yield from _apt(tools, f"# Compiled on the machine that served: {', '.join(locked.built)}." if locked.built else "")
    yield "RUN python -m venv --without-pip /venv"
    files = [LOCK, *([UNHASHED] if locked.urls else ())]
    yield f"COPY {' '.join(files)} ./"
    yield "# The lock is complete, so nothing is resolved. An index of your own: --secret id=pip,src=pip.conf"
    options = "--no-deps --require-hashes" if locked.hashed else "--no-deps"
    yield from _pip(f"{options} --requirement {LOCK}", again=False)
    if locked.urls:
        yield "# pip can't check these by a hash: the commit or the address is all that locks them."
        if _asks_ssh(locked.urls):
            yield "# A repository is asked by ssh: docker build --ssh default. Its host's key is taken as it comes."
            yield "ENV GIT_SSH_COMMAND='ssh -o StrictHostKeyChecking=accept-new'"
        yield from _pip(f"--no-deps --requirement {UNHASHED}", ssh=_asks_ssh(locked.urls))
    yield "ENV PATH=/venv/bin:${PATH} \\"
    yield f"    PYTHONPATH={quoted(_path(facts))}"
    yield "COPY . ."
    for path in locked.local:
        yield from _pip(f"--no-deps {shell('./' + path)}")
    if facts.installs:
        yield "# The project looks itself up by its distribution's name, so it is installed in its folder."
        yield "# The tools that build it are those of today: they are not locked."
    for folder in facts.installs:
        yield from _pip(f"--no-deps --editable {shell('./' + folder)}")
    yield from _collect(facts)
    yield "# Any user may read the files. Compiled code is written now, because the image runs read-only; a file that"
    yield "# can't be compiled, such as a template of code, is left as it is."
    yield "RUN python -m compileall -q . > /dev/null || true; chmod -R a+rX /app"


def _apt(packages: Iterable[str], why: str) -> Iterator[str]:
    names = " ".join(sorted(set(packages)))
    if names:
        if why:
            yield why
        yield "# hadolint ignore=DL3008"
        yield "RUN apt-get update \\"
        yield f" && apt-get install --yes --no-install-recommends {names} \\"
        yield " && rm -rf /var/lib/apt/lists/*"


def _asks_ssh(urls: Iterable[str]) -> bool:
    return any("git+ssh:" in url for url in urls)


def _pip(arguments: str, *, again: bool = True, ssh: bool = False) -> Iterator[str]:
    if again:
        yield "# hadolint ignore=DL3059"
    yield "RUN --mount=type=secret,id=pip,target=/etc/pip.conf \\"
    if ssh:
        yield "    --mount=type=ssh \\"
    yield "    pip --python /venv/bin/python install --no-cache-dir --root-user-action=ignore \\"
    yield f"      --disable-pip-version-check {arguments}"


def _collect(facts: Facts) -> Iterator[str]:
    """Yield the step that collects Django's static files, if the settings say where to."""
    django = facts.django
    if not django or not django["collects"] or not facts.manage:
        return
    if not django["static_root"]:
        yield "# Static files are not collected: STATIC_ROOT is not set."
        return
    needs = "".join(f"{name}={_placeholder(name)} " for name in facts.required)
    if needs:
        yield "# The values are for this step alone: it reads the settings, and asks no service."
    environ = "".join(f"{name}={shell(value)} " for name, value in facts.entry.environ.items())
    yield f"RUN {environ}{needs}python {shell(facts.manage)} collectstatic --noinput"


def _placeholder(name: str) -> str:
    return "sqlite://:memory:" if name.endswith(("DATABASE_URL", "DB_URL")) else "build"


def _final(facts: Facts) -> Iterator[str]:
    yield "FROM ${PYTHON}"
    yield from _apt(facts.lock.libraries, "# Libraries that the dependencies load.")
    yield "# /tmp is the only folder that the server writes to: a tmpfs there lets the rest be read-only."
    yield "ENV PATH=/venv/bin:${PATH} \\"
    yield f"    PYTHONPATH={quoted(_path(facts))} \\"
    for name, value in sorted(facts.entry.environ.items()):
        yield f"    {name}={quoted(value)} \\"
    yield "    PYTHONDONTWRITEBYTECODE=1 \\"
    yield "    PYTHONUNBUFFERED=1 \\"
    yield "    HOME=/tmp"
    yield f"WORKDIR {_APP}"
    yield "COPY --from=build /venv /venv"
    yield f"COPY --from=build {_APP} {_APP}"
    yield f"USER {USER}:{USER}"
    yield f"EXPOSE {PORT}"
    if facts.server == "waitress":
        yield "# waitress ends its requests on SIGINT; it does not handle SIGTERM."
        yield "STOPSIGNAL SIGINT"
    yield "# Healthy: the application answers, with a status below 500. HEALTH_PATH names a path that says more than /."
    yield "HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \\"
    yield f"  CMD {json.dumps(['python', '-I', '-c', CHECK])}"
    yield from _command(facts)


def _path(facts: Facts) -> str:
    return ":".join(_APP if folder == "." else f"{_APP}/{folder}" for folder in facts.folders)


def _command(facts: Facts) -> Iterator[str]:
    """Yield the comment and the CMD of the chosen server."""
    entry = facts.entry
    called = f"{entry.reference}()" if entry.factory else entry.reference
    processes, threads = ("1", "100") if facts.one_process else ("2", "4")
    advice = "Processes by the number of cores, threads by how long requests wait."
    if facts.one_process:
        advice = "Socket.IO keeps each client's session in one process, and each connection has a thread."
    if facts.server == "gunicorn":
        yield f"# {advice}"
        argv = [
            "gunicorn", called, f"--bind=0.0.0.0:{PORT}", f"--workers={processes}", f"--threads={threads}",
            "--worker-tmp-dir=/dev/shm", "--access-logfile=-",
        ]  # fmt: skip
    elif facts.server == "granian":
        yield f"# {advice}"
        argv = [
            "granian", "--interface=wsgi", "--host=0.0.0.0", f"--port={PORT}", f"--workers={processes}",
            f"--blocking-threads={threads}", "--access-log", *(["--factory"] if entry.factory else ()), entry.reference,
        ]  # fmt: skip
    elif facts.server == "waitress":
        more = "" if facts.one_process else " More containers use more cores."
        yield f"# One process; threads by how long requests wait.{more}"
        argv = [
            "waitress-serve", f"--listen=0.0.0.0:{PORT}", f"--threads={'100' if facts.one_process else '8'}",
            *(["--call"] if entry.factory else ()), entry.reference,
        ]  # fmt: skip
    else:
        yield f"# A proxy must be in front. {advice}"
        argv = [
            "uwsgi", f"--http-socket=0.0.0.0:{PORT}", "--master", "--die-on-term", "--need-app", "--strict",
            "--single-interpreter", "--home=/venv", f"--processes={processes}", f"--threads={threads}",
            f"--module={called}",
        ]  # fmt: skip
    yield f"CMD {json.dumps(argv)}"
