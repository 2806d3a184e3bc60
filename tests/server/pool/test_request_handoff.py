"""Requests that another server answers: the connection goes there, and comes back for the next that is not."""

from __future__ import annotations

import io
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing

import pytest

from appliance.server.http.head import Head
from appliance.server.http.limits import Limits
from appliance.server.io.tls import context_of
from appliance.server.pool.pool import PooledWSGIServer
from appliance.server.pool.request_handoff import RequestHandoff
from appliance.server.wsgi.server_context import RequestRules
from tests.certificates import make_certificate
from tests.server.io.test_tls import wrapped
from tests.server.served import Client, Echo, Recorder, Served, get, post

OURS = "/__appliance__/"


class Two:
    """Two servers, each of which passes to the other what is not its own."""

    def __init__(self, stack: ExitStack, tls: ssl.SSLContext | None = None) -> None:
        self.echoes = [Echo(), Echo()]
        self.sinks = [Recorder(), Recorder()]
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.address = listener.getsockname()
        self.servers: list[PooledWSGIServer] = []
        for number, (echo, sink) in enumerate(zip(self.echoes, self.sinks, strict=True)):
            self.servers.append(
                PooledWSGIServer(
                    listener,
                    echo,
                    sink=sink,
                    limits=Limits(linger_s=0.2),
                    rules=RequestRules(handoff=RequestHandoff(self.rule(bool(number)), self.to(1 - number))),
                    accepting=not number,
                    tls=None if number else tls,
                )
            )
        for server in self.servers:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.stop)

    @staticmethod
    def rule(is_second: bool) -> Callable[[Head], bool]:
        return lambda head: head.path.startswith(OURS) is not is_second

    def to(self, number: int) -> Callable[[list[tuple[socket.socket, bytes]], list[str]], None]:
        return lambda connections, peers: self.servers[number].take(connections, peers)  # noqa: PLW0108  made later


@pytest.fixture
def two():
    with ExitStack() as stack:
        yield Two(stack)


def seen(echo: Echo) -> list[str]:
    return [request["PATH_INFO"] for request in echo.seen]


def test_only_paths_with_the_prefix_are_asked_about(serve: Callable[..., Served]):
    """Whether another server answers is asked about the paths that its prefix admits, and answered for each alone."""
    asked: list[str] = []

    def applies(head: Head) -> bool:
        asked.append(head.path)
        return False

    served = serve(rules=RequestRules(handoff=RequestHandoff(applies, lambda *_: None, OURS)))
    for path in ("/", f"{OURS}one", f"/a{OURS}", OURS):
        assert served.ask(get(path)).body.decode() == path
    assert asked == [f"{OURS}one", OURS]


def test_a_connection_goes_to_the_process_that_answers(two: Two):
    """On one connection each request is answered by its server, and logged there alone."""
    with closing(Client(two.address)) as client:
        for path in ("/one", f"{OURS}two", f"{OURS}three", "/four", f"{OURS}five"):
            assert client.ask(get(path)).body.decode() == path
    assert seen(two.echoes[0]) == ["/one", "/four"]
    assert seen(two.echoes[1]) == [f"{OURS}two", f"{OURS}three", f"{OURS}five"]
    assert [record["path"] for record in two.sinks[0].records] == ["/one", "/four"]


def test_a_body_goes_with_its_request(two: Two):
    """The bytes of a body that were read, and the later ones, reach the other server."""
    with closing(Client(two.address)) as client:
        request = post(b"x" * 100_000, path=f"{OURS}form")
        client.sock.sendall(request[:300])
        client.sock.sendall(request[300:])
        assert client.response().body == b"x" * 100_000


def test_pipelined_requests_keep_their_order(two: Two):
    """Requests that come at once are answered in their order, each by its server."""
    paths = ["/a", f"{OURS}b", "/c", f"{OURS}d", f"{OURS}e", "/f"]
    with closing(Client(two.address)) as client:
        client.sock.sendall(b"".join(get(path) for path in paths))
        assert [client.response().body.decode() for _ in paths] == paths


@pytest.mark.parametrize("path", ["/__appliance__", "/%5F_appliance__/x", "/x/__appliance__/", "//__appliance__/x"])
def test_another_spelling_is_the_projects(two: Two, path: str):
    """Only the very prefix is another's: a project's own path stays the project's."""
    with closing(Client(two.address)) as client:
        client.ask(get(path))
    assert len(two.echoes[0].seen) == 1
    assert two.echoes[1].seen == []


def test_over_tls_the_request_is_relayed(tmp_path):
    """The keys stay where they are: the other server's answer comes over the same connection."""
    certificate, key = make_certificate(tmp_path)
    with ExitStack() as stack:
        two = Two(stack, tls=context_of(str(certificate), str(key)))
        client = stack.enter_context(closing(wrapped(two.address, certificate)))
        for path in ("/one", f"{OURS}two", "/three"):
            assert client.ask(get(path)).body.decode() == path
        assert client.ask(post(b"x" * 100_000, path=f"{OURS}form")).body == b"x" * 100_000
    assert seen(two.echoes[1]) == [f"{OURS}two", f"{OURS}form"]
    assert [record["path"] for record in two.sinks[0].records] == ["/one", "/three"]


def test_a_relayed_answer_has_no_time_limit_of_the_project(monkeypatch: pytest.MonkeyPatch):
    """A relayed answer may be quiet for as long as it likes, although the project has set a default timeout."""
    made = socket.socketpair()
    for each in made:
        each.settimeout(5.0)  # as every socket of a project with ``socket.setdefaulttimeout``
    monkeypatch.setattr(socket, "socketpair", lambda: made)

    def take(connections: list[tuple[socket.socket, bytes]], _peers: list[str]) -> None:
        connections[0][0].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nours")

    relay = RequestHandoff(lambda _: True, take, OURS).relay_application(b"GET / HTTP/1.1\r\n")
    environ = {"wsgi.input": io.BytesIO(), "REMOTE_ADDR": "127.0.0.1", "REQUEST_METHOD": "GET"}
    content = relay(environ, lambda *_: None)
    assert made[0].gettimeout() is None
    assert b"".join(content) == b"ours"
    for each in made:
        each.close()


def test_a_relayed_chunked_body_arrives_whole(tmp_path):
    """A chunked body reaches the other server over TLS as it does without."""
    certificate, key = make_certificate(tmp_path)
    with ExitStack() as stack:
        two = Two(stack, tls=context_of(str(certificate), str(key)))
        client = stack.enter_context(closing(wrapped(two.address, certificate)))
        head = f"POST {OURS}form HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        assert client.ask(head + b"3\r\nabc\r\n0\r\n\r\n").body == b"abc"


@pytest.mark.parametrize(("size", "status"), [(262_144, 200), (262_145, 413)])
def test_a_relayed_body_has_a_largest_size(tmp_path, size: int, status: int):
    """The largest body that is relayed arrives whole; a longer one is refused, and reaches no server."""
    certificate, key = make_certificate(tmp_path)
    with ExitStack() as stack:
        two = Two(stack, tls=context_of(str(certificate), str(key)))
        client = stack.enter_context(closing(wrapped(two.address, certificate)))
        assert client.ask(post(b"x" * size, path=f"{OURS}form")).status == status
    assert len(two.echoes[1].seen) == (status == 200)
