"""Clients that come before the project can serve them."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

APP = "def application(environ, start_response): ..."
CLIENTS = 200
DEBUG = ("--env", "APPLIANCE_LOG_LEVEL=debug")  # to see the worker start


def answers_to_two_hundred(container):
    """The statuses that 200 connections, open at the same time, are answered with."""
    open_at_once = threading.Barrier(CLIENTS)

    def ask(_):
        with socket.create_connection(("127.0.0.1", container.port), timeout=60) as connection:
            open_at_once.wait(timeout=60)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    with ThreadPoolExecutor(CLIENTS) as clients:
        return {answer.split(b" ")[1].decode() for answer in clients.map(ask, range(CLIENTS))}


def test_two_hundred_wait_for_a_slow_boot(start, project):
    """200 connections opened while the project boots are all answered, none refused or reset."""
    container = start(project("slow_boot"), "--env", "SLOW_BOOT_S=4", *DEBUG)
    container.wait_for("worker.started")
    assert answers_to_two_hundred(container) <= {"200", "503"}
    container.wait_for("worker.ready")
    assert container.get().status == 200


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_waiting_browser_gets_a_page(start, project, accept):
    """A browser that waits for more than a second gets a page that says what goes on, and when to come back."""
    container = start(project("slow_boot"), "--env", "SLOW_BOOT_S=20", *DEBUG)
    container.wait_for("worker.started")
    page = container.get(accept=accept)
    assert page.status == 503
    assert int(page.headers["Retry-After"]) > 0
    assert page.headers["Content-Type"].startswith(accept.replace("/json", "/problem+json"))
    assert container.health() == "starting"


@pytest.fixture
def silent_index(docker):
    """The address, as containers see it, of an index that takes connections and never answers."""
    gateway = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").stdout.strip()
    with socket.create_server(("0.0.0.0", 0), backlog=64) as listener:
        yield f"http://{gateway}:{listener.getsockname()[1]}/simple"


@pytest.fixture
def installing(start, project, silent_index):
    """A container that installs from an index that never answers."""
    container = start(project({"wsgi.py": APP, "requirements.txt": f"--index-url {silent_index}\nflask\n"}))
    container.wait_for("install.started")
    return container


def test_two_hundred_wait_for_an_installation(installing):
    """200 connections opened while dependencies are installed are all answered, none refused or reset."""
    assert answers_to_two_hundred(installing) == {"503"}


def test_an_installation_is_reported(installing):
    """A browser that waits while dependencies are installed is told that."""
    page = installing.get(accept="text/html")
    assert page.status == 503
    assert "install" in page.text.lower()
