"""HTTPS by a real appliance: up, reloaded, broken, refused; with the clients that people have."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import pytest

from tests.certificates import make_certificate
from tests.live.live_appliance import HELLO, Appliance

Secure = Callable[..., Appliance]

SCHEME = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [(environ["wsgi.url_scheme"] + environ["HTTPS"]).encode()]
"""


@pytest.fixture
def secure(start: Callable[..., Appliance], project: Path) -> Secure:
    """Start an appliance that serves HTTPS."""
    make_certificate(project)

    def begin(**settings: str) -> Appliance:
        names = {"APPLIANCE_TLS_CERT": "localhost.pem", "APPLIANCE_TLS_KEY": "localhost-key.pem"}
        return start(**{**names, **settings})

    return begin


def client(appliance: Appliance) -> HTTPSConnection:
    """A client that trusts the certificate, and takes no end without close_notify for one."""
    context = ssl.create_default_context(cafile=str(appliance.project / "localhost.pem"))
    return HTTPSConnection("localhost", appliance.port, timeout=30, context=context)


def asked(appliance: Appliance) -> tuple[int, bytes]:
    """One request on a connection of its own."""
    with contextlib.closing(client(appliance)) as connection:
        connection.request("GET", "/")
        response = connection.getresponse()
        return response.status, response.read()


def test_https_is_served(secure: Secure, project: Path):
    """The port speaks HTTPS, the printed URL and the environ say so, and the status is asked as usual."""
    (project / "app.py").write_text(SCHEME, encoding="utf-8")
    appliance = secure()
    ready = appliance.wait_for("worker.ready")
    assert ready["url"] == f"https://localhost:{appliance.port}"
    assert asked(appliance) == (200, b"httpson")
    assert appliance.wait_for("request.finished")["http.response.status_code"] == 200
    assert appliance.command("status").returncode == 0


def test_the_public_url_says_https(secure: Secure):
    """A public URL of plain HTTP, as compose has it by default, is shown as HTTPS."""
    appliance = secure(APPLIANCE_PUBLIC_URL="http://localhost:9999")
    assert appliance.wait_for("appliance.started")["url"] == "https://localhost:9999"


def test_plain_http_gets_one_answer_and_one_line(secure: Secure):
    """A client that speaks plain HTTP to the port gets the right URL's beginning, and the log says it once."""
    appliance = secure()
    appliance.wait_for("worker.ready")
    with contextlib.closing(HTTPConnection("localhost", appliance.port, timeout=30)) as plain:
        plain.request("GET", "/here")
        response = plain.getresponse()
        assert response.status == 400
        assert b"https://" in response.read()
    refused = appliance.wait_for("request.refused")
    assert "https://" in refused["reason"]
    assert refused["url.path"] == "/here"
    appliance.stop()
    assert len([event for event in appliance.events if event["event"].startswith("request.")]) == 1


def test_tls_on_the_plain_port_gets_one_line(start: Callable[..., Appliance]):
    """A client that speaks TLS to a plain port leaves one line that says so."""
    appliance = start()
    appliance.wait_for("worker.ready")
    with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", appliance.port), timeout=30) as raw:
        ssl.create_default_context().wrap_socket(raw, server_hostname="localhost")
    assert "HTTPS" in appliance.wait_for("request.refused")["reason"]
    appliance.stop()
    assert len([event for event in appliance.events if event["event"].startswith(("request.", "handshake"))]) == 1


def test_a_reload_ends_idle_connections_properly(secure: Secure):
    """A kept connection ends with close_notify at a reload; the next one is served by the new code."""
    appliance = secure()
    appliance.wait_for("worker.ready")
    context = ssl.create_default_context(cafile=str(appliance.project / "localhost.pem"))
    raw = socket.create_connection(("127.0.0.1", appliance.port), timeout=30)
    with context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as kept:
        kept.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while not answer.endswith(b"one"):
            answer += kept.recv(65_536)
        appliance.edit("app.py", HELLO.format(word="two"))
        assert kept.recv(1) == b""  # SSLEOFError without close_notify
    appliance.wait_for("reload.finished")
    assert asked(appliance) == (200, b"two")


