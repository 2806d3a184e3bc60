"""Five questions about a request of any framework, answered on the page, in the API and by MCP.

What did it send, which queries did it run, what did it print, is it slower than before the save, and does it answer
otherwise now. Nothing is added to the projects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.live.desk_client import asked, details_of, newest, posted
from tests.live.live_appliance import Appliance
from tests.live.postgres_cluster import cluster
from tests.live.question_projects import ALL, IMPORTS, PINS
from tests.live.test_assistants import over_http
from tests.releases import environment
from tests.thorough import one_in

pytestmark = pytest.mark.whole

Starting = Callable[..., Appliance]
FORM = "application/x-www-form-urlencoded"
EDITED = "EDITION, PAUSE_S = 1, 0", "EDITION, PAUSE_S = 2, 0.4"


@pytest.fixture(scope="module")
def socket_folder() -> Iterator[str]:
    """Start PostgreSQL, and yield the folder of its socket."""
    with cluster() as folder:
        yield folder


def ask_for_books(appliance: Appliance) -> None:
    """Send the request of a page of the shop."""
    connection = HTTPConnection("127.0.0.1", appliance.port, timeout=30)
    connection.request("POST", "/books", "title=Dune&password=sesame", {"Content-Type": FORM})
    response = connection.getresponse()
    assert (response.status, b"author 5" in response.read()) == (200, True)
    connection.close()


class Tools:
    """The tools of an assistant, over HTTP."""

    def __init__(self, appliance: Appliance) -> None:
        self._token = over_http(appliance)["token"]
        self._port = appliance.port

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The result of a tool that does what it was asked."""
        asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        fields = {
            "Authorization": f"Bearer {self._token}", "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18",
        }  # fmt: skip
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request("POST", "/__appliance__/mcp", json.dumps(asked), fields)
        text = connection.getresponse().read().decode()
        connection.close()
        messages = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith(("data: {", "{"))]
        found: dict[str, Any] = json.loads(messages[-1])["result"]
        assert not found.get("isError"), found
        told: dict[str, Any] = found["structuredContent"]
        return told


def page(appliance: Appliance, path: str) -> str:
    """A page, as a browser gets it."""
    return appliance.get(f"/__appliance__/{path}", Accept="text/html")[1].decode()


@pytest.mark.parametrize("name", one_in(3, ALL))
def test_five_questions_are_answered_in_three_ways(start: Starting, project: Path, socket_folder: str, name: str):
    """By the page, the API and MCP: what was sent, queried and printed, whether it is slower, and answers otherwise."""
    text = ALL[name]
    python = environment("3.13", *PINS, project=IMPORTS) / "bin" / "python"
    (project / "app.py").write_text(text, encoding="utf-8")
    appliance = start(
        APPLIANCE_INSTALL="off", APPLIANCE_PYTHON=str(python), APPLIANCE_MCP="write", SHOP_HOST=socket_folder
    )
    appliance.wait_for("worker.ready")
    for _ in range(5):
        ask_for_books(appliance)
    number = newest(appliance, "/books", 5)
    tools = Tools(appliance)
    what_it_sent(appliance, tools, number)
    line = next(at for at, each in enumerate(text.split("\n"), 1) if each.endswith("# the line"))
    which_line_repeats_a_query(appliance, tools, number, line)
    what_it_printed(appliance, tools, number)
    appliance.edit("app.py", text.replace(*EDITED))
    appliance.wait_for("reload.finished")
    for _ in range(5):
        ask_for_books(appliance)
    newest(appliance, "/books", 10)
    whether_it_is_slower(appliance, tools)
    whether_it_answers_otherwise(appliance, tools, number)
    assert not [each for each in appliance.events if each["event"] in {"hook.dropped", "desk.failed"}]


def what_it_sent(appliance: Appliance, tools: Tools, number: int) -> None:
    """The form that the client has sent, without its password, and the answer."""
    sent = "title=Dune&password=********"
    details = details_of(appliance, number)
    answered = {"edition": 1, "authors": [f"author {each}" for each in range(6)]}
    assert (details["body"], json.loads(details["content"])) == (sent, answered)
    assert sent.replace("&", "&amp;") in page(appliance, f"requests/{number}/request")
    assert "author 5" in page(appliance, f"requests/{number}/response")
    assert tools.call("get_request", number=number, part="request")["content"] == sent


def which_line_repeats_a_query(appliance: Appliance, tools: Tools, number: int, line: int) -> None:
    """The project's own line that asks for each author."""
    (repeated,) = details_of(appliance, number)["repeated"]
    assert (repeated["count"], repeated["place"]) == (6, f"{appliance.project / 'app.py'}:{line}")
    queries = details_of(appliance, number)["queries"]
    assert len([each for each in queries if each["kind"] == "query"]) == 7  # a framework's own are left out
    shown = page(appliance, f"requests/{number}/queries")
    assert f"app.py:{line}" in shown
    assert "6 times" in shown
    (repeated,) = tools.call("get_request", number=number)["repeated_queries"]
    assert (repeated["times"], repeated["line"]) == (6, f"app.py:{line}")


def what_it_printed(appliance: Appliance, tools: Tools, number: int) -> None:
    """A request's own line is found, and no other request's."""
    assert [each["text"] for each in asked(appliance, f"requests/{number}")["lines"]] == ["looking for Dune"]
    assert "looking for Dune" in page(appliance, f"requests/{number}/log")
    assert [each["text"] for each in tools.call("get_log", request=number)["log"]] == ["looking for Dune"]


def whether_it_is_slower(appliance: Appliance, tools: Tools) -> None:
    """The median before and after the save."""
    (route,) = asked(appliance, "routes")["routes"]
    assert (route["before"]["count"], route["after"]["count"]) == (5, 5)
    assert route["after"]["p50_s"] >= 0.4 > route["before"]["p50_s"]
    shown = page(appliance, "routes")
    assert "slower" in shown or " times</td>" in shown
    assert "slower" in tools.call("list_routes")["routes"][0]["slower"]


def whether_it_answers_otherwise(appliance: Appliance, tools: Tools, number: int) -> None:
    """Return the changes of the response through the save, when the request is sent again."""
    form = {"page_value": asked(appliance, "pins")["page_value"], "confirmed": "1"}
    difference = {"what": "content", "path": "$.edition", "before": "1", "after": "2"}
    found = posted(appliance, f"requests/{number}/replay", form)[1]["differences"]
    assert [{name: each[name] for name in difference} for each in found if each["what"] == "content"] == [difference]
    posted(appliance, f"requests/{number}/replay", form, Accept="text/html")
    assert "Content $.edition</th>" in page(appliance, f"requests/{number}/replay?result=1")
    assert tools.call("replay_request", number=number, confirm=True)["differences"] == found
