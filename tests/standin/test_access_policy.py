"""Who may see and use the pages of the appliance."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.server.http.served_hosts.hosts import is_loopback
from appliance.standin.access_policy import COOKIE, FIELDS, AccessDenied, AccessPolicy, Allowed, PageRequest

TOKEN = "the-token-of-this-start"
ACCESS = AccessPolicy(TOKEN, "https://dev.example.test")
NAVIGATION = {"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
LOCAL = {"host": "localhost:8000"}


def page(host: str, *, local: bool = True, **fields: str) -> PageRequest:
    """A navigation to a page, as a browser sends it."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return PageRequest("GET", "http", {"host": host, **NAVIGATION, **named}, local=local)


def press(**changes: object) -> PageRequest:
    """A press of a button on a page, as a browser sends it, with one thing that differs."""
    fields = {
        "host": "localhost:8000",
        "origin": "http://localhost:8000",
        "sec-fetch-site": "same-origin",
        "sec-fetch-mode": "cors",
        "sec-fetch-dest": "empty",
    }
    given_fields = changes.pop("fields", {})
    assert isinstance(given_fields, dict)
    fields = {name: value for name, value in {**fields, **given_fields}.items() if value is not None}
    arguments = {"page_value": ACCESS.page_value, "local": True, **changes}
    return PageRequest(str(arguments.pop("method", "POST")), "http", fields, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8000", "LOCALHOST.:8000", "shop.localhost:8000", "127.0.0.1", "127.4.5.6:80", "[::1]:8000",
     "dev.example.test"],
)  # fmt: skip
def test_this_machine_sees_the_pages(host: str):
    """A loopback name or address, or PUBLIC_URL's host, needs no token where the client is this machine."""
    scheme = "https" if host == "dev.example.test" else "http"
    asked = PageRequest("GET", scheme, {"host": host, **NAVIGATION}, local=True)
    assert ACCESS.decide(asked) == Allowed()


@pytest.mark.parametrize(
    "host",
    ["evil.test", "localhost.evil.test", "127.0.0.1.evil.test", "app:8000", "192.168.1.5:8000", "0.0.0.0:8000",
     "[::]:8000", "evil.test:8000", "notlocalhost", "dev.example.test.evil.test"],
)  # fmt: skip
def test_a_rebound_host_is_refused(host: str):
    """Any other name needs the token: a rebound one is refused though its client is this machine."""
    assert isinstance(ACCESS.decide(page(host)), AccessDenied)


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]", "dev.example.test"])
def test_another_machine_is_refused(host: str):
    """Another container on the network, which can send any Host, needs the token."""
    refused = ACCESS.decide(page(host, local=False))
    assert isinstance(refused, AccessDenied)
    assert refused.status == 403


def test_the_token_opens_once_and_then_the_cookie_does():
    """The URL with the token sets the cookie; the cookie opens the page from any host and machine."""
    opened = ACCESS.decide(PageRequest("GET", "http", {"host": "app:8000", **NAVIGATION}, token=TOKEN))
    assert isinstance(opened, Allowed)
    pair, *attributes = opened.cookie.split("; ")
    assert pair == f"{COOKIE}8000={TOKEN}"
    assert {"HttpOnly", "SameSite=Strict", "Path=/__appliance__"} <= set(attributes)
    assert ACCESS.decide(page("app:8000", local=False, cookie=f"a=b; {pair}; c=d")) == Allowed()
    assert isinstance(ACCESS.decide(page("app:8001", local=False, cookie=pair)), AccessDenied)


@pytest.mark.parametrize(
    ("scheme", "host", "port", "secure"),
    [("http", "app", 80, False), ("https", "app", 443, True), ("https", "app:8443", 8443, True)],
)
def test_a_cookie_belongs_to_a_port_and_a_scheme(scheme: str, host: str, port: int, secure: bool):
    """Cookies of all ports of a host are one jar, so its name has the port; over HTTPS the browser keeps it there."""
    opened = ACCESS.decide(PageRequest("GET", scheme, {"host": host, **NAVIGATION}, token=TOKEN))
    assert isinstance(opened, Allowed)
    assert opened.cookie.startswith(f"{COOKIE}{port}=")
    assert opened.cookie.endswith("; Secure") is secure


def test_a_token_may_hold_an_equals_sign():
    """The value of a cookie begins after the first equals sign."""
    access = AccessPolicy("dG9rZW4=")
    assert access.decide(page("app", local=False, cookie=f"{COOKIE}80=dG9rZW4=")) == Allowed()


def test_a_program_without_fetch_metadata_is_a_person():
    """A program such as curl opens the URL with the token, and asks a page of this machine for its head."""
    opened = ACCESS.decide(PageRequest("GET", "http", {"host": "app:8000"}, token=TOKEN))
    assert isinstance(opened, Allowed)
    assert opened.cookie
    assert ACCESS.decide(PageRequest("HEAD", "http", LOCAL, local=True)) == Allowed()


