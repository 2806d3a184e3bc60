"""The fields of a log line about a head that was not parsed."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from appliance.protocol import request_summary
from appliance.server.http.fields import FieldReader
from appliance.server.http.head import PROTOCOLS, HeadParser
from appliance.server.http.limits import Limits
from appliance.server.http.refusal import RequestRefused

TEXT = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12)
TARGET = st.builds(str.__add__, st.sampled_from(["/", "http://a", "HTTPS://a:1/", "http://a?", "*", ""]), TEXT)
FIELDS = st.lists(st.builds("{}: {}".format, st.sampled_from(["Host", "User-Agent", "USER-AGENT", "A"]), TEXT))


@given(st.sampled_from(["GET", "POST", "OPTIONS", "BREW"]), TARGET, st.sampled_from(["1.0", "1.1", "1.7"]), FIELDS)
@example("GET", "http://a", "1.1", [])
@example("OPTIONS", "http://a/", "1.0", ["User-Agent: x"])
def test_a_summary_agrees_with_the_parser(method: str, target: str, version: str, fields: list[str]):
    """For each head that the server serves, the summary has the values of the record of a whole request."""
    raw = "\r\n".join([f"{method} {target} HTTP/{version}", "Host: a", *fields]).encode()
    try:
        head = HeadParser(FieldReader(Limits()), secure=True).parse(raw)
    except RequestRefused:
        return
    found = request_summary.of_head(raw)
    assert (found.method, found.query) == (head.method, head.query)
    assert found.path == head.path or (head.path, found.path) == ("*", "/")  # OPTIONS http://a
    assert found.version == version
    assert PROTOCOLS[head.minor][5:] in {version, "1.1"}
    if "HTTP_USER_AGENT" in head.values:
        assert head.values["HTTP_USER_AGENT"].startswith(found.user_agent or "")


@given(st.binary())
def test_any_bytes_have_a_summary(raw: bytes):
    """Nothing that a client sends fails a log line, and what has no request line has no method."""
    found = request_summary.of_head(raw)
    assert found.method is not None or found == request_summary.RequestSummary()
    line = request_summary.of_line(raw.decode("latin-1"))
    assert (line.method is None) == (line == request_summary.RequestSummary())


def test_a_refused_urls_password_is_not_logged():
    """User info in a target is replaced: it is often a password (RFC 9110, 4.2.4)."""
    assert request_summary.of_line("GET http://me:secret@b/x?y HTTP/1.1") == (
        "GET",
        "http://REDACTED@b/x",
        "y",
        "1.1",
        None,
    )
    assert request_summary.of_head(b"GET http://me:secret@b/x?y HTTP/1.1") == ("GET", "/x", "y", "1.1", None)
