"""Processes that a project leaves behind end with it, whatever it makes of SIGTERM."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from pathlib import Path

from tests.live.live_appliance import Appliance

STUBBORN = """
import os
import signal
import subprocess
import sys

WAIT = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
child = subprocess.Popen([sys.executable, "-c", WAIT], stdout=subprocess.PIPE)
child.stdout.readline()

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % child.pid]
"""


def ended(process: int) -> bool:
    """Whether the process of this pidfd ends soon."""
    return bool(select.select([process], [], [], 20)[0])


def test_a_child_that_ignores_sigterm_is_ended(start: Callable[..., Appliance], project: Path):
    """A child that ignores SIGTERM is ended after the reload of its parent, and with the appliance."""
    (project / "app.py").write_text(STUBBORN, encoding="utf-8")
    appliance = start()
    appliance.wait_for("worker.ready")
    first = os.pidfd_open(int(appliance.get()[1]))
    appliance.edit("app.py", STUBBORN + "# edited\n")
    appliance.wait_for("reload.finished")
    second = os.pidfd_open(int(appliance.get()[1]))
    assert ended(first)
    appliance.stop()
    assert ended(second)
    os.close(first)
    os.close(second)
