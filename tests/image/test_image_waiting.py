"""Clients that come before the project can serve them."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

APP = "def application(environ, start_response): ..."
CLIENTS = 200
DEBUG = ("--env", "APPLIANCE_LOG_LEVEL=debug")  # to see the worker start


def test_two_hundred_wait_and_are_answered(start, project):
    """200 connections opened while the project boots are all answered, none refused or reset."""
    container = start(project("slow_boot"), "--env", "SLOW_BOOT_S=4", *DEBUG)
    container.wait_for("worker.started")
    open_at_once = threading.Barrier(CLIENTS)

    def ask(_):
        with socket.create_connection(("127.0.0.1", container.port), timeout=60) as connection:
            open_at_once.wait(timeout=60)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(ask, range(CLIENTS)))
    assert {answer.split(b" ")[1] for answer in answers} <= {b"200", b"503"}
    container.wait_for("worker.ready")
    assert container.get().status == 200


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_who_waits_is_told(start, project, accept):
    """A browser that waits for more than a second gets a page that says what goes on, and when to come back."""
    container = start(project("slow_boot"), "--env", "SLOW_BOOT_S=20", *DEBUG)
    container.wait_for("worker.started")
    page = container.get(accept=accept)
    assert page.status == 503
    assert int(page.headers["Retry-After"]) > 0
    assert page.headers["Content-Type"].startswith(accept)
    assert container.health() == "starting"


def test_an_installation_is_told(start, project):
    """A browser that waits while dependencies are installed is told that."""
    container = start(project({"wsgi.py": APP, "requirements.txt": "--index-url http://192.0.2.1/simple\nflask\n"}))
    container.wait_for("install.started")
    page = container.get(accept="text/html")
    assert page.status == 503
    assert "install" in page.text.lower()
