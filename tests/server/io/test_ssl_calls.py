"""OpenSSL's queue of errors: what one connection left there is not another's failure."""

from __future__ import annotations

import _ssl
import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.server.io.ssl_calls import WANTED, call_ssl, forget_errors
from tests.certificates import make_certificate


@pytest.fixture
def connected(tmp_path: Path) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    """A client and a server that have shaken hands; neither waits."""
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    one, other = socket.socketpair()
    one.setblocking(False)
    other.setblocking(False)
    trusting = ssl.create_default_context(cafile=str(certificate))
    client = trusting.wrap_socket(one, server_hostname="localhost", do_handshake_on_connect=False)
    server = context.wrap_socket(other, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False)
    for end in (client, server, client, server, client):
        with contextlib.suppress(*WANTED):
            end.do_handshake()
    with contextlib.suppress(*WANTED):
        client.recv(1)
    yield client, server
    client.close()
    server.close()


def leave_an_error() -> None:
    """As a connection that was reset does from Python 3.13 on: an entry that nobody takes away."""
    with pytest.raises(ValueError, match="unknown object"):
        _ssl.txt2obj("no such name", name=True)


def test_an_error_of_another_connection_is_not_reported(connected: tuple[ssl.SSLSocket, ssl.SSLSocket]):
    """A read without data raises the error for more data, whatever error is in the queue of OpenSSL."""
    _, server = connected
    leave_an_error()
    with pytest.raises(ssl.SSLError) as plain:
        server.recv(1)
    if isinstance(plain.value, WANTED):
        pytest.skip("not run: this Python empties the queue by itself")
    leave_an_error()
    with pytest.raises(ssl.SSLWantReadError):
        call_ssl(server.recv, 1)


def test_an_end_without_close_notify_is_reported(connected: tuple[ssl.SSLSocket, ssl.SSLSocket]):
    """An end without close_notify is reported as usual, and leaves no error for the next call."""
    client, server = connected
    socket.socket.shutdown(client, socket.SHUT_RDWR)
    with pytest.raises(ssl.SSLEOFError):
        call_ssl(server.recv, 1)


def test_what_was_sent_arrives(connected: tuple[ssl.SSLSocket, ssl.SSLSocket]):
    """Data comes through beside an error that lies there."""
    client, server = connected
    leave_an_error()
    assert call_ssl(client.send, b"hello") == 5
    leave_an_error()
    assert call_ssl(server.recv, 100) == b"hello"
    leave_an_error()
    forget_errors()
    with pytest.raises(ssl.SSLWantReadError):
        server.recv(1)
