"""The request that is sent for a masked and edited one."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.desk.redaction import Redaction
from appliance.desk.replay.restored_request import Restored, Shown, restored
from appliance.desk.replay.sent_request import ReplayError, SentRequest, of_head
from appliance.protocol.request_details import RequestDetails

HEAD = (
    b"POST /a?token=t0p&x=1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic abc\r\nCookie: sid=s3; theme=dark\r\n"
    b"Content-Type: %s\r\nContent-Length: 9\r\nExpect: 100-continue"
)


def both(body: bytes, kind: bytes) -> tuple[Shown, SentRequest]:
    """A request as it is shown, and as it was received."""
    head = HEAD % kind
    readable = Redaction().readable(RequestDetails({}, head, body, b""))
    shown = Shown("POST", "/a?token=********&x=1", readable.fields, readable.body, has_body=True)
    return shown, of_head(head, body)


JSON = (b'{"password": "p\\u00e4ss", "list": [{"api_key": "k", "n": 1}]}', b"application/json")
FORM = (b"password=p%20w&a=1&a=2", b"application/x-www-form-urlencoded")
CURLS = (b'{"password": "p=w&x", "n": 1}', b"application/x-www-form-urlencoded")  # what ``curl -d`` names JSON


@pytest.mark.parametrize(("body", "kind"), [JSON, FORM, CURLS, (b"\x00\x01", b"image/png")])
def test_an_unchanged_request_is_what_was_received(body: bytes, kind: bytes):
    """Without an edit, and with the form that shows it, each byte is the received one, secrets included."""
    shown, raw = both(body, kind)
    fields = "\r\n".join(f"{name}: {value}" for name, value in shown.fields)
    edit: dict[str, Any] = {"method": "POST", "target": shown.target, "fields": fields}
    if shown.body is not None:
        edit["body"] = shown.body
    for given_edit in ({}, edit):
        made = restored(shown, given_edit, raw)
        assert (made.request, made.left_out) == (raw, [])


def test_masked_values_are_filled_in_beside_an_edit():
    """Edited values are sent, and the masked ones beside them are filled in from the received request."""
    shown, raw = both(*JSON)
    body = (shown.body or "").replace('"n": 1', '"n": 2')
    made = restored(
        shown, {"body": body, "target": "/b?token=********&x=2", "fields": "Cookie: sid=********; a=b"}, raw
    )
    assert json.loads(made.request.body) == {"password": "päss", "list": [{"api_key": "k", "n": 2}]}
    assert made.request.target == "/b?token=t0p&x=2"
    assert made.request.fields == (("Cookie", "sid=s3; a=b"),)
    assert made.left_out == []


def test_json_that_names_itself_a_form_is_filled_in():
    """The masked member of such a body is filled in beside an edit, and left out if it is not known."""
    shown, raw = both(*CURLS)
    body = (shown.body or "").replace('"n": 1', '"n": 2')
    assert json.loads(restored(shown, {"body": body}, raw).request.body) == {"password": "p=w&x", "n": 2}
    assert json.loads(restored(shown, {"body": body}, None).request.body) == {"n": 2}


def test_an_edited_body_is_sent_without_its_coding():
    """A compressed body is shown decoded: what is made of that text names no coding; the received bytes keep theirs."""
    kind, body = b"application/json\r\nContent-Encoding: gzip", gzip.compress(b'{"n": 1}')
    shown, raw = both(body, kind)
    assert shown.body == '{"n": 1}'
    assert restored(shown, {}, raw).request == raw
    for edit, known in (({"body": '{"n": 2}'}, raw), ({}, None)):
        request = restored(shown, edit, known).request
        assert (json.loads(request.body)["n"], request.value("content-encoding")) == (2 if edit else 1, "")


def test_a_masked_path_is_filled_in_or_refused():
    """A secret in a path, as the token of a webhook, is sent as it was received, also beside an edit, or not at all."""
    shown, raw = Shown("GET", "/hook/********?a=1", []), SentRequest("GET", "/hook/s3cret?a=1", ())
    assert restored(shown, {"target": "/hook/********?a=2"}, raw).request.target == "/hook/s3cret?a=2"
    for edit, known in (({}, None), ({"target": "/other/********"}, raw)):
        with pytest.raises(ReplayError, match="path has a masked value"):
            restored(shown, edit, known)


def test_a_cookie_without_a_name_is_left_out():
    """An edited field with a cookie that has only a masked value is sent without it, and the page names it."""
    made = restored(Shown("GET", "/", []), {"fields": "Cookie: ********; a=b"}, None)
    assert (made.request.fields, made.left_out) == ((("Cookie", "a=b"),), ["Cookie ********"])


@pytest.mark.parametrize("charset", ["idna", "undefined", "none-such"])
def test_an_edited_body_is_sent_in_a_charset_that_python_has(charset: str):
    """An edited body is sent in UTF-8 if its Content-Type names a charset that can't encode it."""
    shown = Shown("POST", "/", [("Content-Type", f"text/plain; charset={charset}")], "old", has_body=True)
    assert restored(shown, {"body": "n\xe9w"}, None).request.body == b"n\xc3\xa9w"


