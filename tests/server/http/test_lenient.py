"""``WSGIRequestHandler.lenient``: what http.server accepts, refused by default, accepted where that is asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from appliance.server.http.lenient import take_head
from appliance.server.wsgi.handler import WSGIRequestHandler
from tests.server.served import Echo, Served, get

Serve = Callable[..., Served]

LOOSE = {
    "bare line feeds": b"GET /loose HTTP/1.1\nHost: localhost\nA: b\n\n",
    "mixed line ends": b"GET /loose HTTP/1.1\r\nHost: localhost\nA: b\r\n\n",
    "runs of spaces": b"GET  /loose \t HTTP/1.1\r\nHost: localhost\r\nA: b\r\n\r\n",
    "trailing space": b"GET /loose HTTP/1.1 \r\nHost: localhost\r\nA: b\r\n\r\n",
}


class Lenient(WSGIRequestHandler):
    """A handler that accepts them."""

    lenient = True


@pytest.mark.parametrize("data", LOOSE.values(), ids=LOOSE.keys())
def test_looseness_is_refused_by_default(serve: Serve, data: bytes):
    """None of the leniencies is there unless it is asked for (RFC 9112, 2.2 and 3)."""
    echo = Echo()
    client = serve(echo).client().send(data).half_close()
    assert client.response().status == 400
    assert echo.seen == []


@pytest.mark.parametrize("data", LOOSE.values(), ids=LOOSE.keys())
def test_looseness_is_accepted_where_it_is_asked_for(serve: Serve, data: bytes):
    """A lenient handler reads such a head as the strict one that is meant, and the next one too."""
    echo = Echo()
    client = serve(echo, RequestHandlerClass=Lenient).client()
    assert client.ask(data + data + get("/strict")).status == 200
    assert client.response().body == b"/loose"
    assert client.response().body == b"/strict"
    assert [environ["PATH_INFO"] for environ in echo.seen] == ["/loose", "/loose", "/strict"]
    assert echo.seen[0]["HTTP_A"] == "b"


@pytest.mark.parametrize("data", [b"GET /old?a=b\r\n", b"GET /old?a=b\n", b"GET  /old?a=b \r\n"])
def test_http_09_is_answered_with_the_content_alone(serve: Serve, data: bytes):
    """HTTP/0.9 has no head, neither asked nor answered, and its connection ends."""
    echo = Echo()
    served = serve(echo, RequestHandlerClass=Lenient)
    assert served.client().send(data).rest() == b"/old"
    assert (echo.seen[0]["SERVER_PROTOCOL"], echo.seen[0]["QUERY_STRING"]) == ("HTTP/0.9", "a=b")
    assert served.sink.record()["version"] == "0.9"
    assert serve(Echo()).client().send(data).half_close().response().status == 400


class Moving(Lenient):
    """A handler that sets the documented ``path``."""

    def get_environ(self):
        self.path = "/new"
        return super().get_environ()


def test_the_path_of_http_09_can_be_set(serve: Serve):
    """A handler's ``path`` can be set for a request that names no version, as for any other."""
    assert serve(Echo(), RequestHandlerClass=Moving).client().send(b"GET /old\r\n").rest() == b"/new"


def test_a_lenient_handler_still_refuses_what_no_reader_agrees_on(serve: Serve):
    """Leniency is about line ends and white space; framing stays strict."""
    served = serve(RequestHandlerClass=Lenient)
    for fields in ("Content-Length: 1\nContent-Length: 2", "Host : b", "Content-Length: +1"):
        assert served.ask(f"GET / HTTP/1.1\nHost: localhost\n{fields}\n\n".encode()).status == 400


def test_a_lenient_head_is_found_at_its_blank_line():
    """A head is complete when its blank line has arrived."""
    assert take_head(b"GET / HTTP/1.1\nHost: a\n") is None
    assert take_head(b"\r\n\nGET / HTTP/1.1\nHost: a\n\nrest") == (b"GET / HTTP/1.1\r\nHost: a", b"rest")
