"""TLS: requests over it, and the answer to a client that speaks to the wrong port."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.server.http.limits import Limits
from appliance.server.io.tls import context_of
from appliance.server.wsgi.handler import WSGIRequestHandler
from appliance.server.wsgi.listener import ThreadedWSGIServer
from tests.certificates import make_certificate
from tests.server.answers import Answer
from tests.server.served import GET, PATIENCE_S, Client, Echo, Served, get, post

Serve = Callable[..., Served]
Secure = Callable[..., tuple[Served, Callable[[], Client]]]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure(
    serve: Serve, certificate: tuple[Path, Path]
) -> Iterator[Callable[..., tuple[Served, Callable[[], Client]]]]:
    """Start a server for HTTPS, and a function that makes its clients."""
    context = context_of(*map(str, certificate))
    clients: list[Client] = []

    def start(application: object = None, **options: object) -> tuple[Served, Callable[[], Client]]:
        served = serve(application, tls=context, **options)

        def client() -> Client:
            clients.append(wrapped(served.address, certificate[0]))
            return clients[-1]

        return served, client

    yield start
    for client in clients:
        client.close()


def wrapped(address: tuple[str, int], certificate: Path) -> Client:
    """A client that trusts the certificate."""
    trusting = ssl.create_default_context(cafile=str(certificate))
    plain = socket.create_connection(address, PATIENCE_S)
    return Client.of(trusting.wrap_socket(plain, server_hostname="localhost"))


def test_requests_are_served_over_tls(secure):
    """Requests are served over TLS as without, and the environ says https."""
    echo = Echo()
    _, connect = secure(echo)
    client = connect()
    assert client.ask(get("/one")).body == b"/one"
    body = bytes(range(256)) * 2000
    assert client.ask(post(body)).body == body
    assert echo.seen[0]["wsgi.url_scheme"] == "https"
    assert echo.seen[0]["HTTPS"] == "on"


def test_a_client_that_refuses_the_certificate_is_logged(secure):
    """A client that refuses the certificate leaves one line that says why, and one that just goes leaves none."""
    served, connect = secure()
    served.client().close()
    served.client().send(b"\x16\x03\x01").close()
    raw = served.client()
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(raw.sock, server_hostname="localhost")
    assert "unknown ca" in served.sink.wait_for("handshake.failed")["reason"]
    assert connect().ask().status == 200
    assert [name for _, name, _ in served.sink.events] == ["handshake.failed"]


def test_a_slow_reader_of_a_large_body_is_waited_for(secure):
    """A body counts as read piece by piece: who reads steadily is not cut off, whatever the size is."""
    body = bytes(8_000_000)
    limits = Limits(send_timeout_s=1.5)
    _, connect = secure(Answer([body]), limits=limits)
    client = connect().send(GET)
    began, received = time.monotonic(), 0
    while received < len(body):
        late = time.monotonic() > began + 1.2 * limits.send_timeout_s
        received += len(client.file.read1(1_000_000 if late else 20_000))  # at most 3.6 MB until then
        threading.Event().wait(0 if late else 0.01)
    assert late


def test_a_websocket_reads_and_writes_at_once(secure):
    """An application may read its socket in one thread while it writes in another, as WebSocket libraries do."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        sock = environ["werkzeug.socket"]
        sock.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
        heard: list[bytes] = []

        def listen() -> None:
            while sum(map(len, heard)) < 300_000:
                heard.append(sock.recv(4096))

        listener = threading.Thread(target=listen)
        listener.start()
        for number in range(1000):
            sock.send(b"%04d" % number * 100)
        listener.join(PATIENCE_S)
        sock.send(b"heard %d" % sum(map(len, heard)))
        sock.close()
        return []

    served, connect = secure(application)
    client = connect()
    switched = client.ask(get("/ws", "Connection: Upgrade", "Upgrade: x"))
    assert switched.status == 101
    client.send(b"x" * 300_000)
    assert client.file.read(400_000) == b"".join(b"%04d" % number * 100 for number in range(1000))
    assert client.rest() == b"heard 300000"
    assert served.sink.record()["event"] == "websocket.closed"


