"""A thousand idle connections, on a machine whose limit of descriptors is a thousand and a bit."""

from __future__ import annotations

import contextlib
import resource
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.live_appliance import HELLO, Appliance

pytestmark = pytest.mark.whole

COUNT = 1_000
USUAL = 1024  # the soft limit of a shell
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def usual_limit() -> Iterator[None]:
    """Give the started processes the usual soft limit; this process may have more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * COUNT:
        pytest.skip(f"not run: {hard} descriptors are all that a process may have here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (USUAL, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def asked(sock: socket.socket, word: bytes) -> bool:
    """Whether a request on this connection is answered with the word."""
    sock.sendall(GET)
    answer = b""
    while not answer.endswith(word):
        part = sock.recv(65_536)
        if not part:
            return False
        answer += part
    return True


def threads_of(pid: int) -> int:
    """How many threads a process has."""
    return len(list((Path("/proc") / str(pid) / "task").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="not run: threads are counted in /proc")
def test_a_thousand_idle_connections_survive_a_reload(usual_limit: None, start: Callable[..., Appliance]):
    """A thousand idle connections need no threads, and survive a reload; a working one is answered beside them."""
    appliance = start()
    ready = appliance.wait_for("worker.ready")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * COUNT, hard))
    with contextlib.ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", appliance.port), timeout=30))
            for _ in range(COUNT)
        ]
        assert all(asked(sock, b"one") for sock in idle[: COUNT // 2])  # the others have never said anything
        assert appliance.get()[1] == b"one"
        assert threads_of(ready["pid"]) < 20
        appliance.edit("app.py", HELLO.format(word="two"))
        appliance.wait_for("reload.finished")
        assert sum(asked(sock, b"two") for sock in idle) == COUNT
    assert not [event for event in appliance.events if event["event"] == "accept.failed"]


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="not run: another process's limit can't be set here")
def test_no_descriptor_is_left(start: Callable[..., Appliance]):
    """A worker at its limit says so once, serves those that it has, and goes on when some have left."""
    appliance = start()
    worker = appliance.wait_for("worker.ready")["pid"]
    _, hard = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (40, hard))
    with contextlib.ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", appliance.port), timeout=30)) for _ in range(50)
        ]
        assert "open files" in appliance.wait_for("accept.failed")["reason"]
        assert asked(idle[0], b"one")
        idle[-1].sendall(GET)  # it waits, through several looks
        idle[-1].settimeout(1.5)
        with pytest.raises(TimeoutError):
            idle[-1].recv(1)
        for sock in idle[:-1]:
            sock.close()
        idle[-1].settimeout(30)
        assert idle[-1].recv(65_536).endswith(b"one")
    assert appliance.get()[1] == b"one"
    appliance.stop()
    assert sum(event["event"] == "accept.failed" for event in appliance.events) == 1
