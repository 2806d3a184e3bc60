"""The environ: exactly as PEP 3333 says, with the fields that proxies may set; and which hosts are served."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

from appliance.server.http.hosts import AllowedHosts, host_name, is_host
from appliance.server.http.limits import Limits
from appliance.server.wsgi.environ import TrustedProxies
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


def test_its_keys_say_what_was_asked(serve: Serve):
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


def test_multithread_is_true_only_when_it_is(serve: Serve):
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
    """Variables of the process are no part of a request: an error page would show them."""
    monkeypatch.setenv("SECRET_KEY", "secret")
    environ = environ_of(serve, get())
    assert "SECRET_KEY" not in environ
    assert "PATH" not in environ
    assert set(environ).isdisjoint(set(os.environ) - {"SERVER_NAME", "REMOTE_ADDR"})


def test_fields_with_an_underscore_are_left_out(serve: Serve):
    """X_One could be mistaken for X-One, which a proxy may have checked: it never arrives, nor hides the other."""
    environ = environ_of(serve, get("/", "X_One: forged", "X-One: true", "Content_Length: 5"))
    assert environ["HTTP_X_ONE"] == "true"
    assert "CONTENT_LENGTH" not in environ
    assert "HTTP_X_ONE" not in environ_of(serve, get("/", "X_One: forged"))


def test_repeated_fields_are_joined(serve: Serve):
    """Repeated fields become a list, cookies a cookie string (RFC 9110, 5.3; RFC 9113, 8.2.3)."""
    environ = environ_of(serve, get("/", "A: 1", "Cookie: b=2", "a: 3", "Cookie: c=4"))
    assert (environ["HTTP_A"], environ["HTTP_COOKIE"]) == ("1, 3", "b=2; c=4")


def test_requests_with_equal_fields_do_not_share(serve: Serve):
    """What an application does to one environ is not seen in the next, though their fields are the same bytes."""
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


FORWARDED = (
    "X-Forwarded-For: 203.0.113.7, 10.0.0.2",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: example.test",
    "X-Forwarded-Port: 443",
    "X-Forwarded-Prefix: /app",
)


def test_nobody_is_believed_by_default(serve: Serve):
    """Forwarded fields of a peer that is not trusted change nothing, and never reach the application."""
    more = (
        "Forwarded: for=203.0.113.7",
        "X-Real-IP: 203.0.113.7",
        "true-client-ip: 203.0.113.7",
        "Client-IP: 203.0.113.7",
    )
    environ = environ_of(serve, get("/", *FORWARDED, *more))
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == (
        "127.0.0.1",
        "http",
        "localhost",
    )
    assert not [key for key in environ if "FORWARDED" in key or key.endswith("_IP")]


def test_a_trusted_proxy_is_believed(serve: Serve):
    """Forwarded fields of a trusted peer say who the client is, and how it asked; they stay readable."""
    environ = environ_of(serve, get("/x", *FORWARDED), trusted_proxies=["127.0.0.0/8", "10.0.0.2"])
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("203.0.113.7", "")
    assert (environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == ("https", "example.test")
    assert (environ["SERVER_PORT"], environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("443", "/app", "/x")
    assert environ["HTTP_X_FORWARDED_PROTO"] == "https"


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({"HTTP_X_FORWARDED_FOR": "1.1.1.1, 2.2.2.2"}, "2.2.2.2"),
        ({"HTTP_X_FORWARDED_FOR": "1.1.1.1, 10.0.0.1"}, "1.1.1.1"),
        ({"HTTP_X_FORWARDED_FOR": "10.0.0.2, 10.0.0.1"}, "10.0.0.2"),
        ({"HTTP_X_FORWARDED_FOR": "1.1.1.1:5000"}, "1.1.1.1"),
        ({"HTTP_X_FORWARDED_FOR": "[2001:db8::1]:5000"}, "2001:db8::1"),
        ({"HTTP_X_FORWARDED_FOR": "2001:db8::1"}, "2001:db8::1"),
        ({"HTTP_X_FORWARDED_FOR": "1.1.1.1, unknown"}, "10.0.0.9"),
        ({"HTTP_X_FORWARDED_FOR": ""}, "10.0.0.9"),
        ({"HTTP_FORWARDED": 'for="[2001:db8::1]:80";proto=https, for=10.0.0.1'}, "2001:db8::1"),
        ({"HTTP_FORWARDED": "for=1.1.1.1", "HTTP_X_FORWARDED_FOR": "2.2.2.2"}, "1.1.1.1"),
        ({"HTTP_FORWARDED": "for=_hidden"}, "10.0.0.9"),
        ({"HTTP_X_REAL_IP": "1.1.1.1"}, "1.1.1.1"),
        ({"HTTP_X_REAL_IP": "1.1.1.1", "HTTP_X_FORWARDED_FOR": "2.2.2.2"}, "2.2.2.2"),
    ],
)
def test_the_client_is_the_nearest_that_is_not_trusted(fields: dict[str, str], address: str):
    """Of a chain of hops the nearest that is not trusted is the client: the rest may be forged (RFC 7239, 8.1)."""
    environ = {"REMOTE_ADDR": "10.0.0.9", "REMOTE_PORT": "1"}
    TrustedProxies(("10.0.0.0/24",)).apply(environ, fields)
    assert environ["REMOTE_ADDR"] == address


def test_odd_claims_are_ignored():
    """A scheme, host, port or prefix that is malformed changes nothing, even from a trusted peer."""
    environ = {"REMOTE_ADDR": "10.0.0.9", "HTTP_HOST": "mine", "wsgi.url_scheme": "http", "SERVER_PORT": "80"}
    claims = {
        "HTTP_X_FORWARDED_PROTO": "gopher",
        "HTTP_X_FORWARDED_HOST": "a b",
        "HTTP_X_FORWARDED_PORT": "x",
        "HTTP_X_FORWARDED_PREFIX": "//evil",
    }
    TrustedProxies(("*",)).apply(environ, claims)
    assert environ == {
        "REMOTE_ADDR": "10.0.0.9", "HTTP_HOST": "mine", "wsgi.url_scheme": "http", "SERVER_PORT": "80", **claims,
    }  # fmt: skip


def test_networks_hold_addresses_of_both_families():
    """IPv6 networks, and IPv4 addresses that a dual-stack socket shows as IPv6."""
    proxies = TrustedProxies(("10.0.0.0/8", "fd00::/8"))
    assert all(map(proxies.trusts, ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "fd12::1%eth0"]))
    assert not any(map(proxies.trusts, ["11.0.0.1", "fe80::1", "", "nonsense"]))


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "LOCALHOST.", "a.localhost", "127.0.0.1", "192.168.1.5:80", "[::1]:8000", "app",
     "my_service:8000", "host.docker.internal", "mine.test", "sub.below.test", "below.test", "a.b.below.test"],
)  # fmt: skip
def test_hosts_that_no_other_site_can_be_are_served(host: str):
    """Loopback names, addresses, names of one label, and what was added."""
    assert AllowedHosts(["mine.test", ".below.test"])(host)


@pytest.mark.parametrize(
        "host",
    ["evil.example", "localhost.evil.example", "xlocalhost.example", "notbelow.test", "1.2.3.4.nip.io", "a=b", "a,b:80",
     "a,b.localhost", "localhost,evil", "[v1.a]", "[v1.a]:80"],
)  # fmt: skip
def test_other_hosts_are_not(host: str):
    """A name with a dot may be made to resolve to this machine (DNS rebinding); one with sub-delims is nobody's."""
    assert not AllowedHosts(["mine.test", "*.below.test"])(host)
    assert AllowedHosts(["*"])(host)


