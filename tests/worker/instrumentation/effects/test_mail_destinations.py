"""Which mail servers are there for tests."""

from __future__ import annotations

import pytest

from appliance.worker.instrumentation.effects.mail_destinations import is_for_tests, server_of


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        ("mailpit", 1025, True),
        ("localhost", 1025, True),
        ("127.0.0.1", 8025, True),
        ("[::1]", 1025, True),
        ("172.18.0.4", 1025, True),
        ("host.docker.internal", 1025, True),
        ("mailpit.shop.svc", 1025, True),
        ("localhost", 25, False),
        ("127.0.0.1", 587, False),
        ("postfix", 465, False),
        ("smtp.example.com", 1025, False),
        ("smtp.example.com", 2525, False),
        ("8.8.8.8", 1025, False),
        ("", 1025, False),
        ("/run/lmtp", 2003, False),
    ],
)
def test_only_local_servers_on_unusual_ports_are_for_tests(host: str, port: int, expected: bool):
    """A relay of this machine listens on 25, and may reach anybody."""
    assert is_for_tests(host, port) is expected


@pytest.mark.parametrize(
    ("host", "port", "server"),
    [("a:1025", 0, ("a", 1025)), ("a", 0, ("a", 25)), ("::1", 0, ("::1", 25)), ("a:1", 2, ("a:1", 2))],
)
def test_a_server_is_read_as_smtplib_does(host: str, port: int, server: tuple[str, int]):
    """A port may follow the host."""
    assert server_of(host, port, 25) == server
