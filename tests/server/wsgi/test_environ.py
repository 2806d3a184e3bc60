"""The environ: exactly as PEP 3333 says."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

from appliance.server.http.limits import Limits
from tests.server.served import Echo, Served, chunked, get, post

Serve = Callable[..., Served]


def environ_of(serve: Serve, request: bytes, **options: Any) -> dict[str, Any]:
    """The environ that an application gets for a request."""
    echo = Echo()
    assert serve(echo, **options).ask(request).status == 200
    return echo.seen[0]


def test_wsgiref_s_validator_finds_nothing(serve: Serve):
    """wsgiref.validate around an application has no complaint, whatever is asked (PEP 3333)."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        lines = environ["wsgi.input"].readlines()
        environ["wsgi.errors"].write("")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"".join(lines) or b"nothing"]

    client = serve(validator(application)).client()
    for request in (get("/%E4?a=b"), get("/", method="HEAD"), post(b"a\nb"), chunked(b"a\n", b"b"), get("//x")):
        assert client.ask(request).status == 200
    assert client.ask(get(version="HTTP/1.0")).status == 200


def test_the_environs_keys_say_what_was_asked(serve: Serve):
    """Method, path, query, version, server, client and streams are where PEP 3333 has them."""
    environ = environ_of(serve, get("/a%20b/%C3%A9;c?d=%20e", "X-One: 1", "Content-Type: text/plain"))
    assert (environ["REQUEST_METHOD"], environ["SERVER_PROTOCOL"]) == ("GET", "HTTP/1.1")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/a b/\u00c3\u00a9;c")
    assert environ["QUERY_STRING"] == "d=%20e"
    assert environ["REQUEST_URI"] == environ["RAW_URI"] == "/a%20b/%C3%A9;c?d=%20e"
    assert (environ["SERVER_NAME"], environ["REMOTE_ADDR"]) == ("127.0.0.1", "127.0.0.1")
    assert environ["SERVER_PORT"].isdigit()
    assert environ["REMOTE_PORT"].isdigit()
    assert (environ["HTTP_X_ONE"], environ["CONTENT_TYPE"]) == ("1", "text/plain")
    assert "CONTENT_LENGTH" not in environ
    assert "HTTP_CONTENT_TYPE" not in environ
    assert environ["wsgi.version"] == (1, 0)
    assert environ["wsgi.url_scheme"] == "http"
    assert (environ["wsgi.multithread"], environ["wsgi.multiprocess"], environ["wsgi.run_once"]) == (True, False, False)
    assert environ["wsgi.input_terminated"] is True
    assert type(environ) is dict


def test_multithread_is_false_with_one_thread(serve: Serve):
    """The environ of an application in one thread says so."""
    assert environ_of(serve, get(), threads=1)["wsgi.multithread"] is False


def test_bodies_have_their_length_or_none(serve: Serve):
    """A body of known length says it; of a chunked one neither length nor coding reach the application (PEP 3333)."""
    assert environ_of(serve, post(b"abc"))["CONTENT_LENGTH"] == "3"
    environ = environ_of(serve, chunked(b"abc"))
    assert environ["body"] == b"abc"
    assert "CONTENT_LENGTH" not in environ
    assert "HTTP_TRANSFER_ENCODING" not in environ


