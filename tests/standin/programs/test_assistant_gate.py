"""Which requests are an assistant's."""

from __future__ import annotations

import pytest

from appliance.standin.access_policy import AccessPolicy, PageRequest
from appliance.standin.programs.assistant_gate import refusal

TOKEN = "a" * 43
PAGES = "p" * 43
BEARER = {"authorization": f"Bearer {TOKEN}", "host": "localhost:8000"}


def refused(**fields: str) -> int:
    """The status of the refusal; 0 without."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    asked = PageRequest("POST", "http", named, token=PAGES, page_value="", local="remote" not in named)
    found = refusal(asked, TOKEN, AccessPolicy(PAGES, "https://shop.test"))
    assert found is None or TOKEN not in f"{found.reason}{found.action}"
    return found.status if found is not None else 0


def test_a_program_with_the_token_is_answered():
    """A program has the token, and sends no Origin: it is answered from every machine, for every host."""
    assert refused(**BEARER) == 0
    assert refused(**{**BEARER, "host": "app:8000", "remote": "yes"}) == 0
    assert refused(**{**BEARER, "authorization": f"bearer  {TOKEN} "}) == 0


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {PAGES}", f"Basic {TOKEN}", TOKEN, "Bearer \udc80"]
)
def test_without_the_token_there_is_nothing(given: str):
    """Another text, the token of the pages, or none: refused, also from this machine."""
    assert refused(**{**BEARER, "authorization": given}) == 401
    assert refused(host="localhost:8000", cookie=f"appliance_token_8000={PAGES}") == 401


@pytest.mark.parametrize(
    "fields",
    [
        {"origin": "https://evil.test"},
        {"origin": "http://evil.test:8000", "host": "evil.test:8000"},
        {"origin": "http://localhost:9000"},
        {"origin": "null"},
        {"origin": ""},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_another_origin_is_refused(fields: dict[str, str]):
    """Another site, a rebound name and another port of this machine are refused, even with the token."""
    assert refused(**{**BEARER, **fields}) == 403


def test_a_page_of_this_origin_needs_the_token_too():
    """A script of the same origin is answered with the token alone."""
    own = {"origin": "http://localhost:8000", "sec_fetch_site": "same-origin", "host": "localhost:8000"}
    assert refused(**own) == 401
    assert refused(**{**BEARER, **own}) == 0
    assert refused(**{**BEARER, "origin": "https://shop.test", "host": "shop.test:443"}) == 0
