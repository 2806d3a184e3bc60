"""The production Dockerfile: valid for every server and kind of project, and for names that hurt."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.commands.production import eject_image
from appliance.commands.production.eject_entry import Entry
from appliance.commands.production.eject_locks import SERVERS, Lock
from appliance.commands.production.eject_manifests import kubernetes_texts
from tests.commands.production.conftest import facts

HADOLINT = Path(sys.executable).with_name("hadolint")
HOSTILE = 'a "$(reboot)" \\ `id` $HOME #x\nFROM evil'
DJANGO = {
    "collects": True, "static_root": "/srv/shop/static", "static_url": "/s/", "media_root": "/srv/shop/media",
    "debug": True, "public_key": False, "hosts": [], "whitenoise": False, "https": False, "databases": {},
}  # fmt: skip
FULL = Lock(
    "lxml==5\n", hashed=False, urls=("a @ git+https://example.org/a@0123",), local=("libs/it's one",),
    own={"shop": "."}, built=("lxml",), headers=("libxml2-dev",), libraries=("libpq5",),
)  # fmt: skip


def entry(**more):
    given = {"module": "shop", "attribute": "app", "factory": False, "folders": (".",), "text": "", "environ": {}}
    return Entry(**{**given, **more})


def text_of(**more):
    return eject_image.dockerfile(facts(**more), ["secrets: some"], "docker build .")


def instructions(text):
    """The instructions of a Dockerfile, each with its continued lines."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    return [line for line in re.sub(r"\\\n", "", lines).splitlines() if line]


PROJECTS = [
    *({"server": server} for server in SERVERS),
    *({"server": server, "entry": entry(factory=True)} for server in SERVERS),
    {"lock": FULL, "installs": (".", "libs/one two")},
    {"django": DJANGO, "manage": "manage.py", "required": ("KEY", "DATABASE_URL")},
    {"framework": HOSTILE, "entry": entry(environ={"MODE": HOSTILE}), "manage": "it's/manage.py", "django": DJANGO},
    {"folders": ("web $OTHER", '"'), "version": "3.15.0rc1"},
]


def test_hadolint_accepts_every_file(tmp_path):
    """Hadolint has nothing to say about the file of any server and any kind of project."""
    files = []
    for number, project in enumerate(PROJECTS):
        if project.get("framework") == HOSTILE:  # hadolint reads an escaped $ as a variable
            continue
        files.append(tmp_path / f"{number}.Dockerfile")
        files[-1].write_text(text_of(**project), encoding="utf-8")
    done = subprocess.run([HADOLINT, *files], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("project", PROJECTS, ids=" ".join)
def test_a_projects_names_add_no_line_to_the_dockerfile(project):
    """Names of a project stay within their words: there are two stages, one user, one command and one check."""
    words = [line.split(" ")[0] for line in instructions(text_of(**project))]
    assert [words.count(word) for word in ("FROM", "USER", "CMD", "HEALTHCHECK")] == [2, 1, 1, 1]
    assert set(words) <= {
        "ARG", "FROM", "WORKDIR", "RUN", "COPY", "ENV", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "CMD"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("server", "word"),
    [("gunicorn", "shop:app()"), ("granian", "--factory"), ("waitress", "--call"), ("uwsgi", "--module=shop:app()")],
)
def test_each_server_calls_a_factory(server, word):
    """A factory is called as each server does it."""
    command = instructions(text_of(server=server, entry=entry(factory=True)))[-1]
    assert word in json.loads(command.removeprefix("CMD "))
    assert word not in instructions(text_of(server=server, entry=entry()))[-1]


@pytest.mark.parametrize(
    ("version", "implementation", "base"),
    [
        ("3.13.5", "CPython", "python:3.13-slim"),
        ("3.15.0rc1", "CPython", "python:3.15-rc-slim"),
        ("3.11.13", "PyPy", "pypy:3.11-slim"),
    ],
)
def test_the_base_is_the_python_that_served(version, implementation, base):
    """The official image of the same minor version, also of one that is not finished."""
    assert f"ARG PYTHON={base}\n" in text_of(version=version, implementation=implementation)


def test_a_lock_without_hashes_needs_no_hashes():
    """Pip requires hashes only if each line has one; what no hash can check is installed apart."""
    assert "--require-hashes" in text_of()
    without = text_of(lock=FULL)
    assert "--require-hashes" not in without
    assert f"--requirement {eject_image.UNHASHED}" in without
    assert "build-essential git libxml2-dev" in without


def test_static_files_are_collected_where_settings_say():
    """Collectstatic runs with values for this step alone; without STATIC_ROOT the file says so instead."""
    collected = text_of(django=DJANGO, manage="manage.py", required=("KEY", "DATABASE_URL"))
    assert "RUN KEY=build DATABASE_URL=sqlite://:memory: python 'manage.py' collectstatic --noinput\n" in collected
    assert "ENV KEY" not in collected
    assert "STATIC_ROOT is not set" in text_of(django={**DJANGO, "static_root": ""}, manage="manage.py")
    assert {"static", "media"} <= set(eject_image.dockerignore(facts(django=DJANGO)).splitlines())


@pytest.mark.parametrize(
    ("server", "flags"),
    [
        ("gunicorn", ("--workers=1", "--threads=100")),
        ("granian", ("--workers=1", "--blocking-threads=100")),
        ("waitress", ("--threads=100",)),
        ("uwsgi", ("--processes=1", "--threads=100")),
    ],
)
def test_one_process_serves_the_sessions_of_socket_io(server, flags):
    """A second process would refuse a client whose session is in the first; a second replica too."""
    locked = Lock("", hashed=True, names=frozenset({"flask", "flask-socketio"}))
    text = text_of(lock=locked, server=server)
    assert all(f'"{flag}"' in text for flag in flags)
    assert "  replicas: 1\n" in dict(kubernetes_texts(facts(lock=locked), ()))["kubernetes/production/deployment.yaml"]


@pytest.mark.parametrize("name", [".env", ".env.*", "*.pem", "*.key", "*.sqlite3", "*.db"])
def test_secrets_and_databases_of_every_folder_stay_out_of_the_image(name):
    """Engines read a pattern without a slash for the top folder alone: django-environ's .env is beside the settings."""
    assert f"**/{name}" in eject_image.dockerignore(facts()).splitlines()


@pytest.mark.parametrize("text", [HOSTILE, "\u202eevil", "a\u2028b", "\x1b[31m", "x\r\ny"])
def test_comments_stay_in_their_line(text):
    """A text of the project can't leave its comment, or turn it round."""
    assert re.fullmatch(r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*", eject_image.comment(text))
