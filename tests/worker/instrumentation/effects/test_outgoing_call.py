"""URLs of outgoing calls, as they are noted."""

from __future__ import annotations

import pytest

from appliance.worker.instrumentation.effects.outgoing_call import url_of, without_userinfo


@pytest.mark.parametrize(
    ("parts", "url"),
    [
        (("http", "a.example", 80, "/x?y"), "http://a.example/x?y"),
        (("https", "a.example", 443, "/"), "https://a.example/"),
        (("http", "a.example", 443, "/"), "http://a.example:443/"),
        (("http", "::1", 8080, "/"), "http://[::1]:8080/"),
        (("https", "a.example", None, "x"), "https://a.example/x"),
        (("http", "proxy", 3128, "http://a.example/x"), "http://a.example/x"),
    ],
)
def test_a_url_is_put_together(parts: tuple[str, str, int | None, str], url: str):
    """Usual ports are left out, and what a proxy gets is the URL already."""
    assert url_of(*parts) == url


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("http://user:pw@a.example/x@y", "http://a.example/x@y"),
        ("http://us@er:pw@a.example", "http://a.example"),
        ("http://a.example?user=a@b", "http://a.example?user=a@b"),
        ("http://a.example#a@b", "http://a.example#a@b"),
        ("/x@y", "/x@y"),
        ("", ""),
    ],
)
def test_userinfo_is_never_noted(given: str, shown: str):
    """A user's name and password are left out; an @ elsewhere stays."""
    assert without_userinfo(given) == shown
