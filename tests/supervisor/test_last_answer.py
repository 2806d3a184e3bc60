"""The supervisor's own answers, with a real loop in another thread and clients that read, stall and leave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from appliance.supervisor.last_answer import LastAnswer
from appliance.supervisor.loop import Loop
from appliance.supervisor.workers.acceptor_events import OpenConnection

PAGE = {"title": "No process can be started", "lead": "fork: no memory", "action": "Raise the limit."}
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
WAIT_S = 20


class Site:
    """A listening socket, and who answers on it."""

    def __init__(self, *, secure: bool = False) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.loop = Loop()
        self.last = LastAnswer(self.loop, self.listener, secure=secure)
        self._thread = threading.Thread(target=self.loop.run)
        self._thread.start()

    def do(self, call: Callable[[], None]) -> None:
        """Call this in the loop, and return once that is done."""
        done = threading.Event()
        self.loop.post(call)
        self.loop.post(done.set)
        assert done.wait(WAIT_S)

    def client(self, sent: bytes = REQUEST) -> socket.socket:
        """A client that has sent this."""
        made = socket.create_connection(self.listener.getsockname(), timeout=WAIT_S)
        made.sendall(sent)
        return made

    def end(self) -> None:
        """End the loop, once it has seen which clients have left."""
        for _ in range(3):
            self.do(lambda: None)
        self.loop.post(self.loop.stop)
        self._thread.join(WAIT_S)
        self.loop.close()
        self.listener.close()


@pytest.fixture
def site() -> Iterator[Site]:
    """A site on which the supervisor answers with the page."""
    made = Site()
    made.do(lambda: made.last.start(PAGE))
    yield made
    made.end()


def answered(client: socket.socket) -> tuple[bytes, str]:
    """The status line and the text of the answer, up to the end of the connection."""
    with client, client.makefile("rb") as file:
        head, _, text = file.read().partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(text) in head
    return head.partition(b"\r\n")[0], text.decode()


def test_a_request_gets_what_is_wrong(site: Site):
    """Each request gets the page as plain text, with status 503, and 500 for a broken project."""
    text = "No process can be started\n\nfork: no memory\n\nRaise the limit.\n"
    assert answered(site.client()) == (b"HTTP/1.1 503 Service Unavailable", text)
    site.do(lambda: site.last.start({**PAGE, "status": 500}))
    assert answered(site.client()) == (b"HTTP/1.1 500 Internal Server Error", text)


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost: ", b"x" * 65_536], ids=["cut", "long"])
def test_a_head_that_does_not_end_is_answered(site: Site, sent: bytes):
    """A client that sends no end of its head has an answer after a second, and one with a long head at once."""
    assert answered(site.client(sent))[0].startswith(b"HTTP/1.1 503")


def test_clients_that_leave_hold_up_nobody(site: Site):
    """More clients than are answered at a time come and leave without a word, and the next one is answered."""
    for _ in range(70):
        site.client(b"").close()
    assert answered(site.client())[0].startswith(b"HTTP/1.1 503")


def test_connections_of_another_process_are_answered(site: Site):
    """A connection that a process has handed over is answered, with what was read of it, and with its own page."""
    for page, line in ((None, b"HTTP/1.1 503"), ({**PAGE, "status": 500}, b"HTTP/1.1 500")):
        ours, theirs = socket.socketpair()
        descriptor = theirs.detach()
        early = REQUEST.decode()

        def take(descriptor: int = descriptor, early: str = early, page: dict[str, object] | None = page) -> None:
            site.last.take([OpenConnection(descriptor, early, "")], page)

        site.do(take)
        ours.settimeout(WAIT_S)
        assert answered(ours)[0].startswith(line)


def test_another_process_answers_after_the_stop(site: Site):
    """At the stop a connection that waits is answered, and later ones stay in the queue of the listening socket."""
    waiting = site.client(b"GET")
    answered(site.client())  # the one before it was accepted too
    site.do(site.last.stop)
    assert not site.last.active
    assert answered(waiting)[0].startswith(b"HTTP/1.1 503")
    later = site.client()
    site.listener.setblocking(True)
    accepted, _ = site.listener.accept()
    accepted.close()
    later.close()


def test_https_is_not_answered_in_plain_text():
    """With HTTPS connections wait for a process that speaks it."""
    site = Site(secure=True)
    site.do(lambda: site.last.start(PAGE))
    assert not site.last.active
    site.end()
