"""The stored effects of a request other than its queries."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.desk.effects import NO_EFFECTS, masked_text, masked_url, readable
from appliance.desk.redaction import Redaction

REDACTION = Redaction(["code"], ["hunter2hunter2"])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/x?token=abc&n=1#top", "https://a.example/x?token=********&n=1#top"),
        ("https://a.example/?Code=1&%63ode=2&codes=3", "https://a.example/?Code=********&%63ode=********&codes=3"),
        (
            "https://a.example/?X-Amz-Signature=1&key=2&key",
            "https://a.example/?X-Amz-Signature=********&key=********&key",
        ),
        ("https://a.example/hunter2hunter2/", "https://a.example/********/"),
        ("https://a.example/", "https://a.example/"),
    ],
)
def test_secrets_in_a_url_are_masked(url: str, shown: str):
    """By the name of a parameter, and by value; the rest stays as it was sent."""
    assert masked_url(url, REDACTION) == shown
    assert (
        masked_text(f"Max retries exceeded with url '{url}'", REDACTION) == f"Max retries exceeded with url '{shown}'"
    )


def test_a_call_is_stored_with_its_result():
    """Times are in seconds; what is not known is null."""
    sent = {"method": "GET", "url": "http://a/", "place": "app.py:3", "began_us": 1_500}
    calls = [{**sent, "status": 200, "took_us": 2_000}, sent]
    found = readable({"effects": {"calls": calls, "calls_left_out": 7}}, REDACTION)
    answered, unanswered = found["outgoing"]
    assert (answered["began_s"], answered["duration_s"], answered["status"]) == (0.0015, 0.002, 200)
    assert (unanswered["duration_s"], unanswered["status"], unanswered["error"]) == (None, None, None)
    assert found["outgoing_left_out"] == 7
    assert readable({}, REDACTION) == NO_EFFECTS


@pytest.mark.parametrize("sent", [[], "x", {"calls": [1]}, {"calls": [{}]}, {"calls_left_out": "x"}, {"calls": 3}])
def test_other_forms_are_refused(sent: Any):
    """Records that a project writes into the socket itself are not stored."""
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        readable({"effects": sent}, REDACTION)


def test_a_peak_of_memory_counts_only_if_it_is_new():
    """The kernel keeps the process's peak since its start: an old one tells nothing of this request."""
    mib = 1024 * 1024
    assert readable({"memory": [50 * mib, 60 * mib, 90 * mib, 90 * mib]}, REDACTION)["memory"] == {
        "before_bytes": 50 * mib, "after_bytes": 60 * mib, "peak_bytes": None,
    }  # fmt: skip
    assert readable({"memory": [50 * mib, 60 * mib, 90 * mib, 95 * mib]}, REDACTION)["memory"]["peak_bytes"] == 95 * mib
    assert readable({"memory": [0, 0, 90 * mib, 95 * mib]}, REDACTION)["memory"] is None


def test_templates_and_caches_are_named():
    """Numbers get names, and times are in seconds."""
    effects = {"templates": [["Django", "a.html", 3, 1_500]], "caches": [["default", 1, 2, 3, 500]]}
    found = readable({"effects": effects}, REDACTION)
    assert found["templates"] == [{"engine": "Django", "name": "a.html", "count": 3, "duration_s": 0.0015}]
    assert found["cache"] == [{"name": "default", "hits": 1, "misses": 2, "writes": 3, "duration_s": 0.0005}]
