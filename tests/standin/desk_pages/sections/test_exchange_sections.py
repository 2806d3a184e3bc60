"""The request and the response of a request's page."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.standin.desk_pages.sections.exchange_sections import response_section


def shown(content: str, kind: str = "application/json", note: str = "") -> str:
    """The section of a response with this content."""
    details: dict[str, Any] = {
        "response_fields": [["Content-Type", kind]], "content": content, "content_note": note,
    }  # fmt: skip
    return response_section({"event": "request.finished", "details": details})


def test_json_has_a_line_for_each_member():
    """A person reads JSON that the project has sent in one line; its texts stay texts."""
    page = shown('{"a":[1,"ä"],"b":"<script>"}', "application/problem+json; charset=utf-8")
    assert "{\n  &quot;a&quot;: [\n    1,\n    &quot;ä&quot;\n  ]" in page
    assert "<script>" not in page


@pytest.mark.parametrize(
    ("content", "kind"),
    [('{"a":1', "application/json"), ('{"a":1}', "text/plain"), ("[" * 50_000, "application/json"), ("x", "")],
)
def test_other_content_is_shown_as_it_is(content: str, kind: str):
    """Content that is not JSON, or only the beginning of it, is not changed."""
    assert content.replace('"', "&quot;") in shown(content, kind)
