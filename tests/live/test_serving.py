"""A real supervisor and its worker: started, served, reloaded, broken, fixed, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path

import pytest

from appliance.supervisor.workers.connection_router import WAIT_S
from tests.live.live_appliance import HELLO, Appliance

TICK_S = 0.02  # the kernel's clock, by which a wait is measured, has steps

Start = Callable[..., Appliance]


def test_a_folder_with_an_application_is_served(start: Start):
    """A folder with an application is served, and each request leaves one line."""
    appliance = start()
    appliance.wait_for("worker.ready")
    response, body = appliance.get("/where?a=1")
    assert (response.status, body) == (200, b"one")
    event = appliance.wait_for("request.finished")
    assert (event["url.path"], event["url.query"], event["http.response.status_code"]) == ("/where", "a=1", 200)
    assert appliance.stop() == 0


def test_reload_loses_nothing(start: Start):
    """Twenty saves under a client that makes new connections throughout: each is served, and no connection fails.

    On a slow machine a reload takes longer than a client waits: it gets the page that says so, after its whole second.
    """
    appliance = start()
    appliance.wait_for("worker.ready")
    failures: list[str] = []
    seen: list[bytes] = []
    over = threading.Event()
    port = appliance.port

    def client() -> None:
        while not over.is_set():
            connection = HTTPConnection("127.0.0.1", port, timeout=30)
            began = time.monotonic()
            try:
                connection.request("GET", "/")
                response = connection.getresponse()
                waited_s = time.monotonic() - began
                seen.append(response.read())
                if response.status != 200 and not (response.status == 503 and waited_s > WAIT_S - TICK_S):
                    failures.append(f"{response.status} after {waited_s} s")
            except OSError as error:
                failures.append(repr(error))
            finally:
                connection.close()

    thread = threading.Thread(target=client)
    thread.start()
    for number in range(20):
        appliance.edit("app.py", HELLO.format(word=f"word {number}"))
        appliance.wait_for("reload.finished")
        assert appliance.get()[1] == f"word {number}".encode()
        appliance.until(lambda: seen[-1:] == [f"word {number}".encode()])  # noqa: B023  it is called at once
    over.set()
    thread.join()
    assert failures == []


def test_kept_connection_survives_a_reload(start: Start):
    """A connection that is kept alive is answered by the new code after a reload, on the same socket."""
    appliance = start()
    appliance.wait_for("worker.ready")
    connection = HTTPConnection("127.0.0.1", appliance.port, timeout=30)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"one"
    kept = connection.sock
    appliance.edit("app.py", HELLO.format(word="two"))
    appliance.wait_for("reload.finished")
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"two"
    assert connection.sock is kept
    connection.close()


SLOW = """
import threading
def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        print("running", flush=True)
        threading.Event().wait(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"{word}"]
