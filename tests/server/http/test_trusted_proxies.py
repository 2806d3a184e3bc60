"""The fields that proxies set: believed of a trusted peer, and dropped of any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from appliance.server.http.trusted_proxies import TrustedProxies
from appliance.server.wsgi.server_context import RequestRules
from tests.server.served import Echo, Served, get

Serve = Callable[..., Served]

FORWARDED = (
    "X-Forwarded-For: 203.0.113.7, 10.0.0.2",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: example.test",
    "X-Forwarded-Port: 443",
    "X-Forwarded-Prefix: /app",
)


def environ_of(serve: Serve, request: bytes, **options: Any) -> dict[str, Any]:
    """Return the environ that an application gets for a request."""
    echo = Echo()
    assert serve(echo, **options).ask(request).status == 200
    return echo.seen[0]


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
    rules = RequestRules(proxies=TrustedProxies(("127.0.0.0/8", "10.0.0.2")))
    environ = environ_of(serve, get("/x", *FORWARDED), rules=rules)
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
    """The nearest hop that is not trusted is the client: the rest may be forged (RFC 7239, 8.1)."""
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
