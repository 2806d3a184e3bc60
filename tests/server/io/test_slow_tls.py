"""Slow clients over TLS: sent to and received from without a thread, as over plain HTTP."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.server.io.tls import context_of
from tests.certificates import make_certificate
from tests.server.answers import Gate
from tests.server.served import PATIENCE_S, Client, Served, get, post, read_response
from tests.server.slow import (
    CONTENT,
    PIECES,
    SIZE,
    WAYS,
    Every,
    body_of,
    small_connection,
    until,
    until_in_background,
    until_late,
)

Serve = Callable[..., Served]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key."""
    certificate, key = make_certificate(tmp_path_factory.mktemp("tls"))
    return certificate, key


@pytest.fixture
def secure(serve: Serve, pair: tuple[Path, Path]) -> Serve:
    """Start servers for HTTPS."""

    def start(application: Any, **options: Any) -> Served:
        return serve(application, tls=context_of(str(pair[0]), str(pair[1])), **options)

    return start


@pytest.fixture
def connect(pair: tuple[Path, Path]) -> Callable[[Served], Client]:
    """Make clients that hold little."""
    context = ssl.create_default_context(cafile=str(pair[0]))

    def to(served: Served) -> Client:
        secured = context.wrap_socket(small_connection(served), server_hostname="localhost")
        return served.keep(Client.of(secured))

    return to


@pytest.mark.parametrize("way", WAYS)
def test_slow_tls_readers_hold_no_thread(secure: Serve, connect: Callable[[Served], Client], every: Every, way: str):
    """More slow readers than threads hold none; each gets all, and its connection goes on."""
    served = secure(every, threads=2)
    readers = [connect(served).send(get(f"/{way}") + get("/plain")) for _ in range(4)]
    until_in_background(served, 4)
    assert connect(served).ask(get("/plain")).body == b"plain"
    for reader in readers:
        assert body_of(reader) == CONTENT
        assert body_of(reader) == b"plain"
    served.sink.wait(lambda: len(served.sink.records) == 9)
    sizes = [record["body_size"] for record in served.sink.records if record["path"] == f"/{way}"]
    assert sizes == [SIZE] * 4


def test_slow_tls_senders_hold_no_thread(secure: Serve, connect: Callable[[Served], Client], every: Every):
    """Bodies that come slowly are received without a thread, whole, also where OpenSSL has read ahead."""
    served = secure(every, threads=1)
    body = CONTENT[:200_000]
    senders = [connect(served).send(post(body, path="/plain")[:-5]) for _ in range(4)]
    until_in_background(served, 4)
    assert connect(served).ask(get("/plain")).body == b"plain"
    for sender in senders:
        assert sender.send(body[-5:] + get("/plain")).response().body == body
        assert sender.response().body == b"plain"


def test_a_body_is_read_while_the_answer_is_sent(secure: Serve, connect: Callable[[Served], Client]):
    """An application that reads its body while its response waits for the client gets every byte of it."""
    seen: list[bytes] = []

    def application(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield from PIECES
        seen.append(environ["wsgi.input"].read())
        yield b"read"

    served = secure(application)
    client = connect(served)
    body = CONTENT[:3_000_000]
    head = get("/", f"Content-Length: {len(body)}", method="POST")
    client.send(head)
    until(served, served.sends_in_background)
    sending = threading.Thread(target=client.send, args=(body,))
    sending.start()
    until(served, lambda: seen)
    sending.join(PATIENCE_S)
    assert read_response(client.file).body == CONTENT + b"read"
    assert seen == [body]


def test_a_tls_client_that_leaves_is_one_line(secure: Serve, connect: Callable[[Served], Client], every: Every):
    """A client that leaves is one line in the log, and the next one is served."""
    served = secure(every)
    reader = connect(served).send(get("/chunks"))
    until_in_background(served)
    reader.sock.recv(1000)
    reader.close()
    record = served.sink.record()
    assert (record["event"], record["status"]) == ("request.aborted", 200)
    assert connect(served).ask(get("/plain")).body == b"plain"


def test_requests_of_clients_that_left_are_not_run(secure: Serve, connect: Callable[[Served], Client]):
    """Requests of clients that left while the thread was busy are not run; one that waits is answered."""
    gate = Gate()
    served = secure(gate, threads=1)
    gone = [connect(served) for _ in range(5)]
    gate.opened.set()
    for client in gone:
        assert client.ask().body == b"done"
    gate.opened.clear()
    blocked, waiting = connect(served), connect(served)
    blocked.send(get("/wait"))
    assert gate.entered.acquire(timeout=PATIENCE_S)
    until_late(served)
    for client in gone:
        client.send(get("/gone")).close()
    waiting.send(get("/waiting"))
    gate.opened.set()
    assert blocked.response().body == b"done"
    assert waiting.response().body == b"done"
    records = served.sink.wait(
        lambda: len(served.sink.records) == 12 and [each for each in served.sink.records if each["path"] == "/gone"]
    )
    assert [each["event"] for each in records] == ["request.aborted"] * 5
    assert {each["status"] for each in records} == {None}