"""


def test_running_request_finishes(start: Start, project: Path):
    """A request that runs during a save finishes with the old code, while others get the new."""
    (project / "app.py").write_text(SLOW.format(word="old"), encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    slow: list[bytes] = []
    thread = threading.Thread(target=lambda: slow.append(appliance.get("/slow")[1]))
    thread.start()
    appliance.wait_for("output", text="running")
    appliance.edit("app.py", SLOW.format(word="new"))
    appliance.wait_for("reload.finished")
    assert appliance.get()[1] == b"new"
    thread.join()
    assert slow == [b"old"]


def test_a_syntax_error_is_shown_and_its_correction_served(start: Start):
    """A syntax error shows its file and line on the page, in the log and in the status; fixing it recovers."""
    appliance = start()
    appliance.wait_for("worker.ready")
    appliance.edit("app.py", "def app(:\n")
    failed = appliance.wait_for("worker.failed")
    assert (Path(failed["file"]).name, failed["line"]) == ("app.py", 1)
    response, body = appliance.get(Accept="application/json")
    assert (response.status, response.getheader("Content-Type")) == (500, "application/problem+json")
    page = json.loads(body)
    assert (Path(page["file"]).name, page["line"]) == ("app.py", 1)
    assert b"app.py" in appliance.get(Accept="text/html")[1]
    status = appliance.command("status", "--json")
    assert (status.returncode, json.loads(status.stdout)["health"]) == (1, "unhealthy")
    assert json.loads(status.stdout)["error"]["line"] == 1
    appliance.edit("app.py", HELLO.format(word="mended"))
    appliance.wait_for("reload.finished")
    assert appliance.get()[1] == b"mended"
    assert appliance.command("status").returncode == 0


WAITING = (
    "import os, time\nprint('importing', flush=True)\nwhile not os.path.exists('go'):\n    time.sleep(0.01)\n"
    + HELLO.format(word="awake")
)


def test_slow_boot_answers_everybody(start: Start, project: Path):
    """Two hundred connections that are made while nothing accepts are all answered."""
    (project / "app.py").write_text(WAITING, encoding="utf-8")
    appliance = start()
    appliance.wait_for("output", text="importing")
    connections = [socket.create_connection(("127.0.0.1", appliance.port), timeout=30) for _ in range(200)]
    for connection in connections:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\nConnection: close\r\n\r\n")
    statuses = []
    for connection in connections:
        with connection, connection.makefile("rb") as answer:
            statuses.append(int(answer.readline().split()[1]))
    assert statuses == [503] * 200
    (project / "go").touch()
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"awake"


def test_a_late_client_gets_its_answer_or_the_page(start: Start, project: Path):
    """A client that waits long gets a page; a client that comes late gets its answer or the page, and nothing else."""
    (project / "app.py").write_text(WAITING, encoding="utf-8")
    appliance = start()
    appliance.wait_for("output", text="importing")
    response, _ = appliance.get("/early")
    assert (response.status, response.getheader("Retry-After")) == (503, "1")
    with socket.create_connection(("127.0.0.1", appliance.port), timeout=30) as late:
        late.sendall(b"GET /late HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        (project / "go").touch()
        with late.makefile("rb") as answer:
            line = answer.readline()
    # On a busy machine the worker may come too late for the second that a client waits: then it gets the page.
    assert line.split()[1] in {b"200", b"503"}


@pytest.mark.parametrize(
    ("source", "stage"),
    [
        (WAITING, "output"),
        (HELLO.format(word="served"), "worker.ready"),
        ("def app(:\n", "worker.failed"),
    ],
)
def test_stops_within_two_seconds(start: Start, project: Path, source: str, stage: str):
    """A stop is obeyed at every stage: importing, serving, broken."""
    (project / "app.py").write_text(source, encoding="utf-8")
    appliance = start()
    appliance.wait_for(stage)
    assert appliance.stop() == 0
    asked, stopped = (
        datetime.fromisoformat(each["timestamp"])
        for each in appliance.events
        if each["event"] in {"appliance.stopping", "appliance.stopped"}
    )
    assert (stopped - asked).total_seconds() < 2
    assert appliance.events[-1]["event"] == "appliance.stopped"


def test_crash_is_fixed(start: Start, project: Path):
    """A worker that is killed is started again, and nobody is refused."""
    appliance = start()
    ready = appliance.wait_for("worker.ready")
    os.kill(ready["pid"], signal.SIGKILL)
    appliance.wait_for("worker.exited")
    assert appliance.settled()[1] == b"one"
    assert appliance.wait_for("worker.ready")["generation"] == 2


def test_an_asgi_application_is_reported(start: Start, project: Path):
    """An ASGI application is not served; the page and the event say so and what to do."""
    (project / "app.py").write_text("async def app(scope, receive, send):\n    pass\n", encoding="utf-8")
    appliance = start()
    failed = appliance.wait_for("application.missing")
    assert "ASGI" in failed["found"]
    response, body = appliance.get(Accept="text/plain")
    assert response.status == 500
    assert b"ASGI" in body


@pytest.mark.parametrize(
    ("settings", "code", "event"),
    [
        ({"APPLIANCE_PROT": "1"}, 2, "settings.invalid"),
        ({"APPLIANCE_PORT": "http"}, 2, "settings.invalid"),
        ({"APPLIANCE_PROJECT": "/nowhere/at/all"}, 3, "project.missing"),
    ],
)
def test_a_start_with_a_wrong_setting_ends_with_its_code(start: Start, settings: dict[str, str], code: int, event: str):
    """A start that can't be meant is one event with its three parts, and a documented exit code."""
    appliance = start(**settings)
    reported = appliance.wait_for(event)
    assert all(reported[part] for part in ("found", "expected", "action"))
    assert appliance.process.wait(timeout=10) == code


