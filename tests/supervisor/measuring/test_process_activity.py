"""The facts about a process that need no question to it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.protocol.inflight import InFlight
from appliance.supervisor.measuring.process_activity import ProcessActivity, activity_of
from appliance.supervisor.processes.child_roles import Role
from appliance.supervisor.processes.handles import Handle


def test_the_state_of_a_process_is_read_after_any_name(tmp_path: Path):
    """The name of a program may hold anything; the state, and the time of user and system, are read after it."""
    program = shutil.copy(shutil.which("sleep") or "", tmp_path / "a) T 1 (b")
    with subprocess.Popen([program, "1000"]) as process:
        try:
            assert not activity_of(Handle(Role.WORKER, 1, process.pid, {})).stopped
        finally:
            process.kill()
    used = os.times()
    assert activity_of(Handle(Role.WORKER, 1, os.getpid(), {})).cpu_s == pytest.approx(used[0] + used[1], abs=0.05)


def test_the_shared_memory_shows_a_process_that_has_ended():
    """The memory of a process that the kernel no longer knows still shows its requests."""
    gone = Handle(Role.WORKER, 1, 2**22 + 1, {})
    assert activity_of(gone) == ProcessActivity()
    InFlight(gone.count(8)).set_waiting(3)
    assert activity_of(gone) == ProcessActivity(waiting=3)
    gone.close_memory()


def test_waiting_connections_of_a_running_process_are_known():
    """The waiting connections of a running process are known too."""
    child = Handle(Role.WORKER, 1, os.getpid(), {})
    InFlight(child.count(8)).set_waiting(3)
    state = activity_of(child)
    assert (state.waiting, state.begun, state.running) == (3, 0, ())
    child.close_memory()
