"""The page of a host that is not served."""

from __future__ import annotations

import json

import pytest

from appliance.server.http.refusal import HostRefused, answer
from appliance.server.pages.host_page import host_page


def test_a_browser_gets_a_page():
    """A browser gets a page with the name, how to allow it, and the policy of all pages."""
    page = host_page(HostRefused("shop.test:8000"), "text/html,*/*;q=0.8")
    assert page is not None
    text = page.content.decode()
    assert "<h1>The host shop.test:8000 is not served here</h1>" in text
    assert "APPLIANCE_ALLOWED_HOSTS=shop.test<" in text
    sent = answer(403, "", date=b"", request_id="id", page=page)
    assert b"\r\nContent-Type: text/html; charset=utf-8\r\n" in sent
    assert b"\r\nContent-Security-Policy: default-src 'none';" in sent


def test_a_program_gets_problem_details_and_others_text():
    """A program gets problem details, everything else the usual text."""
    page = host_page(HostRefused("shop.test"), "application/json")
    assert page is not None
    assert json.loads(page.content)["type"] == "urn:problem-type:appliance:host-refused"
    assert host_page(HostRefused("shop.test"), "*/*") is None


@pytest.mark.parametrize("host", ["<script>alert(1)</script>", "a" * 5000, "\u202eevil", "[::1]:80", "", ":"])
def test_any_host_is_bounded_and_escaped(host: str):
    """The page is bounded and escaped for any host that a client names."""
    page = host_page(HostRefused(host), "text/html")
    assert page is not None
    assert b"<script>" not in page.content
    assert len(page.content) < 20_000
