"""A pool whose descriptors the application has closed: it ends, so that its owner can start another."""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from appliance.server.io.poller import Poller
from appliance.server.pool.acceptor import Acceptor
from appliance.server.pool.pool import PooledWSGIServer
from appliance.server.pool.watchdog import ServerFailed
from tests.server.answers import answer
from tests.server.served import GET, Client, Recorder


def test_a_poller_that_fails_permanently_ends_the_server(monkeypatch: pytest.MonkeyPatch):
    """serve_forever raises the error that keeps every thread from waiting; it neither hangs nor starts more threads."""
    failed: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: failed.append(arguments.exc_type))
    caught: list[BaseException] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = PooledWSGIServer(listener, answer([b"served"]), sink=Recorder())

        def serve() -> None:
            try:
                server.serve_forever()
            except ServerFailed as error:
                caught.append(error)

        thread = threading.Thread(target=serve)
        thread.start()
        client = Client(listener.getsockname())
        assert client.ask(GET).body == b"served"
        with Path(os.devnull).open("rb") as other:
            os.dup2(other.fileno(), server.parts.poller.fileno())  # as closing it, but that the number stays ours
        client.send(GET)
        thread.join(10)
        assert not thread.is_alive()
        client.close()
    assert "closes descriptors" in str(caught[0])
    assert isinstance(caught[0].__cause__, OSError)
    assert len(failed) == 3


def test_a_closed_listening_socket_is_not_a_lack_of_descriptors():
    """An error from which a socket never accepts again is raised; only a passing one is waited for."""
    poller = Poller()
    listener = socket.create_server(("127.0.0.1", 0))
    acceptor = Acceptor(listener, poller)
    acceptor.locked_start()
    listener.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        next(acceptor.locked_accept(0.0))
    assert acceptor.problem is None
    poller.close()


def test_a_poller_that_can_not_be_made_leaves_no_descriptors(monkeypatch: pytest.MonkeyPatch):
    """A process that is out of descriptors does not lose those with which it has tried to make a poller."""
    pipes: list[tuple[int, int]] = []
    make = os.pipe

    def pipe() -> tuple[int, int]:
        pipes.append(make())
        return pipes[-1]

    def epoll() -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pipe", pipe)
    monkeypatch.setattr(select, "epoll", epoll, raising=False)
    with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
        Poller()
    for end in pipes[0]:
        with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
            os.fstat(end)
