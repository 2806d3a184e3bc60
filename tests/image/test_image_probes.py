"""A scripted kubelet, whose probes wait for a second: where the CPU is scarce, and where the probe server is killed."""

from __future__ import annotations

import threading

from tests.image.test_image_replicas import PROBED, probe
from tests.thorough import long_form

APP = """
import threading

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"busy"]

def burn():
    while True:
        pass

for _ in range(3):
    threading.Thread(target=burn, daemon=True).start()
"""
PROBES = 1000
PAUSE_S = 0.05
KILL = "kill -9 $(grep -al 'appliance[.]probes' /proc/[0-9]*/cmdline | cut -d / -f 3 | head -1)"


@long_form("a project takes its time to start there")
def test_probes_are_answered_where_the_cpu_is_scarce(start, project):
    """With a fifth of a CPU, all of it taken by the project, each probe is answered within a second, from the start."""
    pause = threading.Event()
    container = start(project({"wsgi.py": APP}), *PROBED, "--cpus", "0.2")
    container.wait_for("probes.started")
    stages = set()
    while "serving" not in stages:
        assert probe(container, "/livez")[0] == 200
        stages.add(probe(container, "/readyz")[1].removeprefix("not ready: ").removeprefix("ready: ").split(":")[0])
        pause.wait(PAUSE_S)
    assert stages <= {"analysing", "installing", "importing", "serving"}
    for _ in range(PROBES):
        assert (probe(container, "/livez")[0], probe(container, "/readyz")[0]) == (200, 200)
        pause.wait(PAUSE_S)


def test_a_probe_server_that_is_killed_is_started_again(start):
    """The connection that comes after its SIGKILL waits for the next one, which says the same."""
    container = start(None, *PROBED)
    container.wait_for("worker.ready")
    container.execute("sh", "-c", KILL)
    assert probe(container, "/livez")[0] == 200
    assert probe(container, "/readyz")[0] == 200
    (failed,) = container.events("probes.failed")
    assert "SIGKILL" in failed["reason"]
