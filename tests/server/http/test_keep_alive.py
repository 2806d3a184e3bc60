"""Whether a connection persists, by the request's Connection field (RFC 9112, 9.3)."""

from __future__ import annotations

import pytest

from appliance.server.http.keep_alive import connection_options


@pytest.mark.parametrize(
    ("options", "minor", "keep_alive"),
    [
        ("keep-alive", 1, True),
        ("Keep-Alive", 0, True),
        ("close", 1, False),
        ("close", 0, False),
        ("keep-alive, close", 1, False),
        ("keep-alive,CLOSE", 0, False),
        ("", 1, True),
        ("", 0, False),
        ("te", 1, True),
        ("te", 0, False),
        ("closed", 1, True),
    ],
)
def test_the_version_and_the_options_decide_whether_a_connection_persists(options: str, minor: int, keep_alive: bool):
    """The option close wins; else HTTP/1.1 persists, and HTTP/1.0 only with the option keep-alive."""
    assert connection_options({"HTTP_CONNECTION": options}, minor) == (keep_alive, False)


@pytest.mark.parametrize(
    ("values", "minor", "upgrade"),
    [
        ({"HTTP_CONNECTION": "Upgrade", "HTTP_UPGRADE": "websocket"}, 1, True),
        ({"HTTP_CONNECTION": "Upgrade", "HTTP_UPGRADE": "websocket"}, 0, False),
        ({"HTTP_CONNECTION": "Upgrade"}, 1, False),
        ({"HTTP_CONNECTION": "close", "HTTP_UPGRADE": "websocket"}, 1, False),
    ],
)
def test_an_upgrade_is_offered_by_both_its_fields_in_http_1_1(values: dict[str, str], minor: int, upgrade: bool):
    """An Upgrade field counts only if Connection names it (RFC 9110, 7.8)."""
    assert connection_options(values, minor)[1] == upgrade
