"""Companions in a container: Celery beside the application, and a command that follows the code from another shell."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.image.conftest import Container, following
from tests.thorough import long_form

TASKS = """
from celery import Celery
app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": "/tmp/broker", "data_folder_out": "/tmp/broker", "control_folder": "/tmp/control"
}
word = "one"
@app.task
def say():
    print(f"says {word}")
"""
APP = """
import tasks
def app(environ, start_response):
    tasks.say.delay()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [tasks.word.encode()]
"""
PROCFILE = """
web: gunicorn app:app
worker: mkdir -p /tmp/broker /tmp/control && celery -A tasks worker --concurrency 1 -l INFO
daemon: setsid sleep 3600 & exec sleep 3600
node: npm run watch
"""


def output(container: Container, *ends: str) -> None:
    """Wait for lines of a companion that end so, in this order."""
    waiting = list(ends)
    with following(["docker", "logs", "--follow", container.name], 90) as lines:
        for line in lines:
            if json.loads(line).get("text", "").endswith(waiting[0]):
                waiting.pop(0)
                if not waiting:
                    return
    pytest.fail(f"no output that ends with {waiting}: {container.lines()[-20:]}")


@long_form("tests/live has Celery without a container")
def test_celery_runs_tasks_follows_saves_and_ends_with_the_container(
    start: Callable[..., Container], project: Callable[..., Path], docker: Any
):
    """Celery runs a task, follows a save as the folder's owner, is shown by the status, and ends with the container."""
    folder = project(
        {"requirements.txt": "celery==5.7.0\n", "tasks.py": TASKS, "app.py": APP, "Procfile.dev": PROCFILE}
    )
    container = start(folder, "--env", "APPLIANCE_COMPANIONS_RELOAD=worker")
    container.wait_for("companion.missing", companion="node")
    output(container, " ready.")
    assert container.get().text == "one"
    output(container, "says one")
    (folder / "tasks.py").write_text(TASKS.replace('"one"', '"two"'))
    container.wait_for("companion.started", companion="worker", count=2)
    output(container, " ready.", " ready.")
    assert container.get().text == "two"
    output(container, "says two")
    status = json.loads(container.execute("appliance", "status", "--json").stdout)
    found = {each["name"]: each for each in status["companions"]}
    assert found["worker"]["restarts"] == 1
    assert (found["daemon"]["state"], found["node"]["last_exit"]) == ("running", "exit status 127")
    assert [each["companion"] for each in container.events("companion.skipped")] == ["web"]
    listed = docker("top", container.name, "-eo", "pid,args").stdout
    assert listed.count("celery -A tasks worker") == 2, "the worker and its pool of one"
    argv = [
        "docker",
        "exec",
        container.name,
        "appliance",
        "run",
        "--watch",
        "python",
        "-c",
        "import tasks; print(tasks.word)",
    ]
    with following(argv, 60, stdin=subprocess.DEVNULL) as lines:
        assert "two\n" in lines
        (folder / "tasks.py").write_text(TASKS.replace('"one"', '"three"'))
        assert "three\n" in lines
    assert container.stop() < 10