def test_a_rule_without_a_memory_is_asked_each_time(serve: Serve):
    """A function given as allowed_hosts can answer differently each time, so the server calls it for each request."""
    asked: list[str] = []

    def allowed(host: str) -> bool:
        asked.append(host)
        return len(asked) < 3

    client = serve(allowed_hosts=allowed).client()
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert [client.ask(request).status for _ in range(3)] == [200, 200, 403]
    assert asked == ["a"] * 3


def test_a_host_that_is_not_served_is_403(serve: Serve):
    """The refusal names the setting; HTTP/1.0 without Host is no browser's."""
    served = serve(allowed_hosts=AllowedHosts(["mine.test"]))
    response = served.ask(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert response.status == 403
    assert b"evil.example" in response.body
    assert b"APPLIANCE_ALLOWED_HOSTS" in response.body
    assert served.sink.record()["event"] == "request.refused"
    assert served.ask(b"GET / HTTP/1.1\r\nHost: mine.test\r\n\r\n").status == 200
    assert served.ask(b"GET http://evil.example/ HTTP/1.1\r\nHost: mine.test\r\n\r\n").status == 403
    assert served.ask(b"GET / HTTP/1.0\r\n\r\n").status == 200
    assert served.ask(b"GET / HTTP/1.1\r\nHost: a=b\r\n\r\n").status == 403  # well formed (RFC 3986), and not listed


@pytest.mark.parametrize("target", ["http://u:p@a/x?y", "http://token@a/x?y", "http://u:p?q@a/x?y"])
def test_a_users_password_in_a_target_is_not_recorded(serve: Serve, target: str):
    """A URL with user info is refused, and its record has neither a user nor a password (RFC 9110, 4.2.4)."""
    served = serve()
    assert served.ask(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()).status == 400
    record = served.sink.record()
    assert (record["path"], record["query"]) == ("http://REDACTED@a/x", "y")


def test_a_host_has_a_grammar():
    """Names, addresses and ports, and nothing else (RFC 3986, 3.2.2); the name without its port."""
    assert all(map(is_host, ["a", "a.b:80", "1.2.3.4", "[::1]", "[::1]:8", "a_b", "%41", "a:", "a,b", "[vF.a]"]))
    assert not any(map(is_host, ["", ":80", "a b", "[v.a]", "a/b", "u@a", "a:65536", "a:x", "[::1", "\u00e9", "a\t"]))
    assert host_name("A.b:80") == "a.b"


EXPECT = get("/", "Content-Length: 3", "Expect: 100-continue", method="POST")


def reads(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Reads the body, one byte at a time."""
    body = b"".join(iter(lambda: environ["wsgi.input"].read(1), b""))
    start_response("200 OK", [])
    return [body]


def test_100_continue_is_sent_when_the_application_reads(serve: Serve):
    """A client that expects it is told to go on by the first read, once (RFC 9110, 10.1.1)."""
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


def test_100_continue_never_comes_behind_a_final_response(serve: Serve):
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
