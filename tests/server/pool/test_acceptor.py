"""The acceptor: how many connections it accepts at once, and what follows from each error of ``accept``."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from typing import cast

import pytest

from appliance.server.io.poller import Poller
from appliance.server.pool import acceptor as module
from appliance.server.pool.acceptor import Acceptor

NOW = 1000.0


class Watched:
    """A poller that remembers what it watches."""

    def __init__(self) -> None:
        self.descriptors: list[int] = []
        self.refusal: OSError | None = None

    def register(self, descriptor: int) -> None:
        """As the poller's."""
        if self.refusal is not None:
            raise self.refusal
        assert descriptor not in self.descriptors
        self.descriptors.append(descriptor)

    def unregister(self, descriptor: int) -> None:
        """As the poller's."""
        self.descriptors.remove(descriptor)


class Listener(socket.socket):
    """A listening socket whose next calls of ``accept`` may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[OSError | None] = []
        self.bind(("127.0.0.1", 0))
        self.listen(256)

    def accept(self) -> tuple[socket.socket, object]:
        """As the socket's."""
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        return super().accept()


class Scene:
    """An acceptor, its socket, and its clients."""

    def __init__(self) -> None:
        self.listener = Listener()
        self.poller = Watched()
        self.acceptor = Acceptor(self.listener, cast("Poller", self.poller))
        self.sockets: list[socket.socket] = [self.listener]

    def connect(self, number: int = 1) -> None:
        """Connect this number of clients."""
        for _ in range(number):
            self.sockets.append(socket.create_connection(self.listener.getsockname()))

    def accept(self, now: float = NOW) -> list[tuple[socket.socket, object]]:
        """Accept; what was accepted is closed at the end."""
        found = list(self.acceptor.locked_accept(now))
        self.sockets += [sock for sock, _ in found]
        return found

    def fail(self, *numbers: int) -> None:
        """The next calls of ``accept`` fail so; 0 for one that succeeds."""
        self.listener.failures = [OSError(number, os.strerror(number)) if number else None for number in numbers]


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    for each in made.sockets:
        each.close()


def test_an_acceptor_accepts_while_it_is_open(scene: Scene):
    """An acceptor accepts nothing before it is open and after it is shut; opening and shutting twice change nothing."""
    scene.connect()
    assert scene.accept() == []
    for _ in range(2):
        scene.acceptor.locked_start()
    assert scene.poller.descriptors == [scene.listener.fileno()] == [scene.acceptor.descriptor]
    ((_, address),) = scene.accept()
    assert address == scene.sockets[1].getsockname()
    assert scene.accept() == []
    for _ in range(2):
        scene.acceptor.locked_stop()
    assert scene.poller.descriptors == []
    scene.connect()
    assert scene.accept() == []


def test_the_listening_socket_blocks_and_delays_nothing(scene: Scene):
    """The listening socket never blocks, and what is accepted sends small pieces at once."""
    assert not scene.listener.getblocking()
    scene.acceptor.locked_start()
    scene.connect()
    ((sock, _),) = scene.accept()
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_unix_socket_is_accepted_on_too():
    """A UNIX socket, which knows no delay, is accepted on too."""
    with socket.socket(socket.AF_UNIX) as listener:
        Acceptor(listener, cast("Poller", Watched()))
        assert not listener.getblocking()


