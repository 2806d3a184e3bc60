"""Which hosts are served, and what a host is (RFC 3986, 3.2.2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from appliance.server.http.served_hosts.hosts import AllowedHosts, host_name, is_host
from appliance.server.wsgi.server_context import RequestRules
from tests.server.served import Served

Serve = Callable[..., Served]


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
def test_hosts_that_another_site_can_be_are_refused(host: str):
    """A name with a dot may be made to resolve to this machine (DNS rebinding); one with sub-delims is nobody's."""
    assert not AllowedHosts(["mine.test", "*.below.test"])(host)
    assert AllowedHosts(["*"])(host)


def test_a_rule_without_a_memory_is_asked_each_time(serve: Serve):
    """A function given as allowed_hosts can answer differently each time, so the server calls it for each request."""
    asked: list[str] = []

    def allowed(host: str) -> bool:
        asked.append(host)
        return len(asked) < 3

    client = serve(rules=RequestRules(allowed)).client()
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    assert [client.ask(request).status for _ in range(3)] == [200, 200, 403]
    assert asked == ["a"] * 3


def test_a_host_that_is_not_served_is_403(serve: Serve):
    """The refusal names the setting; a browser never sends HTTP/1.0 without Host."""
    served = serve(rules=RequestRules(AllowedHosts(["mine.test"])))
    response = served.ask(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert response.status == 403
    assert b"evil.example" in response.body
    assert b"APPLIANCE_ALLOWED_HOSTS" in response.body
    assert served.sink.record()["event"] == "request.refused"
    assert served.ask(b"GET / HTTP/1.1\r\nHost: mine.test\r\n\r\n").status == 200
    assert served.ask(b"GET http://evil.example/ HTTP/1.1\r\nHost: mine.test\r\n\r\n").status == 403
    assert served.ask(b"GET / HTTP/1.0\r\n\r\n").status == 200
    assert served.ask(b"GET / HTTP/1.1\r\nHost: a=b\r\n\r\n").status == 403  # well formed (RFC 3986), and not listed


def test_a_host_has_a_grammar():
    """Names, addresses and ports, and nothing else (RFC 3986, 3.2.2); the name without its port."""
    assert all(map(is_host, ["a", "a.b:80", "1.2.3.4", "[::1]", "[::1]:8", "a_b", "%41", "a:", "a,b", "[vF.a]"]))
    assert not any(map(is_host, ["", ":80", "a b", "[v.a]", "a/b", "u@a", "a:65536", "a:x", "[::1", "\u00e9", "a\t"]))
    assert host_name("A.b:80") == "a.b"
