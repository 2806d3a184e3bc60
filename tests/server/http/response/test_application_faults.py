"""An application that breaks PEP 3333 by a common mistake: the message names the mistake, and the remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from appliance.server.browser.live_reload import LiveReload
from appliance.server.http.response.response_head import ApplicationFault, ResponseHeads
from tests.server.answers import answer
from tests.server.served import Served, get

Serve = Callable[..., Served]
RETURNED = [
    (None, "an iterable of bytes (PEP 3333), not None"),
    ("text", "an iterable of bytes (PEP 3333), not str; return [content.encode()]"),
    (b"text", "an iterable of bytes (PEP 3333), not bytes; return [content]"),
]


def returning(result: Any) -> Callable[..., Any]:
    """An application that returns this."""

    def application(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/html")])
        return result

    return application


@pytest.mark.parametrize(("result", "message"), RETURNED)
def test_a_wrong_result_of_an_application_is_named(serve: Serve, result: Any, message: str):
    """None, a str and bytes are named as what the application returned, to a browser that navigates too."""
    for application in (returning(result), LiveReload(returning(result), 1, "run")):
        response = serve(application).ask(get("/", "Sec-Fetch-Dest: document"))
        assert response.status == 500
        assert message in response.body.decode()


@pytest.mark.parametrize("result", ["", b""])
def test_an_empty_text_is_an_empty_response(serve: Serve, result: Any):
    """A str or bytes without content has no item, so nothing is wrong with any."""
    response = serve(returning(result)).ask()
    assert (response.status, response.body) == (200, b"")


def test_content_without_start_response_is_named(serve: Serve):
    """The message names the missing call of start_response, whether there is content or not."""
    for content in ([], [b"x"]):
        body = serve(lambda *_, content=content: content).ask().body.decode()
        assert "the application did not call start_response before its content (PEP 3333)" in body


def test_a_header_beyond_latin_1_is_named(serve: Serve):
    """The message names the header among all, shows the characters, and says how they are sent."""
    name = "attachment; filename=\u0441\u0447\u0451\u0442.pdf"
    headers = [("Content-Type", "text/plain"), ("Content-Disposition", name), ("X-After", "z")]
    body = serve(answer([b"x"], headers=headers)).ask().body.decode()
    assert "the header Content-Disposition must be Latin-1 (PEP 3333), not " in body
    assert "filename=\u0441\u0447\u0451\u0442.pdf'; encode the value" in body
    assert "filename* (RFC 8187)" in body


def test_a_status_beyond_latin_1_is_named():
    """The message shows the status."""
    with pytest.raises(ApplicationFault, match="the status must be Latin-1"):
        ResponseHeads("a").statuses["200 \u4e2d"]