def test_a_port_in_use_ends_the_start(start: Start):
    """A port that another process has ends the start with exit code 4, and the error names it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        appliance = start(APPLIANCE_PORT=str(other.getsockname()[1]))
        reported = appliance.wait_for("listen.failed")
        assert str(other.getsockname()[1]) in reported["found"]
        assert appliance.process.wait(timeout=10) == 4


def test_an_edited_env_file_reaches_the_next_generation(start: Start, project: Path):
    """An edited .env reaches the next generation, and a removed key is gone from it."""
    (project / "app.py").write_text(
        "import os\n" + HELLO.replace('b"{word}"', 'repr(os.environ.get("WORD")).encode()'), encoding="utf-8"
    )
    (project / ".env").write_text("WORD=first\n", encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"'first'"
    appliance.edit(".env", "WORD=second\n")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"'second'"
    appliance.edit(".env", "OTHER=1\n")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"None"


SHADOWING = Path(__file__).parents[1] / "apps" / "shadowing"


def test_modules_that_shadow_ours_run_in_the_projects_process_alone(start: Start, project: Path, tmp_path: Path):
    """Modules of our names and of the standard library's, on PYTHONPATH too, run in the project's process alone."""
    for file in SHADOWING.rglob("*.py"):
        (project / file.relative_to(SHADOWING)).parent.mkdir(exist_ok=True)
        (project / file.relative_to(SHADOWING)).write_bytes(file.read_bytes())
    (project / "app.py").unlink()
    marks = tmp_path / "marks"
    appliance = start(PYTHONPATH=str(project), MARKS=str(marks))
    ready = appliance.wait_for("worker.ready")
    assert appliance.get()[0].status == 200
    assert appliance.command("status").returncode == 0
    ran = dict(line.split() for line in marks.read_text(encoding="utf-8").splitlines())
    assert "wsgi" in ran
    assert set(ran.values()) == {str(ready["pid"])}


def test_nothing_is_written_into_the_project(start: Start, project: Path):
    """After serving and reloading, the folder holds what it held."""
    appliance = start()
    appliance.wait_for("worker.ready")
    appliance.edit("app.py", "import helper\n" + HELLO.format(word="two"))
    appliance.wait_for("worker.failed")
    appliance.edit("helper.py", "")
    appliance.wait_for("worker.ready")
    assert appliance.get()[1] == b"two"
    assert appliance.stop() == 0
    assert sorted(path.name for path in project.rglob("*")) == ["app.py", "helper.py"]


def test_page_waits_for_a_change(start: Start):
    """When a broken project is fixed, the long request of its page ends, and the next one is served."""
    appliance = start()
    appliance.wait_for("worker.ready")
    appliance.edit("app.py", "broken = True\nraise RuntimeError('<b>')\n")
    appliance.wait_for("worker.failed")
    client = HTTPConnection("127.0.0.1", appliance.port, timeout=30)
    with contextlib.closing(client):
        client.request("GET", "/", headers={"Accept": "text/html"})
        page = client.getresponse().read().decode()
        assert "&lt;b&gt;" in page
        version = page.partition("/__appliance__/wait?version=")[2].partition('"')[0]
        # The stand-in answers, or the worker does, where it was ready before the request was read: a change either way.
        client.request("GET", f"/__appliance__/wait?version={version}")
        appliance.edit("app.py", HELLO.format(word="mended"))
        answer = client.getresponse()
        assert answer.headers["X-Appliance-Wait"] == "changed" or answer.read() == b"mended"
    appliance.wait_for("worker.ready", generation=3)
    assert appliance.get()[1] == b"mended"
