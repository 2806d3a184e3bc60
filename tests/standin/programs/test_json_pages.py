"""The JSON of scripts: what the supervisor tells, and what each tool tells."""

from __future__ import annotations

import json
from typing import Any

from appliance.assistants.tool_table import TABLE
from appliance.standin.programs.json_pages import JsonPages
from tests.assistants.conftest import Site, site
from tests.desk.log_lines import line, request

__all__ = ["site"]


def get(pages: JsonPages, path: str, query: str = "") -> tuple[str, Any]:
    """One page: its status and its values."""
    heads: list[str] = []
    route = pages.gets[f"/__appliance__/{path}"]
    content = route({"QUERY_STRING": query}, lambda status, _fields: heads.append(status[:3]))
    return heads[0], json.loads(b"".join(content))


def test_the_status_is_the_supervisors(site: Site):
    """The status is that of ``appliance status --json``, unchanged; so are the stacks."""
    pages = JsonPages(str(site.socket))
    assert get(pages, "status") == ("200", site.status)
    assert get(pages, "stacks")[1] == {"pid": 7, "stacks": ""}
    site.socket.unlink()
    status, told = get(pages, "status")
    assert status == "409"
    assert "No appliance answers" in told["error"]


def test_the_log_is_filtered_by_the_query(site: Site):
    """Lines of the log come as they were logged, each with its number."""
    site.record(line("output", text="one"), line("output", text="two", level="error"), request("/"))
    pages = JsonPages(str(site.socket))
    assert [each["text"] for each in get(pages, "log")[1]["lines"]] == ["two", "one"]
    assert [each["id"] for each in get(pages, "log", "level=error&limit=x")[1]["lines"]] == [2]
    assert get(pages, "log", "q=nothing")[1]["lines"] == []
    assert [each["text"] for each in get(pages, "log", "after=1&event=output")[1]["lines"]] == ["two"]


def test_each_tool_that_reads_is_a_page(site: Site):
    """The answer of each reading tool is a page, with its arguments in the query; a writing tool has none."""
    site.record(request("/"), request("/order", status=500))
    pages = JsonPages(str(site.socket))
    arguments = {"get_request": "number=2&part=overview", "wait_for_reload": "timeout_s=1&after_attempt=1"}
    for tool in TABLE:
        path = f"tools/{tool.name}"
        assert (f"/__appliance__/{path}" in pages.gets) is not tool.writes
        if not tool.writes:
            assert get(pages, path, arguments.get(tool.name, ""))[0] == "200"
    assert get(pages, "tools/get_request", "number=2")[1]["path"] == "/order"
    assert get(pages, "tools/list_requests", "status=5xx&limit=1")[1]["requests"][0]["number"] == 2
    assert get(pages, "tools")[1]["tools"][0]["name"] == "status"


def test_a_wrong_query_is_explained(site: Site):
    """The answer to a wrong argument explains it, with the status 409."""
    pages = JsonPages(str(site.socket))
    assert get(pages, "tools/get_request", "number=x")[1]["error"].startswith("number is 'x'")
    assert get(pages, "tools/worker_stacks", "whole=maybe")[0] == "409"
    assert get(pages, "tools/status", "&".join(f"a{number}=1" for number in range(30)))[0] == "409"
