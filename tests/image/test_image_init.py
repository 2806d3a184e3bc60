"""``init``'s files on a machine without the image: it is built from its source, or the first line says how."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import uuid
from contextlib import contextmanager

import pytest

from tests.image.conftest import IMAGE, ROOT, command, docker

FILES = {
    "wsgi.py": "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'ours']\n"
}


@pytest.fixture
def name(engine):
    """A name that no image has; what gets it is removed."""
    name = f"appliance-test-{uuid.uuid4().hex[:12]}"
    yield name
    docker("rmi", "--force", name, check=False)


@pytest.fixture
def init(image, project, name):
    """``init("--source", "...")``: the command in a new project, whose files then name the image ``name``."""

    def init(*argv, by=IMAGE):
        folder = project(FILES)
        docker("run", "--rm", "--volume", f"{folder}:/workspace", by, "init", *argv)
        for file in (folder / "docker-compose.yml", folder / ".devcontainer" / "devcontainer.json"):
            file.write_text(re.sub(r"(?<![/\w])wsgi-appliance\b", name, file.read_text()))
        return folder

    return init


@contextmanager
def repository(folder):
    """This checkout as a git repository that a daemon of git's serves: its URL."""
    shutil.copytree(ROOT, folder / "appliance.git", ignore=_only_the_images_files)
    git = ["git", "-C", str(folder / "appliance.git"), "-c", "user.name=test", "-c", "user.email=test@example.test"]
    command(*git, "init", "--quiet")
    command(*git, "add", "--all")
    command(*git, "commit", "--quiet", "--message=all")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = ["git", "daemon", "--verbose", "--export-all", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}"]
    # A group of its own, because git starts the daemon as its child.
    daemon = subprocess.Popen(
        [*argv, f"--base-path={folder}"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert daemon.stderr is not None
        assert any("Ready to rumble" in line for line in daemon.stderr)
        yield f"git://127.0.0.1:{port}/appliance.git"
    finally:
        os.killpg(daemon.pid, signal.SIGTERM)
        daemon.communicate(timeout=20)


def _only_the_images_files(folder, names):
    kept = {"Dockerfile", ".dockerignore", "locks", "appliance", "examples", "image"}
    return {name for name in names if name == "__pycache__" or (folder == str(ROOT) and name not in kept)}


@pytest.mark.waits
def test_the_image_is_built_from_a_repository_and_serves(compose, init, name, tmp_path):
    """The image is built from the URL without a pull, serves, and remembers the URL for the next project."""
    with repository(tmp_path) as url:
        compose.folder = folder = init("--source", url)
        done = compose("up", "--wait")
        assert "Pull" not in done.stderr
        assert compose.container().get().text == "ours"
        folder.rename(tmp_path / "first")
        compose.folder = tmp_path / "first"
        assert f'context: "{url}"' in (init(by=name) / "docker-compose.yml").read_text()


def test_the_image_is_built_from_a_folder_with_a_space(compose, init, name, tmp_path):
    """A folder beside the project, with a space in its name, is enough."""
    shutil.copytree(ROOT, tmp_path / "a clone", ignore=_only_the_images_files)
    compose.folder = init("--source", "../a clone")
    compose("up", "--wait")
    assert compose.container().get().text == "ours"


def test_an_image_that_exists_is_used(compose, init, name):
    """If the image exists, nothing is built, or even looked for."""
    docker("tag", IMAGE, name)
    compose.folder = init("--source", "../not-there")
    done = compose("up", "--wait")
    assert "building" not in done.stderr
    assert compose.container().get().text == "ours"


def test_compose_without_a_source_says_the_command_that_fixes_it(compose, init, name, project):
    """Compose asks no registry; the first line is a command that, with the clone's folder, fixes it."""
    compose.folder = folder = init()
    file = folder / "docker-compose.yml"
    first = file.read_text().splitlines()[0]
    if not first.startswith("# Needs"):
        pytest.skip("not run: this checkout was cloned from a URL, which the image remembers")
    refused = compose("up", "--detach", check=False)
    assert refused.returncode != 0
    assert f"No such image: {name}" in refused.stderr
    asked = first[first.index("docker build") :].partition(" FOLDER")[0].split()
    command(*asked, str(ROOT))
    compose("up", "--wait")
    assert compose.container().get().text == "ours"


def test_a_dev_container_builds_it(init, name, tmp_path):
    """The command that an editor runs first builds the missing image, and nothing if it exists."""
    shutil.copytree(ROOT, tmp_path / "a clone", ignore=_only_the_images_files)
    folder = init("--source", "../a clone")
    lines = (folder / ".devcontainer" / "devcontainer.json").read_text().splitlines()
    (entry,) = (line for line in lines if "initializeCommand" in line)
    line = json.loads(entry.partition(": ")[2].removesuffix(","))
    command("sh", "-c", line, cwd=folder)
    assert docker("image", "inspect", name).returncode == 0
    assert command("sh", "-c", line, cwd=folder).stdout == "found\n"
