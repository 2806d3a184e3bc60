"""Compose beyond ``up``: scaled, restarted, entered, run once, reached by name, created again."""

import json
import os
import pty
import select
import shutil
import socket
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from tests.image.conftest import IMAGE, Compose, docker, following, request
from tests.thorough import long_form, one_in

pytestmark = pytest.mark.usefixtures("image")
ROOT = Path(__file__).parents[2]


def free_ports(count):
    """The first of so many ports in a row that are free."""
    for first in range(21_000, 30_000, count):
        try:
            for port in range(first, first + count):
                with socket.create_server(("127.0.0.1", port)):
                    pass
        except OSError:
            continue
        return first
    raise AssertionError("no ports are free")


def test_two_containers_share_a_project_and_have_their_own_ports(compose, project):
    """With a range of ports two containers serve one project from one cache, each on a port of its own."""
    first = free_ports(2)
    compose.environment = {"PROJECT_DIR": str(project("plain")), "PUBLISH_PORT": f"{first}-{first + 1}"}
    compose("up", "--wait", "--scale", "app=2")
    assert [request(port).status for port in (first, first + 1)] == [200, 200]
    made = compose("exec", "app", "sh", "-c", "ls -d /cache/uid-*/environments/*/pyvenv.cfg").stdout.split()
    assert len(made) == 1


def test_a_restarted_service_serves_again_and_runs_commands(compose, project):
    """After a restart it serves again on the same port; exec and run act in the project's environment."""
    compose.environment["PROJECT_DIR"] = str(project("plain"))
    compose("up", "--wait")
    compose("restart")
    app = compose.container()
    app.wait_for("worker.ready", count=2)
    assert app.get().status == 200
    words = "import werkzeug, os; print(werkzeug.__version__, os.getcwd())"
    assert compose("exec", "app", "appliance", "run", "python", "-c", words).stdout.split() == ["1.0.1", "/workspace"]
    once = compose("run", "--rm", "app", "run", "python", "-c", words)
    assert once.stdout.split()[-2:] == ["1.0.1", "/workspace"]
    assert "healthy" in compose("exec", "app", "appliance", "status").stdout


def test_the_projects_tests_are_a_profile(compose, project):
    """``run tests`` runs a command in the project's environment, and its exit code is the command's."""
    compose.environment = {"PROJECT_DIR": str(project("plain")), "TEST_COMMAND": "python -c 'raise SystemExit(3)'"}
    assert compose("run", "--rm", "tests", check=False).returncode == 3
    assert compose("ps", "--services").stdout.split() == []


def test_the_second_example_is_a_profile(compose):
    """The guest book and its database come with the profile "postgres" alone."""
    alone = json.loads(compose("config", "--format", "json").stdout)["services"]
    both = json.loads(compose("--profile", "postgres", "config", "--format", "json").stdout)["services"]
    assert set(alone) == {"app"}
    assert set(both) == {"app", "guestbook", "db"}
    assert both["guestbook"]["depends_on"]["db"]["condition"] == "service_healthy"


@pytest.mark.parametrize(
    ("name", "status"), one_in(3, [("django_site", 400), ("flask_notes", 200), ("shadowing", 200)])
)
def test_other_services_reach_it_by_its_name(compose, project, name, status):
    """http://app:8000 is served; where Django refuses the name, page and log say which entry is missing."""
    compose.environment["PROJECT_DIR"] = str(project(name))
    compose("up", "--wait")
    words = """
import sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen("http://app:8000/")
except urllib.error.HTTPError as error:
    answer = error
print(answer.status)
print(answer.read().decode())
"""
    asked = compose("run", "--rm", "--no-deps", "--entrypoint", "python3", "app", "-c", words)
    assert asked.stdout.splitlines()[0] == str(status)
    if name == "django_site":
        assert "ALLOWED_HOSTS" in asked.stdout
        log = "\n".join(compose.container().lines())
        assert "ALLOWED_HOSTS" in log
        assert "'app'" in log


@pytest.mark.waits
@long_form("it builds the image twice")
def test_watch_makes_the_image_again(compose, tmp_path):
    """``watch`` builds again when the Dockerfile changes, and the container is another one then."""
    folder = tmp_path / "checkout"
    ignored = shutil.ignore_patterns(
        ".git", ".venv*", "__pycache__", ".*_cache", ".bench", "tests", "benchmarks", "docs"
    )
    shutil.copytree(ROOT, folder, ignore=ignored)
    tag = f"{compose.name}-image"
    file = folder / "docker-compose.yml"
    file.write_text(file.read_text().replace("image: wsgi-appliance", f"image: {tag}", 1))
    copied = Compose(compose.name, compose.port, folder=folder)
    copied("up", "--wait", "--build")
    before = copied.container().name
    watch = ["docker", "compose", "--project-name", compose.name, "watch", "--no-up"]
    of_ours = ("--filter", "event=start", "--filter", f"label=com.docker.compose.project={compose.name}")
    started = ["docker", "events", "--since", str(time.time()), *of_ours, "--format", "{{.ID}}"]
    try:
        with (
            following(started, 200) as starts,
            following(watch, 200, cwd=folder, env=copied.variables()) as lines,
        ):
            assert any("Watch enabled" in line for line in lines)
            dockerfile = folder / "Dockerfile"
            label = "LABEL org.opencontainers.image.title="  # of the target that compose builds
            dockerfile.write_text(dockerfile.read_text().replace(label, 'LABEL changed="yes"\n' + label, 1))
            after = next(starts, "").strip()
        assert after not in {"", before}
        assert docker("inspect", "--format", '{{index .Config.Labels "changed"}}', after).stdout.strip() == "yes"
    finally:
        copied("down", "--volumes", "--timeout", "2", check=False)
        subprocess.run(["docker", "rmi", "--force", tag], capture_output=True, timeout=60, check=False)


