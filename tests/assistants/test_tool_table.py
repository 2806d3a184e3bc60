"""The tools, as a client sees them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from appliance.assistants.tool_table import BY_NAME, TABLE
from tests.assistants.conftest import Site


def test_each_tool_is_described_for_an_assistant():
    """A tool has a name, a title, a description of some sentences, and the hints that its kind asks for."""
    for tool in TABLE:
        described = tool.described()
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", described["name"])
        assert len(described["description"]) > 80
        assert described["annotations"]["readOnlyHint"] is not tool.writes
        assert ("destructiveHint" in described["annotations"]) is tool.writes
        assert all(each["description"] for each in described["inputSchema"]["properties"].values())
    assert len(json.dumps([each.described() for each in TABLE])) < 15_000  # an assistant reads all of it


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("get_request", {}, "needs the argument number"),
        ("get_request", {"number": "1"}, "number is '1'. Give an integer, at least 1."),
        ("get_request", {"number": True}, "Give an integer"),
        ("get_request", {"number": 0}, "at least 1"),
        ("get_request", {"number": 1, "part": "all"}, "overview or request or"),
        ("list_requests", {"limit": 101}, "at most 100"),
        ("list_requests", {"q": "x" * 2001}, "a text of at most 2000 characters"),
        ("list_requests", {"status": "wrong"}, "a status such as 404"),
        ("list_requests", {"path": "/"}, "has no argument 'path'. Give some of these: q, method"),
        ("worker_stacks", {"whole": 1}, "Give true or false"),
    ],
)
def test_a_wrong_argument_is_explained(site: Site, tool: str, arguments: dict[str, Any], words: str):
    """The answer has the found and the expected value, so that the assistant can correct it."""
    assert words in site.error(tool, **arguments)


def test_an_argument_that_is_null_is_left_out(site: Site):
    """Some clients send every argument: null is none."""
    site.record()
    assert site.call("list_requests", q=None, limit=None)["requests"] == []
    assert BY_NAME["list_requests"].checked(None) == {}
