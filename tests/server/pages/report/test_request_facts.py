"""The facts of a request that a page shows, and those that it masks."""

from __future__ import annotations

from typing import Any

from appliance.masking import MASKED
from appliance.server.pages.report.request_facts import MAX_PAIRS, MAX_VALUE, request_facts

ENVIRON = {
    "REQUEST_METHOD": "POST",
    "REQUEST_URI": "/shop/pay?token=abc&page=2",
    "QUERY_STRING": "token=abc&page=2",
    "SCRIPT_NAME": "/shop",
    "PATH_INFO": "/pay",
    "HTTP_COOKIE": "session=abc; theme=dark",
    "HTTP_AUTHORIZATION": "Bearer abc",
    "HTTP_X_API_KEY": "abc",
    "HTTP_ACCEPT": "text/html",
    "CONTENT_TYPE": "text/plain",
    "CONTENT_LENGTH": "",
    "SERVER_NAME": "here",
}


def facts(**more: Any) -> dict[str, Any]:
    """The facts of a request with these further keys."""
    return request_facts({**ENVIRON, **more}, str)


def test_credentials_in_headers_are_masked():
    """Method, path, query and headers are shown; what authorises its bearer is masked."""
    found = facts()
    assert (found["method"], found["path"]) == ("POST", "/shop/pay")
    assert found["query"] == [["token", MASKED], ["page", "2"]]
    assert dict(found["headers"]) == {
        "Cookie": f"session={MASKED}; theme={MASKED}",
        "Authorization": MASKED,
        "X-Api-Key": MASKED,
        "Accept": "text/html",
        "Content-Type": "text/plain",
    }
    assert "form" not in found


def test_a_parsed_form_is_shown_without_passwords():
    """The fields of a form are shown, except for passwords and numbers of cards."""
    fields = [("name", "bob"), ("password", "x"), ("csrfmiddlewaretoken", "y"), ("file", object())]
    found = facts(**{"appliance.form": fields})
    assert found["form"] == [
        ["name", "bob"],
        ["password", MASKED],
        ["csrfmiddlewaretoken", MASKED],
        ["file", "<object>"],
    ]


def test_secrets_are_masked_by_value():
    """A secret's value is masked in the path, the query and the headers."""

    def mask(text: str) -> str:
        return text.replace("s3cret", MASKED)

    hidden = {"REQUEST_URI": "/a/s3cret?q=s3cret", "QUERY_STRING": "q=s3cret", "HTTP_REFERER": "http://a/s3cret"}
    found = request_facts({**ENVIRON, **hidden}, mask)
    assert (found["path"], found["query"]) == (f"/a/{MASKED}", [["q", MASKED]])
    assert dict(found["headers"])["Referer"] == f"http://a/{MASKED}"


def test_a_request_of_any_size_is_shown():
    """A request of any size is shown within limits, and one without anything is shown too."""
    found = facts(
        QUERY_STRING="&".join(f"a{n}={'x' * 2000}" for n in range(2000)),
        **{f"HTTP_X_{n}": "y" * 10_000 for n in range(500)},
    )
    assert len(found["query"]) <= MAX_PAIRS + 1
    assert len(found["headers"]) == MAX_PAIRS + 1
    assert all(len(value) < MAX_VALUE + 40 for _, value in found["headers"])
    assert request_facts({}, str)["path"] == ""
    assert request_facts({"QUERY_STRING": 7, "bottle.request.forms": 7, "werkzeug.request": 7}, str)["query"] == []
