"""The JSON of the supervisor's status and of the log, and what each tool of an assistant tells, for scripts."""

from __future__ import annotations

import json
import threading
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from appliance.assistants.result_text import fitted
from appliance.assistants.tool_call import Call, ToolError
from appliance.assistants.tool_sources import Sources
from appliance.assistants.tool_table import TABLE
from appliance.desk.recorded_lines import LogFilters, log_lines
from appliance.server.browser.own_paths import PREFIX
from appliance.standin.page_responses import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.assistants.tool import Tool

    StartResponse = Callable[..., Any]
    Route = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_FIELDS_MAX = 20
_AT_ONCE = 8  # one that waits for a reload holds a thread of this process
_READING_TOOLS = tuple(each for each in TABLE if not each.writes)


class JsonPages:
    """The pages for scripts. Each is read by GET, and changes nothing.

    Args:
        socket: the path of the supervisor's status socket.
    """

    def __init__(self, socket: str) -> None:
        self._sources = Sources(socket)
        self._free = threading.BoundedSemaphore(_AT_ONCE)
        self.gets: dict[str, Route] = {
            f"{PREFIX}/status": partial(self._json, lambda _: self._sources.ask()),
            f"{PREFIX}/stacks": partial(self._json, lambda _: self._sources.ask("stacks")),
            f"{PREFIX}/log": partial(self._json, self._log),
            f"{PREFIX}/tools": partial(self._json, lambda _: {"tools": [each.described() for each in _READING_TOOLS]}),
            **{
                f"{PREFIX}/tools/{each.name}": partial(self._json, partial(self._tool, each)) for each in _READING_TOOLS
            },
        }

    def _json(
        self, make: Callable[[str], dict[str, Any]], environ: dict[str, Any], start: StartResponse
    ) -> Iterable[bytes]:
        if not self._free.acquire(blocking=False):
            return answer(start, "503 Service Unavailable", "application/json", b"{}", ("Retry-After", "1"))
        try:
            values, status = make(environ.get("QUERY_STRING", "")), "200 OK"
        except ToolError as error:
            values, status = {"error": str(error)}, "409 Conflict"
        finally:
            self._free.release()
        return answer(start, status, "application/json", json.dumps(values).encode())

    def _log(self, query: str) -> dict[str, Any]:
        with self._sources.desk() as connection:
            return {"lines": log_lines(connection, LogFilters.of_query(query))}

    def _tool(self, tool: Tool, query: str) -> dict[str, Any]:
        return fitted(tool.run(self._sources, Call(tool.checked(_arguments(tool, query)))))


def _arguments(tool: Tool, query: str) -> dict[str, Any]:
    """Return the parameters of a query as a tool's arguments: numbers are texts in a query.

    Raises:
        ToolError: there are too many.
    """
    try:
        given = parse_qs(query, max_num_fields=_FIELDS_MAX)
    except ValueError:
        raise ToolError(f"The query has more than {_FIELDS_MAX} parameters.", action="Give fewer.") from None
    kinds = {each.name: each.kind for each in tool.parameters}
    return {name: _value(kinds.get(name), values[-1]) for name, values in given.items()}


def _value(kind: str | None, text: str) -> Any:
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    is_number = text.isascii() and text.isdigit() and len(text) < 16
    return int(text) if kind == "integer" and is_number else text
