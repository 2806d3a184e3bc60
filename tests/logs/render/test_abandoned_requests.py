"""The record of a request whose worker died: as much as its head says."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from appliance.logs.render import abandoned_requests
from appliance.protocol.inflight import Running


def record(head):
    """The record of a request with that head, by the fields' names."""
    return asdict(abandoned_requests.record(Running(2.0, "id", head), now=5.0, wall=10.0, reason="why"))


def test_a_whole_head_gives_method_path_version_and_user_agent():
    """Method, path, query, version and user agent are read off the head; times are the supervisor's."""
    found = record(b"POST /a%20b?c=1 HTTP/1.0\r\nHost: x\r\nUSER-AGENT: curl/8 \xff\r\nX: y")
    expected = {
        "event": "request.aborted",
        "ended_us": 10_000_000,
        "duration_us": 3_000_000,
        "method": "POST",
        "path": "/a%20b",
        "query": "c=1",
        "version": "1.0",
        "user_agent": "curl/8 \xff",
        "request_id": "id",
        "reason": "why",
    }
    assert {name: value for name, value in found.items() if value is not None} == expected


@pytest.mark.parametrize(
    ("head", "path"), [(b"GET /" + b"x" * 300, "/" + "x" * 300), (b"GET", None), (b"", None), (b"\xff\x00 / ", "/")]
)
def test_a_head_that_was_cut_is_shown_as_far_as_it_was_kept(head, path):
    """A head that was too long to be kept whole is shown as far as it was kept."""
    assert record(head)["path"] == path
