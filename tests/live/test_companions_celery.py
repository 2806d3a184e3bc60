"""A Celery worker, of a real release, on a broker of files: it follows the code, and finishes its tasks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance, Event
from tests.releases import environment
from tests.thorough import long_form

pytestmark = pytest.mark.whole

Start = Callable[..., Appliance]

TASKS = """
import time
from celery import Celery
folder = {folder!r}
app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {{
    "data_folder_in": folder, "data_folder_out": folder, "control_folder": folder + "/control"
}}
word = "one"
@app.task
def say(seconds=0.0):
    print(f"begins {{word}}")
    time.sleep(seconds)
    print(f"says {{word}}")
"""
APP = """
import tasks
def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/say/"):
        tasks.say.delay(float(path.removeprefix("/say/")))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [tasks.word.encode()]
"""
COMMAND = "celery -A tasks worker --concurrency 1 --loglevel INFO --without-gossip --without-mingle --without-heartbeat"


def says(appliance: Appliance, text: str) -> Event:
    """The next line of the worker's output that ends so."""
    while True:
        event = appliance.wait_for("output", companion="worker", within_s=60)
        if str(event.get("text", "")).endswith(text):
            return event


def workers(appliance: Appliance) -> set[int]:
    """The processes of Celery that run in this project now."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if "celery -A tasks" in (folder / "cmdline").read_text().replace("\0", " "):
                found |= {int(folder.name)} if (folder / "cwd").resolve() == appliance.project else set()
        except OSError:
            continue
    return found


@pytest.mark.waits
@long_form("Celery starts and stops slowly")
def test_a_worker_of_celery_follows_the_code(start: Start, project: Path, tmp_path: Path):
    """A task that runs at a save is finished by the old code, the next is run by the new; no worker is left twice."""
    broker = tmp_path / "broker"
    (broker / "control").mkdir(parents=True)
    python = environment("3.12", "celery==5.7.0", project="import celery.bin.celery, kombu.transport.filesystem")
    code = TASKS.format(folder=str(broker))
    (project / "tasks.py").write_text(code, encoding="utf-8")
    (project / "app.py").write_text(APP, encoding="utf-8")
    (project / "Procfile.dev").write_text(f"web: flask run\nworker: {COMMAND}\n", encoding="utf-8")
    appliance = start(
        APPLIANCE_INSTALL="off", APPLIANCE_PYTHON=str(python / "bin" / "python"), APPLIANCE_COMPANIONS_RELOAD="worker"
    )
    says(appliance, " ready.")
    assert appliance.get("/say/1")[1] == b"one"
    says(appliance, "begins one")
    appliance.edit("tasks.py", code.replace('"one"', '"two"'))
    says(appliance, "says one")
    says(appliance, " ready.")
    assert appliance.get("/say/0")[1] == b"two"
    says(appliance, "says two")
    appliance.edit("tasks.py", code.replace('"one"', '"two'))
    appliance.wait_for("worker.failed")
    appliance.edit("tasks.py", code.replace('"one"', '"three"'))
    says(appliance, " ready.")
    appliance.get("/say/0")
    says(appliance, "says three")
    status = json.loads(appliance.command("status", "--json").stdout)
    (worker,) = status["companions"]
    assert (worker["restarts"], worker["last_exit"]) == (2, "exit status 0")
    assert worker["pid"] in workers(appliance)
    assert len(workers(appliance)) == 2, "more than the worker and its pool of one"
    appliance.stop()
    assert workers(appliance) == set()
