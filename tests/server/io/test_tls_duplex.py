"""A TLS connection for two threads: what each call does where OpenSSL has to read or write first."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appliance.server.io import tls_duplex
from appliance.server.io.tls_duplex import DuplexSocket

DONT_WAIT = socket.MSG_DONTWAIT


class Connection(socket.socket):
    """A connection whose TLS a test scripts: each call takes the next step, an exception or a result."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(fileno=sock.detach())
        self.steps: list[Any] = []
        self.calls: list[tuple[Any, ...]] = []
        self.locked: Callable[[], bool] = lambda: True

    def _step(self, *call: Any) -> Any:
        assert self.locked()
        self.calls.append(call)
        step = self.steps.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Receive."""
        received: bytes = self._step("recv", size, flags)
        return received

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Send; a step of -1 takes everything."""
        sent: int = self._step("send", bytes(data), flags)
        return len(data) if sent < 0 else sent

    def unwrap(self) -> None:
        """Send close_notify."""
        self._step("unwrap")


class Waits:
    """The clock and every wait for the socket: each lasts two seconds."""

    now = 100.0
    ready = True

    def __init__(self) -> None:
        self.seen: list[tuple[int, float | None]] = []

    def wait(self, sock: object, events: int, seconds: float | None) -> bool:
        """Wait."""
        assert isinstance(sock, Connection)
        self.seen.append((events, seconds))
        self.now += 2.0
        return self.ready


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """The clock."""
    waits = Waits()
    monkeypatch.setattr(tls_duplex, "monotonic", lambda: waits.now)
    monkeypatch.setattr(tls_duplex, "is_ready", waits.wait)
    return waits


@pytest.fixture
def pair() -> Iterator[tuple[Any, Connection, socket.socket]]:
    """The socket of an application, the connection under it, and the client."""
    ours, theirs = socket.socketpair()
    with theirs, Connection(ours) as connection:
        stand_in: Any = connection
        duplex: Any = DuplexSocket(stand_in)
        connection.locked = duplex._lock.locked
        yield duplex, connection, theirs


Pair = tuple[Any, Connection, socket.socket]
WANT_READ, WANT_WRITE = ssl.SSLWantReadError(), ssl.SSLWantWriteError()


def test_a_call_waits_for_what_openssl_needs(pair: Pair, waits: Waits):
    """A receive may have to wait until it can write, and a send until it can read; nobody holds the lock meanwhile."""
    duplex, connection, _ = pair
    assert (connection.gettimeout(), duplex.gettimeout()) == (0.0, None)
    connection.steps = [WANT_READ, WANT_WRITE, b"abc", WANT_WRITE, WANT_READ, 2]
    assert duplex.recv(10, 3) == b"abc"
    assert duplex.send(b"abc", 4) == 2
    assert connection.calls == [("recv", 10, 3)] * 3 + [("send", b"abc", 4)] * 3
    assert waits.seen == [(events, None) for events in (select.POLLIN, select.POLLOUT, select.POLLOUT, select.POLLIN)]
    assert not duplex._lock.locked()


def test_sendall_sends_bytes_of_any_kind_in_pieces(pair: Pair):
    """sendall() sends all bytes, whatever their kind, in pieces of 64 KiB."""
    duplex, connection, _ = pair
    connection.steps = [1, -1, -1]
    data = bytes(range(256)) * 300
    assert duplex.sendall(b"") is None
    assert duplex.sendall(memoryview(data).cast("B", (300, 256)), 4) is None
    sent = [call[1] for call in connection.calls]
    assert [len(each) for each in sent] == [65_536, 65_536, 76_800 - 65_537]
    assert data[:1] + b"".join(sent[1:]) == data
    assert {call[2] for call in connection.calls} == {4}
    connection.steps = [-1]
    duplex.sendall(b"x")
    assert connection.calls[-1] == ("send", b"x", 0)


def test_the_end_without_close_notify_is_an_end(pair: Pair):
    """A client that just goes has ended; another error stays what it is."""
    duplex, connection, _ = pair
    connection.steps = [ssl.SSLEOFError(), ssl.SSLEOFError(), ConnectionResetError(), ConnectionResetError()]
    assert duplex.recv(10) == b""
    assert connection.calls == [("recv", 10, 0)] * 2  # without flags, which ssl would refuse
    with pytest.raises(ConnectionResetError):
        duplex.recv(10)
    assert not duplex._lock.locked()


@pytest.mark.parametrize("call", ["recv", "send"])
def test_a_call_ends_at_its_time_out(pair: Pair, waits: Waits, call: str):
    """All waits of one call together last as long as the time-out; of 0 there is none, as of a socket's own."""
    duplex, connection, _ = pair
    act = {"recv": lambda: duplex.recv(1), "send": lambda: duplex.send(b"x")}[call]
    duplex.settimeout(3.0)
    assert duplex.gettimeout() == 3.0
    connection.steps = [WANT_READ] * 3
    with pytest.raises(TimeoutError, match=r"^timed out$"):
        act()
    assert waits.seen == [(select.POLLIN, 3.0), (select.POLLIN, 1.0)]
    assert {flags for _, _, flags in connection.calls} == {0}
    waits.ready = False
    connection.steps = [WANT_READ]
    with pytest.raises(TimeoutError, match=r"^timed out$"):
        act()
    duplex.setblocking(False)
    assert duplex.gettimeout() == 0.0
    connection.steps = [WANT_READ]
    with pytest.raises(BlockingIOError):
        act()
    assert len(waits.seen) == 3
    duplex.setblocking(True)
    assert duplex.gettimeout() is None


def test_a_send_need_not_wait(pair: Pair, waits: Waits):
    """MSG_DONTWAIT is respected here, and not given to ssl, which refuses it."""
    duplex, connection, _ = pair
    connection.steps = [WANT_WRITE]
    with pytest.raises(BlockingIOError):
        duplex.send(b"x", DONT_WAIT | 4)
    assert (connection.calls, waits.seen) == ([("send", b"x", 4)], [])


@pytest.mark.parametrize("failure", [None, OSError(), ValueError(), WANT_READ])
def test_shutting_down_sends_close_notify(pair: Pair, failure: Exception | None):
    """close_notify is sent before the socket's own half ends, also where the client does not send its own."""
    duplex, connection, client = pair
    connection.steps = [failure]
    client.settimeout(10)
    duplex.shutdown(socket.SHUT_WR)
    assert (connection.calls, client.recv(1)) == ([("unwrap",)], b"")
    assert not duplex._lock.locked()
    client.sendall(b"x")
    assert socket.socket.recv(connection, 1) == b"x"


def test_shutting_down_the_receiving_half_sends_nothing(pair: Pair):
    """Nothing is sent where only the other direction ends, or while another thread sends for too long."""
    duplex, connection, client = pair
    duplex.shutdown(socket.SHUT_RD)
    assert connection.calls == []
    client.settimeout(10)
    with duplex._lock:
        duplex.shutdown(socket.SHUT_RDWR)
    assert (connection.calls, client.recv(1)) == ([], b"")


def test_other_attributes_are_the_sockets(pair: Pair):
    """Attributes that the class does not define come from the socket."""
    duplex, connection, _ = pair
    assert duplex.fileno() == connection.fileno()
