"""Many clients that read slowly, and many that send slowly: nobody waits for them, and they hold little.

There are a thousand of them in the long form (``make soak``).
"""

from __future__ import annotations

import resource
import select
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.apps.soaked.app import content
from tests.live.clients import plain_s
from tests.live.live_appliance import Appliance
from tests.soak.load import SOAKED
from tests.thorough import THOROUGH

COUNT = 1_000 if THOROUGH else 250
SIZE = 10_000_000
MEMORY_MIB = 150
PLAIN_S = 0.05
READERS = [f"/streamed?n={SIZE}", f"/download?n={SIZE}", *[f"/sized?n={SIZE}"] * 18]  # a tenth of them goes to the disk
SENDERS = ["Content-Length: 100000", "Transfer-Encoding: chunked"]
Connect = Callable[[], socket.socket]

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="not run: memory is read in /proc"),
    pytest.mark.whole,
]


@pytest.fixture
def appliance(start: Callable[..., Appliance], project: Path) -> Appliance:
    """One that serves what is large."""
    shutil.copy(SOAKED / "app.py", project / "app.py")
    appliance = start(APPLIANCE_THREADS="8", APPLIANCE_LOG_LEVEL="info")
    appliance.wait_for("worker.ready")
    return appliance


@pytest.fixture
def connect(appliance: Appliance) -> Iterator[Connect]:
    """Make connections, as many as the hard limit of descriptors lets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3 * COUNT:
        pytest.skip(f"not run: {hard} descriptors are all that a process may have here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * COUNT), hard))
    with ExitStack() as stack:
        yield lambda: stack.enter_context(socket.create_connection(("127.0.0.1", appliance.port), timeout=60))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def held_mib(appliance: Appliance) -> float:
    """Return the memory of the worker, with its share of memory that others hold too."""
    worker = next(event["pid"] for event in appliance.events if event["event"] == "worker.ready")
    lines = (Path("/proc") / str(worker) / "smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def threads_of(appliance: Appliance) -> int:
    """How many threads the worker has."""
    worker = next(event["pid"] for event in appliance.events if event["event"] == "worker.ready")
    return len(list((Path("/proc") / str(worker) / "task").iterdir()))


def wait_until_answered(connections: list[socket.socket]) -> None:
    """Until the answer to each has begun."""
    poll = select.poll()
    for sock in connections:
        poll.register(sock, select.POLLIN)
    left = {sock.fileno() for sock in connections}
    while left:
        found = poll.poll(60_000)
        assert found, f"{len(left)} are not answered"
        for descriptor, _ in found:
            poll.unregister(descriptor)
            left.discard(descriptor)


def body_of(sock: socket.socket) -> bytes:
    """The content of a response of known length, or of one in chunks of which only the content counts."""
    data = bytearray()
    while not data.endswith(b"0\r\n\r\n") and len(data) < SIZE + 100:
        part = sock.recv(1 << 20)
        if not part:
            break
        data += part
        head, end, body = bytes(data[:1000]).partition(b"\r\n\r\n")
        length = next((line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), None)
        if end and length is not None and len(data) >= len(head) + 4 + int(length.split()[1]):
            break
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    if b"Transfer-Encoding: chunked" not in head:
        return body
    parts = []
    while body:
        size, _, body = body.partition(b"\r\n")
        parts.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return b"".join(parts)


def test_a_request_is_answered_fast_beside_many_slow_readers(appliance: Appliance, connect: Connect):
    """Beside hundreds of clients that do not read 10 MB each a plain GET takes under 50 ms, in under 150 MB."""
    usual = plain_s(appliance)  # more than a few milliseconds on a machine that is busy
    readers = [connect() for _ in range(COUNT)]
    for number, reader in enumerate(readers):
        path = READERS[number % len(READERS)]
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    wait_until_answered(readers)
    appliance.catch_up()
    took, held = plain_s(appliance), held_mib(appliance)
    assert took < max(PLAIN_S, 5 * usual)
    assert held < MEMORY_MIB
    assert threads_of(appliance) < 40
    for reader in readers[-len(READERS) :]:  # the first may have been cut off by now, on a slow machine
        assert body_of(reader) == content(SIZE)
    for reader in readers:
        reader.close()
    aborted = COUNT - len(READERS)
    while sum(event["event"] == "request.aborted" for event in appliance.events) < aborted:
        appliance.wait_for("request.aborted")
    assert appliance.get("/sized?n=5")[1] == content(5)


@pytest.mark.parametrize("framing", SENDERS)
def test_a_request_is_answered_fast_beside_many_slow_senders(appliance: Appliance, connect: Connect, framing: str):
    """Beside hundreds of bodies that come slowly a plain GET takes under 50 ms, and each is served in the end."""
    body = content(100_000)
    if framing.startswith("Transfer"):
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    usual = plain_s(appliance)
    senders = [connect() for _ in range(COUNT)]
    for sender in senders:
        head = f"POST /upload HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n"
        sender.sendall(head.encode() + body[:50_000])
    took, held = plain_s(appliance), held_mib(appliance)
    assert took < max(PLAIN_S, 5 * usual)
    assert held < MEMORY_MIB
    assert threads_of(appliance) < 40
    for sender in senders:
        sender.sendall(body[50_000:])
    for sender in senders:
        assert sender.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")
    assert held_mib(appliance) < MEMORY_MIB