@pytest.mark.parametrize("url", ["https://Dev.example.test/app?next=http://a.test/", "https://dev.example.test:443"])
def test_a_public_url_is_read_as_an_origin(url: str):
    """The path and the query of PUBLIC_URL, and its scheme's own port, make no other host of it."""
    access = AccessPolicy(TOKEN, url)
    asked = PageRequest("GET", "https", {"host": "dev.example.test", **NAVIGATION}, local=True)
    assert access.decide(asked) == Allowed()


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (PageRequest("GET", "http", {}, local=True), 400),
        (PageRequest("GET", "http", {**LOCAL, "sec-fetch-dest": "iframe"}, local=True), 403),
        (PageRequest("GET", "http", {**LOCAL, "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}), 403),
        (press(method="P" * 20 + "X"), 405),
        (press(fields={"origin": "http://evil.test"}), 403),
        (press(fields={"sec-fetch-site": None}), 403),
        (press(page_value="x"), 403),
        (page("h" * 100 + "x.test"), 403),
    ],
)
def test_a_refusal_has_its_status(asked: PageRequest, status: int):
    """Each refusal has the status of its reason, and quotes no more than a part of what was sent."""
    refused = AccessPolicy(TOKEN).decide(asked)
    assert isinstance(refused, AccessDenied)
    assert refused.status == status
    assert refused.reason
    assert not re.search("PX|hx", refused.reason)
    assert TOKEN not in refused.reason + refused.action


@pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.swapcase(), "\udcff", "é"], ids=range(7))
def test_a_wrong_token_opens_nothing(token: str):
    """A token that differs in one character, or is of another start, is none."""
    assert isinstance(ACCESS.decide(PageRequest("GET", "http", {"host": "app"}, token=token)), AccessDenied)
    assert isinstance(ACCESS.decide(page("app", local=False, cookie=f"{COOKIE}80={token}")), AccessDenied)


@pytest.mark.parametrize(
    "fields",
    [
        {"sec-fetch-dest": "iframe"},
        {"sec-fetch-dest": "frame"},
        {"sec-fetch-dest": "embed"},
        {"sec-fetch-dest": "object"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
        {"sec-fetch-site": "nonsense", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
    ],
)
def test_another_site_reads_nothing(fields: dict[str, str]):
    """A frame, an image, a script or a fetch of another site is refused, with the cookie too."""
    asked = PageRequest("GET", "http", {**LOCAL, **NAVIGATION, **fields, "cookie": f"{COOKIE}8000={TOKEN}"}, local=True)
    assert isinstance(ACCESS.decide(asked), AccessDenied)


def test_a_link_of_another_site_leads_to_a_page():
    """A navigation by GET is allowed: it reads nothing for the site that holds the link."""
    assert ACCESS.decide(page("localhost", sec_fetch_site="cross-site")) == Allowed()


def test_a_press_on_our_page_changes_something():
    """POST, our origin, our page's value: allowed."""
    assert ACCESS.decide(press()) == Allowed()


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": {"origin": None}},
        {"fields": {"origin": "null"}},
        {"fields": {"origin": "http://evil.test"}},
        {"fields": {"origin": "https://localhost:8000"}},
        {"fields": {"origin": "http://localhost:8001"}},
        {"fields": {"origin": "http://localhost:8000.evil.test"}},
        {"fields": {"origin": "http://localhost:8000@evil.test"}},
        {"fields": {"sec-fetch-site": None}},
        {"fields": {"sec-fetch-site": "same-site"}},
        {"fields": {"sec-fetch-site": "none"}},
        {"fields": {"host": "evil.test", "origin": "http://evil.test"}},
        {"page_value": ""},
        {"page_value": TOKEN},
        {"page_value": AccessPolicy("the-token-of-another-start").page_value},
        {"method": "PUT"},
        {"method": "DELETE"},
        {"method": "OPTIONS"},
        {"local": False},
    ],
)
def test_a_press_with_one_thing_wrong_changes_nothing(changes: dict[str, object]):
    """A foreign or missing origin, another site, no page value, another method, another machine: each is refused."""
    assert isinstance(ACCESS.decide(press(**changes)), AccessDenied)


def test_no_origin_may_read_and_no_site_may_frame():
    """Each response has the fields of isolation, none of CORS, and no script of a page's own text."""
    fields = dict(FIELDS)
    assert fields["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in fields["Content-Security-Policy"]
    assert "unsafe-inline" not in fields["Content-Security-Policy"]
    assert "unsafe-eval" not in fields["Content-Security-Policy"]
    assert not any(name.lower().startswith("access-control") for name in fields)


@given(st.text(), st.dictionaries(st.sampled_from(["origin", "cookie", "sec-fetch-site", "sec-fetch-dest"]), st.text()))
def test_no_request_fails_the_policy(host: str, fields: dict[str, str]):
    """Any fields lead to a decision; without the token, another machine gets nothing."""
    decided = ACCESS.decide(PageRequest("GET", "http", {"host": host, **fields}))
    assert isinstance(decided, AccessDenied)


def test_loopback_is_by_definition():
    """A name that only looks like loopback is none."""
    assert not is_loopback("localhost.localdomain.evil.test")
    assert not is_loopback("128.0.0.1")
    assert is_loopback("[::1]")