def left_out(made: Restored) -> set[str]:
    """The names of what is not sent."""
    return set(made.left_out)


def test_what_is_no_longer_known_is_left_out_and_named():
    """Without the request in memory, nothing masked is sent, in no part of it."""
    for body, kind in (JSON, FORM):
        shown, _ = both(body, kind)
        made = restored(shown, {}, None)
        assert b"****" not in made.request.head() + made.request.body
        assert left_out(made) >= {"parameter token", "Authorization", "Cookie sid"}
        assert left_out(made) & {"member password", "parameter password"}
        assert made.request.target == "/a?x=1"


def test_a_body_that_is_gone_is_refused():
    """A body that was never text, or whose end is missing, is not sent in part."""
    shown, raw = both(b"\x00", b"image/png")
    with pytest.raises(ReplayError, match="no longer in memory"):
        restored(shown, {}, None)
    cut = Shown("POST", "/", [], "abc", has_body=True, cut=9)
    with pytest.raises(ReplayError, match="9 bytes of its body"):
        restored(cut, {}, raw)
    assert restored(cut, {"body": "edited"}, raw).request.body == b"edited"


REFUSED = [
    {"method": "GET /x HTTP/1.1\r\nX: y"}, {"method": "CONNECT"}, {"target": "http://evil.example/"},
    {"target": "/__appliance__/"}, {"target": "/__appliance__?x"}, {"fields": "no colon"},
    {"fields": [["A", "b\r\nC: d"]]},
    {"fields": [["A b", "c"]]}, {"fields": 7}, {"fields": "Upgrade: websocket"}, {"target": "/" + "a" * 70_000},
]  # fmt: skip


@pytest.mark.parametrize("edit", REFUSED, ids=str)
def test_an_edit_that_breaks_the_request_is_refused(edit: dict[str, Any]):
    """No edit makes two requests of one, asks another server or a page of the appliance."""
    shown, raw = both(*JSON)
    with pytest.raises(ReplayError):
        restored(shown, edit, raw)


@given(st.dictionaries(st.sampled_from(["method", "target", "fields", "body"]), st.text()), st.booleans())
def test_no_edit_breaks_the_head(edit: dict[str, str], known: bool):
    """Any edit is refused, or is one request with its own length."""
    shown, raw = both(*FORM)
    try:
        made = restored(shown, edit, raw if known else None)
    except ReplayError:
        return
    lines = made.request.head().split(b"\r\n")
    assert lines[0].count(b" ") == 2
    assert len(lines) == 1 + len(made.request.fields) + (0 if made.request.value("host") else 1) + (
        bool(made.request.body) and not made.request.value("content-length")
    ) - sum(name.lower() in {"expect", "transfer-encoding", "trailer"} for name, _ in made.request.fields)
    assert not any(b"\n" in line for line in lines)
