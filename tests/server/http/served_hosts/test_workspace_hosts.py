"""The names by which a workspace's own proxy forwards: which host is one, and the scheme of its requests."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.server.http.served_hosts.hosts import AllowedHosts
from appliance.server.http.served_hosts.workspace_hosts import WorkspaceHosts
from appliance.server.http.trusted_proxies import TrustedProxies

NAMES = WorkspaceHosts([("https", "Octo-{port}.app.github.dev"), ("http", "{port}--main--shop--kim.coder.test")])


@pytest.mark.parametrize(
    "host", ["octo-8000.app.github.dev", "OCTO-1.APP.GITHUB.DEV:443", "65535--main--shop--kim.coder.test."]
)
def test_the_workspaces_own_names_are_served(host: str):
    """Any port of this workspace is served under its name, however it is written."""
    assert AllowedHosts((), NAMES)(host)


@pytest.mark.parametrize(
    "host",
    ["other-8000.app.github.dev", "octo-.app.github.dev", "octo-8000xapp.github.dev", "octo-800000.app.github.dev",
     "octo-8000.app.github.dev.evil.example", "evil.octo-8000.app.github.dev", "octo-{port}.app.github.dev",
     "8000--main--shop--eve.coder.test", "app.github.dev"],
)  # fmt: skip
def test_names_of_others_are_refused(host: str):
    """Another workspace of the service, and a name that only looks alike, are refused: its owner may rebind it."""
    assert not AllowedHosts((), NAMES)(host)


@pytest.mark.parametrize(
    ("host", "fields", "scheme"),
    [
        ("octo-8000.app.github.dev", {"HTTP_X_FORWARDED_FOR": "1.2.3.4"}, "https"),
        ("octo-8000.app.github.dev", {"HTTP_X_FORWARDED_PROTO": "http"}, "https"),
        ("8000--main--shop--kim.coder.test", {"HTTP_X_FORWARDED_PROTO": "https"}, "http"),
        ("localhost:8000", {"HTTP_X_FORWARDED_HOST": "octo-8000.app.github.dev"}, "http"),
        ("other-8000.app.github.dev", {"HTTP_X_FORWARDED_PROTO": "https"}, "http"),
    ],
)
def test_a_forwarded_request_has_its_names_scheme(host: str, fields: dict[str, str], scheme: str):
    """The scheme is the name's, whatever the fields claim; no other claim is believed."""
    plain = {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "1", "HTTP_HOST": host, "wsgi.url_scheme": "http"}
    environ: dict[str, Any] = dict(plain)
    TrustedProxies((), NAMES).apply(environ, fields)
    assert environ == {**plain, "wsgi.url_scheme": scheme, **({"HTTPS": "on"} if scheme == "https" else {})}
