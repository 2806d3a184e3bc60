"""The parts of two responses that count as a difference."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from appliance.desk.comparison.compare import compare, difference_line
from appliance.desk.comparison.outcome import outcome
from appliance.desk.redaction import Redaction

HTML = [("Content-Type", "text/html; charset=utf-8")]
TAG = b'<script src="/__appliance__/client.js" data-generation="%d" data-run="a" data-revision="0"></script>'


def compared(before: Any, after: Any, **more: Any) -> list[str]:
    """The differences of two responses, each a triple of status, fields and content, as texts."""
    made = [
        outcome(status, fields, data, Redaction(), is_whole=True, **more) for status, fields, data in (before, after)
    ]
    return [difference_line(each) for each in compare(made[0], made[1])]


SAME = {
    "date and id": (
        [("Date", "Sun, 29 Nov 2026 09:00:00 GMT"), ("X-Request-ID", "1")],
        [("date", "Sun, 29 Nov 2026 09:00:01 GMT"), ("X-Request-ID", "2")],
    ),
    "a cookie's end": (
        [("Set-Cookie", "csrftoken=a; expires=Sun, 28 Nov 2027 09:00:00 GMT; Path=/")],
        [("Set-Cookie", "csrftoken=b; expires=Sun, 28 Nov 2027 09:00:01 GMT; Path=/")],
    ),
    "a nonce": (
        [("Content-Security-Policy", "script-src 'nonce-abcd'")],
        [("Content-Security-Policy", "script-src 'nonce-efgh'")],
    ),
}


@pytest.mark.parametrize("fields", SAME.values(), ids=SAME)
def test_what_always_differs_is_left_out(fields: Any):
    """Fields that differ from one response to the next do not count as a difference."""
    assert compared((200, fields[0], b""), (200, fields[1], b"")) == []


def test_the_appliances_own_script_is_left_out():
    """A page that differs in the generation of live reload's script alone is the same, compressed or not."""
    page = b"<html><head>%s</head><body>a</body></html>"
    one, other = page % (TAG % 1), page % (TAG % 2)
    assert compared((200, HTML, one), (200, HTML, other)) == []
    zipped = [*HTML, ("Content-Encoding", "gzip")]
    assert compared((200, zipped, gzip.compress(one)), (200, zipped, gzip.compress(other))) == []
    assert compared((200, HTML, one), (200, HTML, other.replace(b">a<", b">b<"))) == [
        "content: 1 line removed, 1 added"
    ]


def test_each_kind_of_difference_is_named():
    """Status, a field, a JSON member, and content that is not text, by its size and hash."""
    json_fields = [("Content-Type", "application/json")]
    found = compared((200, json_fields, b'{"a": [1]}'), (201, [*json_fields, ("X-A", "b")], b'{"a": [2]}'))
    assert found == ["status: 200 -> 201", "field x-a: (none) -> b", "content $.a[0]: 1 -> 2"]
    image = [("Content-Type", "image/png")]
    (found_image,) = compared((200, image, b"\x89a"), (200, image, b"\x89bc"))
    assert found_image.startswith("content: 2 bytes, SHA-256 ")
    assert compared((200, image, b"\x89a"), (200, image, b"\x89a")) == []


def test_secrets_are_masked_in_a_difference():
    """A member with a secret's name is not shown, whatever it changes to."""
    fields = [("Content-Type", "application/json")]
    found = compared((200, fields, b'{"token": "abc", "n": 1}'), (200, fields, b'{"token": "xyz", "n": 2}'))
    assert found == ["content $.n: 1 -> 2"]


def test_queries_are_compared_where_both_are_known():
    """The number of queries is a difference of its own."""
    one, other = (outcome(200, [], b"", Redaction(), is_whole=True, queries=count) for count in (1, 11))
    assert [difference_line(each) for each in compare(one, other)] == ["queries: 1 -> 11"]