def test_one_round_accepts_a_limited_number(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    """One round accepts a limited number of connections, so that others are served in between."""
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    scene.acceptor.locked_start()
    scene.connect(5)
    assert [len(scene.accept()) for _ in range(3)] == [3, 2, 0]


def test_a_connection_that_ended_in_the_queue_is_skipped(scene: Scene):
    """A connection that ended in the queue is not an error: the ones after it are accepted."""
    scene.acceptor.locked_start()
    scene.connect(2)
    scene.fail(errno.ECONNABORTED, errno.EPROTO, 0, errno.ENETDOWN)
    assert len(scene.accept()) == 2
    assert (scene.acceptor.problem, scene.acceptor.retry_at) == (None, 0.0)


@pytest.mark.parametrize("number", [errno.EBADF, errno.EINVAL, errno.ENOTSOCK])
def test_a_socket_that_has_stopped_listening_is_an_error(scene: Scene, number: int):
    """If the listening socket has stopped listening, the error is raised."""
    scene.acceptor.locked_start()
    scene.fail(number)
    with pytest.raises(OSError, match=os.strerror(number)):
        scene.accept()


def test_an_acceptor_without_descriptors_pauses_and_reports_once(scene: Scene):
    """Without descriptors an acceptor leaves its socket alone for half a second, and reports that once."""
    scene.acceptor.locked_start()
    scene.connect()
    scene.fail(errno.EMFILE)
    assert scene.accept() == []
    assert scene.acceptor.locked_take_problem() == str(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
    assert (scene.acceptor.retry_at, scene.poller.descriptors) == (NOW + 0.5, [])
    scene.acceptor.locked_retry(NOW + 0.4)
    assert scene.poller.descriptors == []
    scene.acceptor.locked_retry(NOW + 0.5)
    assert (scene.acceptor.retry_at, scene.poller.descriptors) == (0.0, [scene.acceptor.descriptor])
    scene.acceptor.locked_retry(NOW + 0.6)
    scene.fail(errno.ENFILE)
    scene.accept(NOW + 1)
    assert scene.acceptor.locked_take_problem() is None
    scene.acceptor.locked_retry(NOW + 2)
    assert len(scene.accept()) == 1
    scene.fail(errno.ENFILE)
    scene.accept(NOW + 3)
    assert scene.acceptor.locked_take_problem() == str(OSError(errno.ENFILE, os.strerror(errno.ENFILE)))


def test_an_acceptor_that_is_shut_in_its_pause_stays_shut(scene: Scene):
    """One that is shut meanwhile does not look at its socket again."""
    scene.acceptor.locked_start()
    scene.fail(errno.EMFILE)
    scene.accept()
    scene.poller.descriptors.append(scene.acceptor.descriptor)  # a real poller forgives what it does not watch
    scene.acceptor.locked_stop()
    assert scene.acceptor.retry_at == 0.0
    scene.acceptor.locked_retry(NOW + 10)
    assert scene.poller.descriptors == []


def test_an_acceptor_is_tried_again_if_the_poller_has_no_room(scene: Scene):
    """If the poller takes no descriptor either, the acceptor is tried again after the same time."""
    scene.acceptor.locked_start()
    scene.fail(errno.EMFILE)
    scene.accept()
    scene.poller.refusal = OSError(errno.ENOSPC, "no room")
    scene.acceptor.locked_retry(NOW + 0.5)
    assert scene.acceptor.retry_at == NOW + 1.0
    scene.poller.refusal = None
    scene.acceptor.locked_retry(NOW + 1.0)
    assert scene.poller.descriptors == [scene.acceptor.descriptor]


class Numbered:
    """A connection of this number, whose duplicates get the next ones."""

    def __init__(self, numbers: list[int], made: list[Numbered]) -> None:
        self._numbers, self._made = numbers, made
        self.number, self.closed = numbers.pop(0), False
        made.append(self)

    def fileno(self) -> int:
        """As the socket's."""
        return self.number

    def dup(self) -> Numbered:
        """As the socket's."""
        return Numbered(self._numbers, self._made)

    def close(self) -> None:
        """As the socket's."""
        self.closed = True


@pytest.mark.parametrize("numbers", [[3], [2, 3], [0, 1, 2, 7], [1, 9]])
def test_no_connection_takes_the_number_of_a_standard_stream(numbers: list[int], monkeypatch: pytest.MonkeyPatch):
    """A connection whose number is one of the standard streams' gets a higher one, and no other stays open."""
    made: list[Numbered] = []
    expected = numbers[-1]
    with Listener() as listener:
        acceptor = Acceptor(listener, cast("Poller", Watched()))
        acceptor.locked_start()
        monkeypatch.setattr(listener, "accept", lambda: (Numbered(numbers, made), None))
        sock, _ = next(acceptor.locked_accept(NOW))
    assert sock.fileno() == expected
    assert [each.number for each in made if not each.closed] == [expected]
