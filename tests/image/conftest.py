"""The built image on a real engine: containers and compose projects that clean up behind themselves.

Nothing here waits for time: containers are followed by their log, the engine's own waits and its events.
"""

from __future__ import annotations

import http.client
import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.releases import npm_package

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
APPS = ROOT / "tests" / "apps"
IMAGE = os.environ.get("APPLIANCE_TESTS_IMAGE", "wsgi-appliance")
DEVCONTAINER_CLI = ("@devcontainers/cli", "0.89.0")
STOP_S = 5.0  # a stop takes tenths of a second; a machine may be busy, and the engine kills after ten


def pytest_collection_modifyitems(items):
    """Everything beside this file needs the engine, and more time than a test in a process."""
    here = f"{Path(__file__).parent}/"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.docker)
            item.add_marker(pytest.mark.timeout(300))


def command(*argv: str, timeout: float = 240, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a program; where it fails the test fails with its words."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False, **more)
    if check and done.returncode:
        pytest.fail(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def docker(*argv: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """The engine's client."""
    return command("docker", *argv, **more)


@pytest.fixture(scope="session", name="docker")
def docker_for_tests(engine):
    """``docker("image", "ls")``: the engine's client, for the tests themselves."""
    return docker


@pytest.fixture(scope="session")
def engine(engine_is_required):
    """A Docker engine; where none answers its tests are not run, or fail where APPLIANCE_TESTS_ENGINE=required."""
    try:
        done = docker("version", "--format", "{{.Server.Version}}", check=False, timeout=20)
        answers, why = done.returncode == 0, done.stderr.strip()
    except FileNotFoundError:
        answers, why = False, "there is no docker command"
    if answers:
        return
    if engine_is_required:
        pytest.fail(f"no Docker engine answers, and this run requires one: {why}")
    pytest.skip(f"not run: no Docker engine answers: {why}")


@pytest.fixture(scope="session")
def image(engine):
    """The name of the image, built from this checkout."""
    docker("build", "--quiet", "--tag", IMAGE, str(ROOT))
    return IMAGE


@dataclass(frozen=True)
class Response:
    """A response that came back."""

    status: int
    headers: Mapping[str, str]
    text: str


def request(
    port: int,
    path: str = "/",
    *,
    address: str = "127.0.0.1",
    method: str = "GET",
    body: str | None = None,
    **headers: str,
) -> Response:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(address, port, timeout=60)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=named)
        answer = connection.getresponse()
        return Response(answer.status, dict(answer.getheaders()), answer.read().decode(errors="replace"))
    finally:
        connection.close()


@dataclass
class Container:
    """One container of the image."""

    name: str
    port: int

    def get(self, path: str = "/", **headers: str) -> Response:
        """GET a path from its published port."""
        return request(self.port, path, **headers)

    def post(self, path: str, body: str, **headers: str) -> Response:
        """POST a body to a path."""
        return request(self.port, path, method="POST", body=body, **headers)

    def lines(self) -> list[str]:
        """The container's output so far, of both streams."""
        done = docker("logs", self.name)
        return (done.stdout + done.stderr).splitlines()

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """The container's lines, each of which must be a JSON object."""
        events = [json.loads(line) for line in self.lines()]
        return [event for event in events if name is None or event["event"] == name]

    def wait_for(self, name: str, *, count: int = 1, timeout: float = 120, **fields: object) -> dict[str, Any]:
        """Follow its log to the event of this name and these fields, the ``count``-th of them."""
        with following(["docker", "logs", "--follow", self.name], timeout) as lines:
            for line in lines:
                event: dict[str, Any] = json.loads(line)
                if event["event"] == name and all(event.get(key) == value for key, value in fields.items()):
                    count -= 1
                    if not count:
                        return event
        log = "\n".join(self.lines()[-40:])
        pytest.fail(f"{self.name} ended, or {timeout} s went by, without {name} {fields}:\n{log}")

    def wait_for_health(self, health: str, *, timeout: float = 120) -> None:
        """Return when the engine calls it so."""
        # --since: the engine first tells what was, then what comes, so that nothing is missed between two questions.
        argv = ["docker", "events", "--since", "1", "--filter", f"container={self.name}", "--format", "{{.Action}}"]
        with following(argv, timeout) as lines:
            for line in lines:
                if line.strip() == f"health_status: {health}" and self.health() == health:
                    return
        log = "\n".join(self.lines()[-40:])
        pytest.fail(f"{self.name} was not {health} within {timeout} s, but {self.state()}:\n{log}")

    def health(self) -> str:
        """Return the engine's health of the container."""
        return docker("inspect", "--format", "{{.State.Health.Status}}", self.name).stdout.strip()

    def state(self) -> dict[str, Any]:
        """The engine's own record of it."""
        state: dict[str, Any] = json.loads(docker("inspect", "--format", "{{json .State}}", self.name).stdout)
        return state

    def execute(self, *argv: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as ``docker exec`` does."""
        return docker("exec", self.name, *argv, **more)

    def stop(self) -> float:
        """Stop the container as ``docker stop`` does; return the seconds from its first to its last event of the stop.

        The time of the client and of the engine is not in it: on a busy machine that is seconds. A container that
        ignored its SIGTERM has another exit code: the engine has killed it.
        """
        docker("stop", self.name)
        assert self.state()["ExitCode"] in {0, 143}
        events = [event for event in self.events() if event["event"].startswith("appliance.stop")]
        asked, stopped = (datetime.fromisoformat(event["timestamp"]) for event in (events[0], events[-1]))
        assert events[-1]["event"] == "appliance.stopped"
        return (stopped - asked).total_seconds()

    def wait(self, *, timeout: float = 60) -> int:
        """The exit code, once it has ended by itself."""
        return int(docker("wait", self.name, timeout=timeout).stdout)


@contextmanager
def following(argv: list[str], timeout: float, **more: Any) -> Iterator[Iterator[str]]:
    """The lines of a program that goes on; they end with it, or after so many seconds."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more) as program:
        watchdog = threading.Timer(timeout, program.kill)
        watchdog.start()
        try:
            assert program.stdout is not None
            yield iter(program.stdout)
        finally:
            watchdog.cancel()
            program.kill()


@pytest.fixture
def volumes(engine):
    """The volumes of a test; they go after its containers, since a volume in use can't be removed."""
    names: list[str] = []
    yield names
    for name in names:
        docker("volume", "rm", "--force", name)


@pytest.fixture
def volume(volumes):
    """The name of a cache volume of this test's own."""
    name = f"appliance-test-{uuid.uuid4().hex[:12]}"
    docker("volume", "create", name)
    volumes.append(name)
    return name


@pytest.fixture
def start(image, volumes):
    """A function that starts a container on a project: ``start(folder, "-e", "NAME=value")``."""
    started = []

    def start(project: Path | None = None, *options: str, argv: tuple[str, ...] = (), tag: str = image) -> Container:
        name = f"appliance-test-{uuid.uuid4().hex[:12]}"
        mount = ["--volume", f"{project}:/workspace"] if project else []
        started.append(name)
        docker("run", "--detach", "--name", name, "--publish", "127.0.0.1::8000", *mount, *options, tag, *argv)
        shown = docker("port", name, "8000", check=False).stdout.split(":")[-1].strip()
        return Container(name, int(shown or 0))

    yield start
    for name in started:
        docker("rm", "--force", "--volumes", name, check=False)


@pytest.fixture
def project(tmp_path, engine):
    """A folder to serve: ``project("plain")`` copies one of tests/apps, ``project({"wsgi.py": "..."})`` writes one."""
    owned = []

    def project(source: str | Mapping[str, str], *, owner: int | None = None) -> Path:
        folder: Path = tmp_path / (source if isinstance(source, str) else "project")
        if isinstance(source, str):
            shutil.copytree(APPS / source, folder, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir()
            for name, text in source.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text)
        if owner is not None:
            owned.append(folder)
            give(folder, owner)
        return folder

    yield project
    for folder in owned if os.getuid() else ():  # else whoever runs the tests could not remove them
        give(folder, os.getuid())


def give(folder: Path, owner: int) -> None:
    """Change a folder's owner, which on the host only root may: else a container does."""
    if not os.getuid():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner, owner, follow_symlinks=False)
        return
    docker(
        "run",
        "--rm",
        "--volume",
        f"{folder}:/given",
        "--entrypoint",
        "chown",
        IMAGE,
        "-R",
        f"{owner}:{owner}",
        "/given",
    )


@dataclass
class Compose:
    """This repository's docker-compose.yml under a name of the test's own."""

    name: str
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = ROOT

    def variables(self) -> dict[str, str]:
        """The environment of the program."""
        return {**os.environ, "PUBLISH_PORT": str(self.port), **self.environment}

    def __call__(self, *argv: str, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run ``docker compose`` with these arguments; where it fails the test fails with the containers' words."""
        done = self._run(*argv, **more)
        if check and done.returncode:
            containers = self._run("ps", "--all", "--quiet").stdout.split()
            health = docker("inspect", "--format", "{{json .State}}", *containers, check=False).stdout
            logs = self._run("logs", "--tail", "40").stdout
            pytest.fail(f"{argv}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}\n{health}\n{logs}")
        return done

    def _run(self, *argv: str, **more: Any) -> subprocess.CompletedProcess[str]:
        named = ("compose", "--project-name", self.name, *argv)
        return docker(*named, cwd=self.folder, env=self.variables(), check=False, **more)

    def container(self) -> Container:
        """The service's container."""
        return Container(self("ps", "--all", "--quiet", "app").stdout.strip(), self.port)


@pytest.fixture
def compose(engine, monkeypatch):
    """``compose("up", "--wait")`` and the like, published on a port that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    compose = Compose(f"appliance-test-{uuid.uuid4().hex[:12]}", port)
    yield compose
    compose("down", "--volumes", "--timeout", "2", check=False)


@pytest.fixture(scope="session")
def others_may_enter():
    """A folder that another user can pass; pytest's own are closed to others, again at the start of each run."""
    with tempfile.TemporaryDirectory(prefix="appliance-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def cli(others_may_enter):
    """The program ``devcontainer``, from npm, which installs it once: a copy where the host's user can run it."""
    if shutil.which("npm") is None:
        pytest.skip("not run: there is no npm to install @devcontainers/cli with")
    folder = others_may_enter / "npm"
    shutil.copytree(npm_package(*DEVCONTAINER_CLI), folder, symlinks=True)
    return folder / "node_modules" / ".bin" / "devcontainer"


@pytest.fixture(scope="session")
def host_user(engine):
    """A user of the host who is not root: the one who runs the tests, or one made for this process of the tests."""
    if os.getuid():
        yield pwd.getpwuid(os.getuid())
        return
    name = f"appliance-test-{os.getpid()}"
    command("useradd", "--create-home", name, timeout=20)
    yield pwd.getpwnam(name)
    command("userdel", "--remove", name, timeout=20)


@pytest.fixture(scope="session")
def run_devcontainer(cli, host_user):
    """``run_devcontainer(folder, "up")``: the program, as the host's user, on a folder; what it wrote on stdout."""
    kept = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("DOCKER_")}
    control = Path("/var/run/docker.sock")
    group = control.stat().st_gid if control.exists() else host_user.pw_gid
    identity: dict[str, Any] = (
        {} if os.getuid() else {"user": host_user.pw_uid, "group": group, "extra_groups": [host_user.pw_gid]}
    )

    def run(folder: Path, name: str, *argv: str) -> str:
        done = command(
            str(cli), name, "--workspace-folder", str(folder), *argv,
            env={**kept, "HOME": host_user.pw_dir, "USER": host_user.pw_name}, cwd=folder, timeout=280, **identity,
        )  # fmt: skip
        return done.stdout

    return run