def test_a_reload_serves_what_was_begun(secure: Secure):
    """A request whose head is on its way, and the first of a connection that was just made, are served at a reload."""
    appliance = secure()
    appliance.wait_for("worker.ready")
    context = ssl.create_default_context(cafile=str(appliance.project / "localhost.pem"))
    with contextlib.ExitStack() as stack:
        half, fresh = (
            stack.enter_context(
                context.wrap_socket(
                    socket.create_connection(("127.0.0.1", appliance.port), timeout=30), server_hostname="localhost"
                )
            )
            for _ in range(2)
        )
        half.sendall(b"GET /half HTTP/1.1\r\n")
        appliance.edit("app.py", HELLO.format(word="two"))
        appliance.wait_for("reload.started")
        for sock, rest in ((fresh, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), (half, b"Host: localhost\r\n\r\n")):
            sock.sendall(rest)
            answer = b""
            while not answer.endswith((b"one", b"two")):
                part = sock.recv(65_536)
                assert part, answer
                answer += part


def test_a_broken_project_is_reported_over_https(secure: Secure):
    """While no worker can serve, the page comes over HTTPS too."""
    appliance = secure()
    appliance.wait_for("worker.ready")
    appliance.edit("app.py", "def app(:\n")
    appliance.wait_for("worker.failed")
    status, page = asked(appliance)
    assert (status, b"app.py" in page) == (500, True)


def test_a_renewal_half_done_breaks_no_reload(secure: Secure):
    """The pair is read once, at the start: what becomes of the files later changes nothing until the next."""
    appliance = secure()
    appliance.wait_for("worker.ready")
    (appliance.project / "localhost-key.pem").write_text("half", encoding="utf-8")
    appliance.edit("app.py", HELLO.format(word="two"))
    appliance.wait_for("reload.finished")
    assert asked(appliance) == (200, b"two")


def test_a_projects_own_ssl_module_does_not_reach_the_server(secure: Secure, project: Path):
    """A file of the project's that is called ssl.py is none of the server's business, wherever the path has it."""
    (project / "ssl.py").write_text("raise RuntimeError('the wrong ssl')\n", encoding="utf-8")
    appliance = secure(PYTHONPATH=str(project))
    appliance.wait_for("worker.ready")
    assert asked(appliance) == (200, b"one")


def test_a_bad_pair_stops_the_start(secure: Secure):
    """A certificate that can't be used is one event with its three parts, and the exit code of a setting."""
    appliance = secure(APPLIANCE_TLS_KEY="nowhere.pem")
    reported = appliance.wait_for("settings.invalid")
    assert "nowhere.pem" in reported["found"]
    assert all(reported[part] for part in ("expected", "action"))
    assert appliance.process.wait(timeout=10) == 2


@pytest.mark.skipif(not shutil.which("curl"), reason="not run: there is no curl")
def test_curl_is_served_if_it_knows_the_certificate(secure: Secure):
    """With the certificate, curl is served; without it, one line says why not."""
    appliance = secure()
    appliance.wait_for("worker.ready")
    url = f"https://localhost:{appliance.port}/"
    trusting = ["curl", "--silent", "--cacert", str(appliance.project / "localhost.pem"), url, url]
    assert subprocess.run(trusting, capture_output=True, check=True, timeout=30).stdout == b"oneone"
    assert subprocess.run(["curl", "--silent", url], capture_output=True, check=False, timeout=30).returncode == 60
    assert appliance.wait_for("handshake.failed")["reason"]


def test_openssl_s_client_sees_close_notify(secure: Secure):
    """``openssl s_client`` shakes hands by HTTP/1.1's name, verifies, is answered, and sees close_notify."""
    appliance = secure()
    appliance.wait_for("worker.ready")
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{appliance.port}", "-servername", "localhost", "-alpn"]
    command += ["h2,http/1.1", "-CAfile", str(appliance.project / "localhost.pem"), "-verify_return_error", "-ign_eof"]
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    done = subprocess.run(command, input=request, capture_output=True, check=False, timeout=30)
    assert b"Verify return code: 0 (ok)" in done.stdout
    assert b"ALPN protocol: http/1.1" in done.stdout
    assert b"HTTP/1.1 200 OK" in done.stdout
    assert b"\none" in done.stdout
    assert b"unexpected eof" not in done.stderr