@pytest.mark.waits
def test_a_setting_of_the_shell_that_runs_compose_counts(compose, project, docker):
    """A setting of the shell that runs compose counts; the log for people has no JSON, and colours in a terminal."""
    shell = {"APPLIANCE_LOG_FORMAT": "console", "APPLIANCE_THREADS": "3", "TERM": "xterm-256color", "NO_COLOR": ""}
    compose.environment = {"PROJECT_DIR": str(project("plain")), **shell}
    compose("up", "--wait")
    app = compose.container()
    assert app.get().status == 200
    config = " ".join(compose("exec", "--no-TTY", "app", "appliance", "config").stdout.split())
    assert "APPLIANCE_THREADS 3 (environment)" in config
    assert "APPLIANCE_LOG_LEVEL info (default)" in config
    log = "\n".join(app.lines())
    assert "\x1b[" in log
    assert '{"' not in log
    assert "[{" not in log
    compose.environment["NO_COLOR"] = "1"
    compose("up", "--wait")
    assert not any("\x1b[" in line for line in compose.container().lines())


def test_an_edited_env_file_counts_though_compose_passes_it_on(compose, project, docker):
    """Compose passes the project's own .env on; an edit of it counts nevertheless, without another container."""
    files = {
        "wsgi.py": "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'x']\n"
    }
    folder = project({**files, ".env": "APPLIANCE_BEFORE_START=echo first\n"})
    docker("run", "--rm", "--volume", f"{folder}:/workspace", IMAGE, "init")
    file = folder / "docker-compose.yml"
    file.write_text(file.read_text().replace("image: wsgi-appliance", f"image: {IMAGE}"))
    written = Compose(compose.name, compose.port, {"APPLIANCE_THREADS": "5"}, folder=folder)
    try:
        written("up", "--wait")
        app = written.container()
        app.wait_for("output", text="first")
        config = written("exec", "--no-TTY", "app", "appliance", "config").stdout
        assert "APPLIANCE_THREADS 5 (environment)" in " ".join(config.split())
        (folder / ".env").write_text("APPLIANCE_BEFORE_START=echo second\n")
        app.wait_for("output", text="second")
    finally:
        written("down", "--volumes", "--timeout", "2", check=False)


def test_wait_on_a_broken_project_says_why(compose, project, docker):
    """``up --wait`` fails; ``docker inspect`` shows the error, its file and its line in the health check's output."""
    compose.environment = {"PROJECT_DIR": str(project({"app.py": "import wsgiref\nx = (\n"}))}
    assert compose("up", "--wait", check=False).returncode == 1
    shown = docker("inspect", "--format", "{{json .State.Health.Log}}", compose.container().name).stdout
    last = json.loads(shown)[-1]["Output"]
    assert last.startswith("unhealthy: the state is broken: SyntaxError")
    assert "app.py:2" in last


def test_a_container_of_the_same_image_is_not_composes(compose, project, start, docker):
    """A container that somebody starts from the image that compose has built does not appear in ``up``."""
    compose.environment = {"PROJECT_DIR": str(project("shadowing"))}  # which installs nothing
    compose("build", "app")
    up = ["docker", "compose", "--project-name", compose.name, "up", "app"]
    with following(up, 120, cwd=ROOT, env=compose.variables()) as lines:
        assert any("worker.ready" in line for line in lines)
        other = start(tag="wsgi-appliance")
        other.wait_for("worker.ready")
        compose.container().get("/after")
        seen = []
        for line in lines:
            seen.append(line)
            if "/after" in line:
                break
        assert not [line for line in seen if other.name in line]
        assert other.name not in compose("ps", "--all").stdout


def test_single_keys_are_read_in_a_container_with_a_terminal(project, image):
    """With ``docker run -it`` single keys are read, and nothing is echoed; q stops with code 0."""
    ours, theirs = pty.openpty()
    name = f"appliance-test-{uuid.uuid4().hex[:12]}"
    argv = ["docker", "run", "--rm", "-it", "--name", name, "--volume", f"{project('plain')}:/workspace", image]
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as program:
        os.close(theirs)
        shown = b""
        for words, key in ((b"press ? for the keys", b"?"), (b"reload the project", b"r"), (b"key r", b"q")):
            while words not in shown:
                assert select.select([ours], [], [], 60)[0], shown
                shown += os.read(ours, 65_536)
            os.write(ours, key)
        assert program.wait(60) == 0
    os.close(ours)
