"""``appliance eject --verify``: build the image, serve the project by both, and print how their answers differ.

Runs where a Docker engine answers: on the machine, not in the appliance's own container.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.commands.production.eject_compare import Answer, Request, both_failed, differences
from appliance.commands.production.eject_image import PORT
from appliance.conventions import URLENCODED_FORM
from appliance.errors import ApplianceError
from appliance.logs.sanitise import sanitise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.commands.first_steps import OpenedProject
    from appliance.commands.production.eject_facts import Facts

_START_S = 120.0
_TRIES = 300
_LINES = 12


def verify(opened: OpenedProject, facts: Facts, name: str, requests: list[Request]) -> int:
    """Return 0 if every answer of the image is that of the appliance, 1 if one differs.

    Raises:
        ApplianceError: there is no engine here, the image can't be built, or one of the two does not answer.
    """
    docker = _engine(opened.process)
    root = opened.settings.project
    sys.stderr.write(f"building {facts.name}\n")
    image = _run(docker, "build", "--quiet", "--file", str(root / name), str(root)).strip()
    differing = 0
    with _appliance(opened) as here, _container(docker, image, opened, facts) as there:
        for request in requests:
            first, other, again = _send(here, request), _send(there, request), _send(here, request)
            found = differences(first, again, other)
            differing += bool(found)
            note = " in both; their pages are not compared" if both_failed(first, other) else ""
            lines = [
                f"{'differs' if found else 'same':<8} {request.name}: {other.status}{note}",
                *(f"  {each}" for each in found),
            ]
            sys.stdout.write(sanitise("\n".join(lines), lines=True) + "\n")
    sys.stdout.write(f"{len(requests)} requests, {differing} differ\n")
    return 1 if differing else 0


def _engine(process: Mapping[str, str]) -> str:
    docker = shutil.which("docker", path=process.get("PATH"))
    if docker is None or "APPLIANCE_IMAGE" in process:
        raise _failed(
            "there is no Docker engine here: --verify builds an image and runs it",
            "the command `docker`, on the machine and not in the appliance's container",
            "In a clone of the appliance: make .venv/made, then .venv/bin/appliance eject --verify --project FOLDER",
        )
    return docker


def _run(docker: str, *arguments: str) -> str:
    done = subprocess.run([docker, *arguments], capture_output=True, text=True, check=False)  # noqa: S603  Docker's client
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-_LINES:])
        raise _failed(
            f"docker {arguments[0]} failed: {last}",
            "an engine that answers, and a Dockerfile that builds",
            "Correct the cause in the project or in the files that eject wrote, and try again.",
        )
    return done.stdout


@contextlib.contextmanager
def _appliance(opened: OpenedProject) -> Iterator[int]:
    """Serve the project by the appliance until the block ends; yield its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        argv = [
            sys.executable, "-I", "-m", "appliance", "serve", *opened.argv(), "--host=127.0.0.1", f"--port={port}",
            "--log-format=json", f"--status-socket={folder}/status.sock",
        ]  # fmt: skip
        pipe = subprocess.PIPE
        with subprocess.Popen(  # noqa: S603  ourselves
            argv, env=dict(opened.process), stdout=pipe, stdin=subprocess.DEVNULL, text=True
        ) as served:
            watchdog = threading.Timer(_START_S, served.kill)
            watchdog.start()
            lines = iter(served.stdout or ())
            drain = threading.Thread(target=deque, args=(lines, 0), daemon=True)
            try:
                events = (json.loads(line) for line in lines if line.startswith("{"))
                if not any(event.get("event") == "worker.ready" for event in events):
                    raise _failed(
                        "the appliance does not serve the project",
                        "a project that is served",
                        f"Run `appliance serve --project {opened.settings.project}`: its log has the cause.",
                    )
                watchdog.cancel()
                drain.start()
                yield port
            finally:
                watchdog.cancel()
                served.terminate()
                if drain.ident:
                    drain.join(_START_S)  # before the pipe is closed, at which both write


@contextlib.contextmanager
def _container(docker: str, image: str, opened: OpenedProject, facts: Facts) -> Iterator[int]:
    """Run the image read-only, with the variables and the SQLite files of the project; yield its port."""
    root, environment = opened.settings.project, opened.environment
    mounts: list[str] = []
    for _, place in ((facts.django or {}).get("databases") or {}).values():
        file = Path(place)
        if file.is_file() and file.is_relative_to(root):
            mounts += ["--volume", f"{file}:/app/{file.relative_to(root)}:ro"]
    names = {*facts.required, *facts.given} & set(environment.values)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as variables:
        variables.write("".join(f"{name}={environment.values[name]}\n" for name in sorted(names)))
        variables.flush()
        options = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108  the container's
        published = ("--publish", f"127.0.0.1::{PORT}", "--env-file", variables.name)
        name = _run(docker, "run", "--detach", *options, *published, *mounts, image).strip()
    try:
        port = int(_run(docker, "port", name, PORT).split(":")[-1])
        _wait(docker, name, port)
        yield port
    finally:
        _run(docker, "rm", "--force", "--volumes", name)


def _wait(docker: str, name: str, port: int) -> None:
    """Wait until the image's server answers."""
    for _ in range(_TRIES):
        try:
            _send(port, Request("HEAD", "/"))
        except (OSError, http.client.HTTPException):
            threading.Event().wait(0.2)  # nothing tells when a server in a container listens
        else:
            return
        if _run(docker, "inspect", "--format", "{{.State.Running}}", name).strip() != "true":
            break
    log = subprocess.run([docker, "logs", name], capture_output=True, text=True, check=False)  # noqa: S603  Docker's client
    last = "\n".join((log.stdout + log.stderr).strip().splitlines()[-_LINES:])
    raise _failed(
        f"the image does not answer: {last}", "an image that serves", "Correct what the log says, and verify again."
    )


def _send(port: int, request: Request) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"Host": "localhost", **request.headers}
        if request.body:
            headers.setdefault("Content-Type", URLENCODED_FORM)
        connection.request(request.method, request.path, request.body or None, headers)
        answer = connection.getresponse()
        pairs = tuple((name.lower(), value) for name, value in answer.getheaders())
        return Answer(answer.status, pairs, answer.read())
    finally:
        connection.close()


def _failed(found: str, expected: str, action: str) -> ApplianceError:
    return ApplianceError(found, expected=expected, action=action)
