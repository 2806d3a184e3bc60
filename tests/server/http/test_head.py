"""Bytes to a request head: what the corpus of raw requests can't show."""

from __future__ import annotations

import pytest

from appliance.server.http.fields import FieldReader
from appliance.server.http.head import HeadParser
from appliance.server.http.limits import Limits
from appliance.server.http.refusal import Refused


def test_an_https_target_needs_a_tls_connection():
    """A target of https is meant for a connection that is TLS, and for no other (RFC 9110, 7.4)."""
    raw = b"GET HTTPS://b/where HTTP/1.1\r\nHost: a"
    head = HeadParser(FieldReader(Limits()), secure=True).parse(raw)
    assert (head.path, head.values["HTTP_HOST"]) == ("/where", "b")
    with pytest.raises(Refused) as caught:
        HeadParser(FieldReader(Limits()), secure=False).parse(raw)
    assert caught.value.status == 421


def test_any_number_of_zeros_leads_a_length():
    """A length is as long as its digits without the zeros before them, more than int() reads (RFC 9110, 8.6)."""
    raw = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"0" * 10_000
    parser = HeadParser(FieldReader(Limits()))
    assert parser.parse(raw + b"3").said.length == 3
    head = parser.parse(raw)
    assert (head.said.length, head.values["CONTENT_LENGTH"]) == (0, "0")
