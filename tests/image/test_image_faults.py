"""Failures around a container: memory, disk, crashes, folders that go. It stays up, or stops with a reason."""

import json
import shutil

import pytest

from tests.image.conftest import STOP_S

APP = {
    "wsgi.py": """
import ctypes
import os
import signal

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/eat":
        hoard = []
        while True:
            hoard.append(bytearray(8 * 1024 * 1024))
    if path == "/segv":
        ctypes.string_at(0)
    if path == "/kill":
        os.kill(os.getpid(), signal.SIGKILL)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served"]
"""
}


def ended_by(container, path):
    """How the worker ended that was asked for this path; the one after it serves."""
    ready = len(container.events("worker.ready"))
    with pytest.raises(OSError):
        container.get(path)
    event = container.wait_for("worker.exited", level="error")
    container.wait_for("worker.ready", count=ready + 1)
    assert container.get().text == "served"
    assert container.state()["Running"] is True
    return event["how"]


def test_out_of_memory_is_reported_with_its_limit(start, project):
    """If the kernel kills a worker because memory is short, the event says so and what to do; another one serves."""
    container = start(project(APP), "--memory", "160m", "--memory-swap", "160m")
    container.wait_for("worker.ready")
    how = ended_by(container, "/eat")
    assert "SIGKILL" in how
    assert "out of memory; the limit is 160 MiB" in how
    assert "mem_limit" in container.wait_for("worker.exited", level="error")["action"]


@pytest.mark.parametrize(("path", "signal"), [("/segv", "SIGSEGV"), ("/kill", "SIGKILL")])
def test_a_crash_is_reported_and_fixed(start, project, path, signal):
    """A worker that crashes, or is killed, is reported with its signal, and another one serves."""
    container = start(project(APP))
    container.wait_for("worker.ready")
    how = ended_by(container, path)
    assert signal in how
    assert "memory" not in how
    if path == "/segv":  # faulthandler's stacks are in the log
        assert "application" in json.dumps([event.get("text") for event in container.events("output")])


def test_a_full_disk_is_reported(start, project):
    """A cache that is full fails the installation with words that say so; the server answers and stops as usual."""
    container = start(project("flask_notes"), "--tmpfs", "/cache:size=1m,mode=1777")
    event = container.wait_for("install.failed", timeout=120)
    assert "full" in event["found"] or "space" in event["found"]
    assert event["action"]
    assert container.get().status == 500
    assert container.stop() < STOP_S


def test_a_full_disk_serves_what_needs_none(start, project):
    """A project without dependencies is served though nothing can be kept."""
    container = start(project(APP), "--tmpfs", "/cache:size=64k,mode=1777", "--env", "APPLIANCE_INSTALL=off")
    container.wait_for("worker.ready")
    assert container.get().text == "served"


def test_files_that_go_and_come_back(start, project):
    """A project whose files are moved away is broken, and served again when they are back."""
    folder = project(APP)
    container = start(folder, "--health-interval", "1s")
    container.wait_for("worker.ready")
    (folder / "wsgi.py").rename(folder.parent / "wsgi.py")
    assert container.wait_for("application.missing")["action"]
    container.wait_for_health("unhealthy")
    (folder.parent / "wsgi.py").rename(folder / "wsgi.py")
    container.wait_for("reload.finished")
    assert container.get().text == "served"


def test_a_folder_that_is_removed_is_reported(start, project):
    """If the mounted folder is gone, the page and the event say so, with the action; the container goes on."""
    folder = project(APP)
    container = start(folder)
    container.wait_for("worker.ready")
    shutil.rmtree(folder)
    event = container.wait_for("project.missing")
    assert "removed" in event["found"]
    assert "Restart" in event["action"]
    page = container.get(accept="text/plain")
    assert page.status == 500
    assert "removed" in page.text
    assert container.stop() < STOP_S
