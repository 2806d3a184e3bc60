"""The end of a connection: a client gets a moment to end its side, so that its answer is not reset away."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from appliance.server.http.limits import Limits
from appliance.server.pool.tables.connection_states import LINGERING
from tests.server.served import Client, Served, get, post
from tests.server.slow import until

Serve = Callable[..., Served]

# Each is answered before what follows it is read, and ends the connection: more is on its way then.
REFUSED = {
    "bad head": b"GET / HTTP/1.1\r\n\r\n",
    "too long": get("/" + "x" * 70_000),
}
MORE = b"x" * 65_536


def is_reset(client: Client) -> bool:
    """Whether the server's kernel answers what is sent now with a reset; on the loopback it does within the call."""
    try:
        for _ in range(3):
            client.sock.send(MORE, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return False


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED)
def test_what_follows_a_last_answer_is_taken(serve: Serve, sent: bytes):
    """A client that still sends gets the whole answer and its end, and no reset, until it has ended too."""
    client = serve().client().send(sent)
    assert client.response().status in {400, 414}
    assert client.rest() == b""
    assert not is_reset(client)
    client.half_close()
    assert client.sock.recv(1) == b""


def test_a_body_that_nobody_needs_is_taken(serve: Serve):
    """An answer before a body has come whole arrives, though the body is too long to be read to its end."""

    def application(environ: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", [])
        return [b"enough"]

    served = serve(application, limits=Limits(drain_bytes=1000))
    client = served.client().send(post(MORE)[: -len(MORE) // 2])
    assert client.response().body == b"enough"
    assert client.rest() == b""
    assert not is_reset(client)


def test_lingering_for_a_client_ends(serve: Serve):
    """A client that never ends its side is not waited for longer than ``linger_s``: its connection is closed."""
    served = serve(limits=Limits(linger_s=0.05))
    client = served.client().send(REFUSED["bad head"])
    assert client.response().status == 400
    until(served, lambda: is_reset(client))


def test_a_client_that_has_ended_is_not_waited_for(serve: Serve):
    """A client that has ended its side is closed at once, however long the others get."""
    served = serve(limits=Limits(linger_s=1000.0))
    client = served.client().send(REFUSED["bad head"])
    assert client.response().status == 400
    until(served, lambda: served.connections(LINGERING))
    client.half_close()
    assert client.rest() == b""
    until(served, lambda: not served.connections())
