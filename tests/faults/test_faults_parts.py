"""Every other step of the supervisor's made to fail: it goes on, and a save and a stop are whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.appliance_with_fault import ApplianceWithFault
from tests.thorough import in_turn, one_in

Make = Callable[..., ApplianceWithFault]
OURS = "appliance.supervisor."

FRAMES = (
    "Start", "StartAccepting", "Drain", "TakeConnections", "ReportModules", "Preload", "Fork", "StopAccepting",
)  # fmt: skip

STEPS = [
    ("Popen", "standin", "EAGAIN"),
    ("Popen", "preloader", "EAGAIN"),
    ("memfd_create", "", "EMFILE"),
    ("pipe", "", "EMFILE"),
    ("dup", "", "EMFILE"),
    ("thread", "watcher", "RuntimeError"),
    ("thread", "log-writer", "RuntimeError"),
    ("write", "1", "ENOSPC"),
    ("accept", "", "EMFILE"),
    ("killpg", "", "EINVAL"),
    ("appliance.supervisor.processes.handles:Handle.prefer_as_oom_victim", "", "RuntimeError"),
    *(("appliance.protocol.channel:Channel.send", f"({frame}(", "ENOBUFS") for frame in one_in(2, FRAMES)),
    ("appliance.protocol.channel:Channel.send", "SetStandInPage", "RuntimeError"),
    ("appliance.protocol.channel:Channel.receive", "", "RuntimeError"),
    ("appliance.supervisor.processes.lifeline:Lifeline.open", "", "RuntimeError"),
    ("appliance.supervisor.processes.lifeline:Lifeline.bind", "", "RuntimeError"),
    ("appliance.supervisor.steps.analysis:log_changes", "", "RuntimeError"),
    ("appliance.supervisor.workers.workers:Workers.modules_reported", "", "KeyError"),
    ("appliance.supervisor.preloading.preloading:Preloading.ready", "", "KeyError"),
    ("appliance.supervisor.preloading.preloading:Preloading.modules_reported", "", "RecursionError"),
    ("appliance.supervisor.preloading.preloading:Preloading.preloaded", "", "KeyError"),
    ("appliance.supervisor.preloading.preloading:Preloading.fork", "", "KeyError"),
    ("appliance.supervisor.saves.reload_trigger:ReloadTrigger.loaded", "", "MemoryError"),
    ("appliance.supervisor.reporting.log_ingest:LogIngest.output", "", "UnicodeError"),
    ("appliance.supervisor.reporting.log_ingest:LogIngest.records", "", "TypeError"),
    ("appliance.supervisor.reporting.run_history:RunHistory.reloaded", "", "ZeroDivisionError"),
    ("appliance.supervisor.processes.spawn:link", "", "ValueError"),
]


def test_the_supervisor_answers_if_the_stand_in_gets_no_page(faulty: Make):
    """If the stand-in never gets its page, and no worker serves, the supervisor itself answers."""
    call = "appliance.protocol.channel:Channel.send"
    appliance = faulty({"call": call, "which": "SetStandInPage", "error": "RuntimeError", "times": -1})
    appliance.wait_for("worker.ready")
    appliance.armed.touch()
    appliance.edit("app.py", "def app(:\n")
    appliance.wait_for("supervisor.failed")
    while (status := appliance.answers()) == 200:  # of the worker that is about to end
        appliance.wait_for_event()
    assert status in {500, 503}
    assert appliance.stop() == 0


@pytest.mark.whole
@pytest.mark.parametrize(("call", "which", "error", "times"), in_turn(STEPS, [1, -1]))
def test_the_port_answers_while_a_step_fails(faulty: Make, call: str, which: str, error: str, times: int):
    """While a step fails, once or always, the port answers; once the step succeeds, a save and a stop work."""
    begins_later = call in {"write", "pipe"}  # where it listens has to be said first
    fault = {"call": call, "which": which, "error": error, "times": times}
    appliance = faulty(fault, armed=not begins_later)
    assert appliance.port
    appliance.armed.touch()
    assert appliance.answers() in {200, 500, 503}
    appliance.edit("app.py", "def app(:\n")
    assert appliance.answers() in {200, 500, 503}
    appliance.provoke()
    appliance.disarm()
    appliance.save()
    appliance.save()
    appliance.ends_well()
    told = [event for event in appliance.events if event["event"] == "supervisor.failed"]
    assert len(told) < 5
    assert all(event["place"].partition(":")[2] for event in told)


@pytest.mark.parametrize(
    ("call", "error", "event"),
    [
        ("pipe", "EMFILE", "start.failed"),
        ("socket:socket.listen", "ENOMEM", "listen.failed"),
        ("appliance.supervisor.loop:Loop.__init__", "EMFILE", "start.failed"),
        ("appliance.supervisor.processes.children:Children.__init__", "AttributeError", "appliance.failed"),
        ("appliance.config.settings:read_settings", "RecursionError", "appliance.failed"),
        ("appliance.commands.first_steps:open_project", "KeyError", "appliance.failed"),
        ("appliance.commands.serve:_first_log", "TypeError", "appliance.failed"),
        ("appliance.supervisor.supervisor:Supervisor.run", "MemoryError", "start.failed"),
    ],
)
def test_a_failure_before_the_loop_is_one_line_and_a_documented_code(faulty: Make, call: str, error: str, event: str):
    """A failure before the loop is one line of JSON with its three parts, and a documented exit code."""
    appliance = faulty({"call": call, "error": error, "times": -1}, armed=True)
    told = appliance.wait_for(event)
    assert all(told[part] for part in ("found", "expected", "action"))
    assert appliance.process.wait(timeout=10) in {1, 4}
    assert appliance.garbage == []
    assert appliance.stderr is not None
    assert appliance.stderr.read_bytes() == b""
