"""Background work finishes beside the next worker, or is ended with a message; schedulers stop at once."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.live_appliance import Appliance
from tests.thorough import first

Start = Callable[..., Appliance]

APP = """
import atexit, concurrent.futures, os, threading, time
def wait(name):
    while not os.path.exists("go"):
        time.sleep(0.01)
    print("done", name, flush=True)
def begin(kind):
    if kind == "thread":
        threading.Thread(target=wait, args=[kind], name="my thread").start()
    elif kind == "executor":
        concurrent.futures.ThreadPoolExecutor(1, "my pool").submit(wait, kind)
    elif kind == "atexit":
        atexit.register(wait, kind)
    elif kind == "daemon":
        threading.Thread(target=wait, args=[kind], daemon=True).start()
def app(environ, start_response):
    begin(environ["PATH_INFO"][1:])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that begins work in the background."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text(APP, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("kind", "thread"), first([("thread", "my thread"), ("executor", "my pool_0"), ("atexit", "MainThread")])
)
def test_background_work_is_finished_after_a_reload(start: Start, project: Path, kind: str, thread: str):
    """A thread, a job of an executor and a hook at exit go on beside the new worker, and end by themselves."""
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_GRACE_S="60")
    appliance.wait_for("worker.ready")
    appliance.get(f"/{kind}")
    appliance.edit("app.py", APP.replace('b"one"', 'b"two"'))
    appliance.wait_for("reload.finished")
    assert appliance.get("/")[1] == b"two"
    earlier = (event for event in appliance.events if event["event"] == "work.running")
    reported = next(earlier, None) or appliance.wait_for("work.running")
    assert (reported["thread"], reported["function"]) == (thread, "wait")
    assert reported["file"] == str(project / "app.py")
    (project / "go").touch()
    appliance.wait_for("output", text=f"done {kind}")
    ended = appliance.wait_for("worker.exited")
    assert (ended["how"], ended["level"]) == ("exit status 0", "debug")
    assert appliance.stop() == 0


@pytest.mark.whole
@pytest.mark.parametrize("kind", ["thread", "executor", "atexit"])
def test_work_that_outlasts_the_grace_is_cut_and_reported(start: Start, kind: str):
    """At the end of GRACE_S what still runs is one event with its thread and its place."""
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_GRACE_S="2")
    appliance.wait_for("worker.ready")
    appliance.get(f"/{kind}")
    appliance.edit("app.py", APP.replace('b"one"', 'b"two"'))
    cut = appliance.wait_for("work.cut")
    assert (cut["function"], cut["generation"]) == ("wait", 1)
    assert cut["line"] > 0
    appliance.wait_for("worker.exited", generation=1)
    assert appliance.settled()[1] == b"two"
    assert appliance.stop() == 0


def test_a_stop_waits_for_background_work(start: Start, project: Path):
    """Work in the background is finished at a stop, too."""
    appliance = start(APPLIANCE_INSTALL="off")
    appliance.wait_for("worker.ready")
    appliance.get("/executor")
    appliance.process.send_signal(signal.SIGTERM)
    appliance.wait_for("work.running")
    (project / "go").touch()
    appliance.wait_for("output", text="done executor")
    assert appliance.process.wait(timeout=30) == 0
    appliance.stop()
    assert appliance.events[-1]["event"] == "appliance.stopped"


@pytest.mark.whole
def test_a_second_signal_ends_the_wait(start: Start):
    """A second signal ends what the first one waits for, with its event."""
    appliance = start(APPLIANCE_INSTALL="off")
    appliance.wait_for("worker.ready")
    appliance.get("/thread")
    appliance.process.send_signal(signal.SIGINT)
    appliance.wait_for("work.running")
    began = time.monotonic()
    appliance.process.send_signal(signal.SIGINT)
    appliance.wait_for("work.cut", thread="my thread")
    assert appliance.stop() == 130
    assert time.monotonic() - began < 5  # GRACE_S is 10, and a stop's own bound 8


def test_a_daemon_thread_delays_nothing(start: Start):
    """A daemon thread delays neither a reload nor a stop, and is not reported."""
    appliance = start(APPLIANCE_INSTALL="off")
    appliance.wait_for("worker.ready")
    appliance.get("/daemon")
    appliance.edit("app.py", APP.replace('b"one"', 'b"two"'))
    appliance.wait_for("worker.exited", generation=1)
    appliance.get("/daemon")
    assert appliance.stop() == 0
    assert not [event for event in appliance.events if event["event"].startswith("work.")]


SCHEDULED = """
import threading, time
class Every(threading.Timer):
    def run(self):
        while not self.finished.wait(self.interval):
            self.function()
def tick():
    print("tick one", flush=True)
Every(0.05, tick).start()
import sched
later = sched.scheduler()
def again():
    print("again one", flush=True)
    later.enter(0.05, 1, again)
later.enter(0.05, 1, again)
threading.Thread(target=later.run, name="sched").start()
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one"]
"""