def test_the_process_environment_is_not_in_it(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    """Variables of the process are not part of a request: an error page would show them."""
    monkeypatch.setenv("SECRET_KEY", "secret")
    environ = environ_of(serve, get())
    assert "SECRET_KEY" not in environ
    assert "PATH" not in environ
    assert set(environ).isdisjoint(set(os.environ) - {"SERVER_NAME", "REMOTE_ADDR"})


def test_fields_with_an_underscore_are_left_out(serve: Serve):
    """X_One could pass as X-One, which a proxy may have checked: it never arrives, nor hides the other."""
    environ = environ_of(serve, get("/", "X_One: forged", "X-One: true", "Content_Length: 5"))
    assert environ["HTTP_X_ONE"] == "true"
    assert "CONTENT_LENGTH" not in environ
    assert "HTTP_X_ONE" not in environ_of(serve, get("/", "X_One: forged"))


def test_repeated_fields_are_joined(serve: Serve):
    """Repeated fields become a list, cookies a cookie string (RFC 9110, 5.3; RFC 9113, 8.2.3)."""
    environ = environ_of(serve, get("/", "A: 1", "Cookie: b=2", "a: 3", "Cookie: c=4"))
    assert (environ["HTTP_A"], environ["HTTP_COOKIE"]) == ("1, 3", "b=2; c=4")


def test_requests_with_equal_fields_do_not_share(serve: Serve):
    """A change that an application makes to one environ is not in the next, though their fields are the same bytes."""
    seen: list[set[str]] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(set(environ))
        environ["HTTP_HOST"] = "changed"
        environ["mine"] = "left behind"
        start_response("200 OK", [])
        return [environ["QUERY_STRING"].encode()]

    echo = Echo()
    client = serve(application).client()
    assert [client.ask(get(f"/?{number}")).body for number in range(3)] == [b"0", b"1", b"2"]
    assert seen[0] == seen[1] == seen[2]
    client = serve(echo).client()
    client.ask(get("/", "A: 1"))
    client.ask(get("http://other/", "A: 1"))
    client.ask(get("/", "A: 1"))
    assert [environ["HTTP_HOST"] for environ in echo.seen] == ["localhost", "other", "localhost"]


@pytest.mark.parametrize("target", ["http://u:p@a/x?y", "http://token@a/x?y", "http://u:p?q@a/x?y"])
def test_a_users_password_in_a_target_is_not_recorded(serve: Serve, target: str):
    """A URL with user info is refused, and its record has neither a user nor a password (RFC 9110, 4.2.4)."""
    served = serve()
    assert served.ask(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()).status == 400
    record = served.sink.record()
    assert (record["path"], record["query"]) == ("http://REDACTED@a/x", "y")


EXPECT = get("/", "Content-Length: 3", "Expect: 100-continue", method="POST")


def reads(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Reads the body, one byte at a time."""
    body = b"".join(iter(lambda: environ["wsgi.input"].read(1), b""))
    start_response("200 OK", [])
    return [body]


def test_100_continue_is_sent_when_the_application_reads(serve: Serve):
    """A client that expects it gets 100 Continue at the first read, once (RFC 9110, 10.1.1)."""
    client = serve(reads).client().send(EXPECT)
    assert client.response().status == 100
    response = client.send(b"abc").response()
    assert (response.status, response.body) == (200, b"abc")
    assert client.ask(get()).status == 200


def test_100_continue_is_not_sent_for_nothing(serve: Serve):
    """Not where the body is there already, not to HTTP/1.0, not where nobody reads, where the connection closes."""
    assert serve(reads).client().send(EXPECT + b"abc").response().status == 200
    old = get("/", "Content-Length: 3", "Expect: 100-continue", method="POST", version="HTTP/1.0")
    assert serve(reads).client().send(old + b"abc").response().status == 200

    def ignores(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("401 Unauthorized", [])
        return []

    client = serve(ignores).client().send(EXPECT)
    response = client.response()
    assert (response.status, response["Connection"]) == (401, "close")
    assert client.rest() == b""


def test_100_continue_never_follows_a_final_response(serve: Serve):
    """Once the response has begun, what is written is its content, even while the body is read (RFC 9110, 15.2)."""

    def late(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first,"
        yield environ["wsgi.input"].read()

    client = serve(late).client().send(EXPECT)
    client.file.peek(1)
    response = client.send(b"abc").response()
    assert (response.status, response["Connection"], response.body) == (200, "close", b"first,abc")
    assert client.rest() == b""


def test_too_much_is_refused_at_once(serve: Serve):
    """A Content-Length over the limit is 413 before anything is read, or asked for (RFC 9110, 15.5.14)."""
    served = serve(reads, limits=Limits(max_body_bytes=2))
    assert served.client().send(EXPECT).response().status == 413
    assert served.ask(chunked(b"ab", b"c")).status == 413
    assert served.ask(post(b"ab")).status == 200


def test_errors_are_written_to_stderr(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    """wsgi.errors is sys.stderr, as it is at the time of the request."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    assert environ_of(serve, get())["wsgi.errors"] is stream
