"""The table of tools. ``python -m tools.assistants`` writes it into docs/assistants.md."""

from __future__ import annotations

from appliance.assistants import (
    reload_tools,
    remedy_tools,
    replay_tools,
    request_parts,
    request_tools,
    state_tools,
)
from appliance.assistants.tool import Parameter, Tool
from appliance.conventions import LOG_LEVELS

_NUMBER = Parameter("number", "integer", "The number of the request, from list_requests.", least=1, required=True)
_REMEDY = Parameter("remedy", "string", "The id of the remedy, from list_remedies.", required=True)


def _limit(most: int, usual: int) -> Parameter:
    return Parameter("limit", "integer", f"How many at most; {usual} if left out.", least=1, most=most)


_BEFORE = Parameter("before", "integer", "Only those before this number: the next page of an earlier answer.", least=1)

TABLE: tuple[Tool, ...] = (
    Tool(
        "status",
        "Status",
        "What the development server does now: whether the project is served, which generation of its code, and what "
        "is broken (error, with file, line and the project's own frames). Begin here. Its attempt is what "
        "wait_for_reload takes.",
        state_tools.status,
    ),
    Tool(
        "last_errors",
        "Last errors",
        "The exceptions that requests raised, grouped by error and line, the newest first, each with the frames of the "
        "project's own code and the number of a request to look at; and what keeps the project from being served.",
        request_tools.last_errors,
        (_limit(50, 10),),
    ),
    Tool(
        "list_requests",
        "List requests",
        "The last requests, the newest first: method, path, status, duration, number of queries, generation. Filters "
        "can be combined. get_request shows one of them whole.",
        request_tools.list_requests,
        (
            Parameter("q", "string", "A text that the path or the query contains."),
            Parameter("method", "string", "GET, POST ..."),
            Parameter("status", "string", "A status such as 404, or a class such as 5xx."),
            Parameter("route", "string", "A route as list_routes shows it."),
            Parameter("generation", "integer", "Only requests that this generation of the code has answered.", least=0),
            Parameter("slower_ms", "integer", "Only requests that took at least so long.", least=0),
            _BEFORE,
            _limit(100, 20),
        ),
    ),
    Tool(
        "get_request",
        "Get a request",
        "One request. Its overview has times, the exception with the project's own frames, queries that one line "
        "repeats (N+1), and the first lines that it printed or logged. The other parts: request and response (fields "
        "and content), queries (each with its line and duration), effects (outgoing calls, mail, templates, caches, "
        "memory), log (every line), traceback (whole).",
        request_tools.get_request,
        (
            _NUMBER,
            Parameter("part", "string", "Which part; the overview if left out.", choices=request_parts.PARTS),
            Parameter("offset", "integer", "Of queries and log: leave out so many, to read on.", least=0, most=100_000),
        ),
    ),
    Tool(
        "get_log",
        "Get the log",
        "Lines of the log, the newest first: what the project printed and logged, in requests and outside of them, "
        "and the events of the server. With request: all lines of that request.",
        request_tools.get_log,
        (
            Parameter("request", "integer", "The number of a request: only its lines.", least=1),
            Parameter("level", "string", "The least level.", choices=LOG_LEVELS),
            Parameter("event", "string", "An event: output is what was printed, project.logged what was logged."),
            Parameter("text", "string", "A text that the line contains."),
            Parameter("generation", "integer", "Only lines of this generation of the code.", least=0),
            _BEFORE,
            _limit(100, 30),
        ),
    ),
    Tool(
        "list_routes",
        "List routes",
        "The routes that got requests: how many, how many failed, and median and 95th percentile of their durations "
        "before and after the last save. Says which became slower by that save.",
        state_tools.list_routes,
        (Parameter("text", "string", "A text that method or route contains."), _limit(200, 50)),
    ),
    Tool(
        "reload_history",
        "Reload history",
        "The starts and reloads, the newest first: which files were saved, whether the new code serves, how long it "
        "took, and why it failed.",
        reload_tools.reload_history,
        (_limit(50, 10),),
    ),
    Tool(
        "worker_stacks",
        "Stacks of the worker",
        "Where the worker stands right now: each thread that runs the project's code, with its own frames, the "
        "innermost first; and the requests that have run for long and still run. Use it when a request does not end.",
        state_tools.worker_stacks,
        (Parameter("whole", "boolean", "Also the whole stacks, as Python prints them."),),
    ),
    Tool(
        "wait_for_reload",
        "Wait for the next reload",
        "Call this after you have saved a file: it waits until the new code serves or has failed, and says which "
        "(good), with the error or the warnings. Pass after_attempt from a status or wait_for_reload that you called "
        "before you saved; otherwise a reload that was faster than this call is missed.",
        reload_tools.wait_for_reload,
        (
            Parameter("after_attempt", "integer", "The attempt before the save.", least=0),
            Parameter("timeout_s", "integer", "How long to wait at most, in seconds; usually 30.", least=1, most=300),
        ),
        waits=True,
    ),
    Tool(
        "list_remedies",
        "List remedies",
        "What the appliance offers to do about the last failures, as the buttons of its error page: a command such as "
        "the migrations, or a change of one file as a diff. Also how the last runs ended.",
        remedy_tools.list_remedies,
    ),
    Tool(
        "replay_request",
        "Send a request again",
        "Sends a recorded request to the project again, as it was received or edited, and says how the response "
        "differs from the recorded one: status, fields, content, number of queries. Use it after a change. A method "
        "such as POST needs confirm: true, because it may change data.",
        replay_tools.replay_request,
        (
            _NUMBER,
            Parameter("confirm", "boolean", "Send it although its method may change data."),
            Parameter("method", "string", "Another method."),
            Parameter("target", "string", "Another path and query."),
            Parameter(
                "fields",
                "string",
                "Other fields, one a line: Name: value. Masked values are filled in.",
                longest=20_000,
            ),
            Parameter("body", "string", "Another body.", longest=70_000),
        ),
        writes=True,
        destructive=True,
        waits=True,
    ),
    Tool(
        "run_remedy",
        "Run a remedy",
        "Runs a remedy of list_remedies in two steps. Without confirm, nothing is run: the answer is the exact command "
        "or change, and the value for confirm. Show that to the person; with confirm it is run, and the answer is its "
        "output and how it ended.",
        remedy_tools.run_remedy,
        (
            _REMEDY,
            Parameter("confirm", "string", "The value of the answer without confirm."),
            Parameter("timeout_s", "integer", "How long to wait for it, in seconds; usually 120.", least=1, most=600),
        ),
        writes=True,
        destructive=True,
        waits=True,
    ),
    Tool(
        "cancel_remedy",
        "Cancel a remedy",
        "Ends a remedy that runs, with every process that it has started. Cancelling the call of run_remedy does not "
        "end it.",
        remedy_tools.cancel_remedy,
        (_REMEDY,),
        writes=True,
        destructive=True,
    ),
)
BY_NAME = {each.name: each for each in TABLE}