def test_schedulers_stop_at_once(start: Start, project: Path):
    """An endless timer and sched's loop end with the drain: the old worker need not be killed."""
    (project / "app.py").write_text(SCHEDULED, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_GRACE_S="60")
    appliance.wait_for("output", text="tick one")
    appliance.wait_for("output", text="again one")
    appliance.edit("app.py", SCHEDULED.replace("one", "two"))
    reported = appliance.wait_for("scheduler.stopped")
    assert sorted(reported["names"]) == ["Every", "scheduler"]
    assert appliance.wait_for("worker.exited", generation=1)["how"] == "exit status 0"
    appliance.wait_for("output", text="tick two")
    assert appliance.stop() == 0


APSCHEDULER = """
from apscheduler.schedulers.background import BackgroundScheduler
def job():
    print("job one", flush=True)
scheduler = BackgroundScheduler(daemon={daemon})
scheduler.add_job(job, "interval", seconds=0.05)
scheduler.start()
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one"]
"""


@pytest.mark.whole
@pytest.mark.parametrize("daemon", [True, False])
def test_apscheduler_of_an_old_worker_stops(start: Start, project: Path, *, daemon: bool):
    """APScheduler of an old worker begins no job any more, and keeps nobody waiting."""
    pytest.importorskip("apscheduler")
    page = APSCHEDULER.format(daemon=daemon)
    (project / "app.py").write_text(page, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_PYTHON=sys.executable, APPLIANCE_GRACE_S="60")
    appliance.wait_for("output", text="job one")
    appliance.edit("app.py", page.replace("one", "two"))
    assert appliance.wait_for("scheduler.stopped")["names"] == ["BackgroundScheduler"]
    assert appliance.wait_for("worker.exited", generation=1)["how"] == "exit status 0"
    appliance.wait_for("output", text="job two")
    assert appliance.stop() == 0


STREAM = """
import os, time
class Stream:
    def __iter__(self):
        return self
    def __next__(self):
        time.sleep(0.02)
        return b"data: one\\n\\n"
    def close(self):
        print("closed", flush=True)
def generate():
    try:
        while True:
            time.sleep(0.02)
            yield b"data: one\\n\\n"
    finally:
        print("closed", flush=True)
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    return Stream() if environ["PATH_INFO"] == "/object" else generate()
"""


@pytest.mark.whole
@pytest.mark.parametrize("path", ["/object", "/generator"])
def test_a_stream_that_a_reload_ends_is_closed(start: Start, project: Path, path: str):
    """The iterable of a stream gets its close(), though its worker no longer serves."""
    (project / "app.py").write_text(STREAM, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off")
    appliance.wait_for("worker.ready")
    with socket.create_connection(("127.0.0.1", appliance.port), timeout=30) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert b"200 OK" in client.recv(65_536)
        appliance.edit("app.py", STREAM + "\n")
        appliance.wait_for("output", text="closed")
    appliance.wait_for("worker.exited", generation=1)
    assert appliance.stop() == 0


@pytest.mark.whole
def test_few_old_workers_finish_beside_each_other(start: Start, project: Path):
    """Saves that come fast leave only a few old workers behind; the oldest is cut, with its event."""
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_GRACE_S="60")
    appliance.wait_for("worker.ready")
    for number in range(5):
        appliance.get("/thread")
        appliance.edit("app.py", APP.replace('b"one"', f'b"word {number}"'))
        appliance.wait_for("reload.finished")
    while sum(event["event"] == "work.cut" for event in appliance.events) < 2:
        appliance.wait_for("work.cut")
    (project / "go").touch()
    assert appliance.stop() == 0
    cut = [event["generation"] for event in appliance.events if event["event"] == "work.cut"]
    assert cut[:2] == [1, 2]  # how many more there are depends on how soon each has drained


HOLDS_A_PORT = """
import os, socket, threading
listener = socket.create_server(("127.0.0.1", {port}))
def serve():
    while True:
        listener.accept()[0].close()
threading.Thread(target=serve).start()
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"one"]
"""


@pytest.mark.whole
def test_a_thread_that_holds_a_needed_address_is_cut_early(start: Start, project: Path):
    """A thread that holds an address which the next worker needs is cut before its grace is over."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    page = HOLDS_A_PORT.format(port=port)
    (project / "app.py").write_text(page, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off", APPLIANCE_GRACE_S="60")
    appliance.wait_for("worker.ready")
    appliance.edit("app.py", page.replace("one", "two"))
    appliance.wait_for("worker.waiting")
    assert appliance.wait_for("work.cut")["function"] == "serve"
    appliance.wait_for("worker.ready")
    assert appliance.get("/")[1] == b"two"
    assert appliance.process.poll() is None


ENDING = """
import atexit, os
SEEN = []
atexit.register(lambda: SEEN.append(os.nice(0)))
def app(environ, start_response):
    read, write = os.pipe()
    if not (child := os.fork()):
        os.nice(1)
        atexit._run_exitfuncs()
        os.write(write, f"{SEEN} {os.nice(0)}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [os.read(read, 100)]
"""


def test_the_end_of_an_old_worker_has_the_lowest_priority(start: Start, project: Path):
    """After the project's own exit hooks, what the interpreter frees takes no processor from the next worker."""
    (project / "app.py").write_text(ENDING, encoding="utf-8")
    appliance = start(APPLIANCE_INSTALL="off")
    appliance.wait_for("worker.ready")
    assert appliance.get("/")[1] == f"[{os.nice(0) + 1}] 19".encode()
    assert appliance.stop() == 0