def test_records_that_openssl_holds_are_seen(secure):
    """Requests that arrive in one record, or whose bytes OpenSSL has read ahead, are all answered."""
    _, connect = secure()
    client = connect().send(b"".join(get(f"/{number}") for number in range(2000)))
    assert [client.response().body for _ in range(2000)] == [b"/%d" % number for number in range(2000)]


def test_streams_arrive_whole_over_tls(secure):
    """Large and streamed content arrives whole."""
    items = [b"x" * 300_000, b"y" * 10]
    _, connect = secure(Answer(items))
    assert connect().ask().body == b"".join(items)


def test_a_connection_ends_with_close_notify(secure):
    """A connection ends with close_notify (RFC 8446, 6.1), so that a client knows that nothing was cut off."""
    _, connect = secure(limits=Limits(idle_timeout_s=0.05))
    client = connect()
    assert client.ask(get("/", "Connection: close")).status == 200
    assert client.sock.recv(1) == b""  # an end without close_notify would raise SSLEOFError
    assert connect().sock.recv(1) == b""


def test_plain_http_is_reported(secure):
    """A client that speaks HTTP to the HTTPS port is answered in plain HTTP, and recorded once."""
    served, connect = secure()
    client = served.client()
    response = client.ask(GET)
    assert response.status == 400
    assert b"https://" in response.body
    assert client.rest() == b""
    assert served.sink.record()["event"] == "request.refused"
    assert connect().ask().status == 200


def test_tls_on_a_plain_port_is_reported(serve: Serve, certificate: tuple[Path, Path]):
    """A client that speaks TLS to the HTTP port gets one clear answer, and one record that says what it was."""
    served = serve()
    with pytest.raises(ssl.SSLError):
        wrapped(served.address, certificate[0])
    record = served.sink.record()
    assert (record["event"], record["status"]) == ("request.refused", 400)
    assert "HTTPS" in record["reason"]
    assert len(served.sink.records) == 1


def test_garbage_instead_of_a_handshake_does_no_harm(secure):
    """Bytes that only begin like a handshake end their connection, and nothing else."""
    served, connect = secure()
    with contextlib.suppress(OSError):  # what follows the first record is not even read, so it may be reset
        served.client().send(b"\x16\x03\x01garbage" * 100).half_close().rest()
    assert connect().ask().status == 200


def test_a_slow_handshake_occupies_no_thread(secure):
    """Clients that begin a handshake and stop are parked."""
    served, connect = secure(threads=1)
    for _ in range(4):
        served.client().send(b"\x16\x03\x01\x02\x00\x01\x00")
    assert connect().ask().status == 200


def test_a_server_that_goes_ends_handshakes(secure):
    """Connections that never came to their first request get a moment, then end, and disturb nothing."""
    served, connect = secure()
    begun = served.client().send(b"\x16\x03\x01\x02\x00\x01\x00")
    assert connect().ask().status == 200  # so the first was looked at, too
    served.server.drain(lambda connections: None)
    assert begun.rest() == b""
    served.thread.join(PATIENCE_S)
    assert not served.thread.is_alive()
    assert served.sink.events == []


def test_what_was_not_read_yet_can_move(secure, serve: Serve, certificate: tuple[Path, Path]):
    """A connection whose handshake has not begun is handed over; one that is encrypted is ended properly."""
    served, connect = secure()
    client = connect()
    assert client.ask().status == 200
    raw = served.client()
    moved: list[tuple[socket.socket, bytes]] = []
    while not moved:
        served.server.start_accepting()
        served.server.stop_accepting(moved.extend)
    other = serve(tls=context_of(*map(str, certificate)))
    other.server.take(moved)
    assert raw.ask(GET).status == 400
    other.sink.record()
    served.server.drain(lambda connections: None)
    assert client.sock.recv(1) == b""
    served.thread.join(PATIENCE_S)
    assert not served.thread.is_alive()


def test_a_listening_socket_may_be_wrapped(certificate: tuple[Path, Path]):
    """The library's servers serve a listening socket that ssl has wrapped."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
    server.set_app(Echo())
    context = context_of(*map(str, certificate))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    client = wrapped(("127.0.0.1", server.server_port), certificate[0])
    assert client.ask(get("/one")).body == b"/one"
    assert client.ask(get("/two")).body == b"/two"
    client.close()
    server.shutdown()
    server.server_close()
    thread.join(PATIENCE_S)
