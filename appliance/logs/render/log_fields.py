"""The table of fields: names, JSON types and meanings, and which texts have several lines.

The documentation is made from it. Data alone.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class Field(NamedTuple):
    """One field: its type in JSON, and its meaning."""

    type: str
    meaning: str


# Every line begins with these, in this order; the appliance itself always writes their values.
ALWAYS = MappingProxyType(
    {
        "timestamp": Field("string", "the time, in UTC (RFC 3339, microseconds)"),
        "level": Field("string", "`debug`, `info`, `warning`, `error` or `critical`"),
        "event": Field("string", "the event's name, from the table below"),
        "role": Field(
            "string",
            "the process: `supervisor`, `preloader`, `snapshot`, `worker`, `standin`, `preparation`, `remedy`, "
            "`recorder`, `exporter`, `probes`, `companion`, `guard`; `library` for a library's log",
        ),
        "generation": Field(
            "integer", "the generation of the process's code: one more with each reload; absent if it has none"
        ),
    }
)

FIELDS = MappingProxyType(
    {
        "action": Field("string", "what to do about it"),
        "address": Field("string", "the address that is bound, as `host:port`"),
        "after_s": Field("number", "seconds until the next try"),
        "application": Field("string", "the application, as `module:object`"),
        "apps": Field("array", "labels of Django applications"),
        "aside": Field("string", "the new name of what was renamed"),
        "client.address": Field("string", "the client's address"),
        "blocked": Field("integer", "how many modules have functions that can't be swapped"),
        "command": Field("string", "the command line"),
        "commands": Field("string", "the shell commands, as in the setting"),
        "companion": Field("string", "the name of the companion, as it is declared"),
        "count": Field("integer", "how many"),
        "cpu_s": Field("number", "seconds of CPU time that importing the project's own modules took"),
        "debug": Field("boolean", "Django's DEBUG"),
        "differences": Field("array", "the first differences, each as a text"),
        "duration_s": Field(
            "number", "the duration in seconds; of a request: from its first byte to the last byte of the response"
        ),
        "error": Field("string", "the exception's type and message"),
        "exception": Field(
            "array",
            "the exception, then its causes: `type`, `message`, `frames` (`file`, `line`, `function`, `source`), "
            "`left_out` (frames in the middle), `notes`, `left_members` (of a group), "
            "`of` (`cause` or `context` of the one before, `part` of it)",
        ),
        "expected": Field("string", "what would have been right"),
        "extra": Field("object", "the record's `extra=`"),
        "file": Field("string", "the path of a file"),
        "files": Field("array", "the files that changed"),
        "first_byte_s": Field("number", "seconds to the first byte of the response"),
        "folders": Field("integer", "how many folders are watched"),
        "found": Field("string", "what was found"),
        "framework": Field("string", "the framework that the project uses"),
        "forked": Field("boolean", "whether the worker was forked, from the preloader, a snapshot or a checkpoint"),
        "function": Field("string", "the function's name"),
        "hook": Field("string", "the hook, as `routes of Flask`"),
        "how": Field(
            "string",
            "how a process ended; how saves are noticed: `events`, `polling` or both; of a reload: `swapped`, "
            "`checkpoint`, `forked` or `cold`",
        ),
        "http.request.method": Field("string", "the method; `_OTHER` if no standard defines it"),
        "http.request.method_original": Field("string", "the method as sent, if the other field is `_OTHER`"),
        "http.response.body.size": Field("integer", "bytes of the response's content that were sent"),
        "http.response.status_code": Field("integer", "the status; absent if none was sent"),
        "http.route": Field("string", "the framework's pattern for the path, if the framework reports it"),
        "import_s": Field("number", "seconds that importing the application took"),
        "instead": Field("string", "the folder that is used instead"),
        "issues": Field("array", "the issues of Django's system checks, at most 20"),
        "key": Field("string", "the name of a setting or variable"),
        "left_out": Field("integer", "how many modules are not preloaded"),
        "level_name": Field("string", "the record's own level, if `logging` does not know it"),
        "limit": Field("integer", "how many are allowed"),
        "line": Field("integer", "the line's number"),
        "logger": Field("string", "the logger's name"),
        "message": Field("string", "the message"),
        "module": Field("string", "the module's name"),
        "modules": Field("integer", "how many modules are preloaded, or the snapshot has of the project's own"),
        "more": Field("boolean", "whether the line of output continues in the next event, or never ended"),
        "names": Field("array", "names of settings, variables, migrations or modules"),
        "network.protocol.version": Field("string", "the version of HTTP, as `1.1`"),
        "of_generation": Field("integer", "the generation that has answered"),
        "offline": Field("boolean", "whether the network could not be reached"),
        "output": Field("array", "the last lines of the output of the installer, or of the commands"),
        "parent_span_id": Field("string", "the caller's span, where requests are traced"),
        "part": Field("integer", "the number of this part of a line of output that was too long, from 1"),
        "path": Field("string", "the path of a folder or file of the appliance's own"),
        "pid": Field("integer", "the process's number"),
        "pin": Field("integer", "the number of the pinned request"),
        "project": Field("object or string", "of `output`: the project's own JSON line; else its folder"),
        "place": Field("string", "the line of code, as `file:line (function)`; of a page's script: `URL:line:column`"),
        "polled": Field("array", "the folders without file events, with their file systems"),
        "promised": Field("integer", "bytes in Content-Length"),
        "page": Field("string", "the URL of the page"),
        "package": Field("string", "the name of a package"),
        "python": Field("string", "the version of Python"),
        "reason": Field("string", "the reason; of a request: why it was refused, or who aborted it, and when"),
        "record": Field("string", "the start of what a process sent"),
        "remedy": Field("string", "the kind of the remedy, as in docs/pages.md"),
        "request_id": Field(
            "string", "the request's id: a valid `X-Request-ID`, or a new one; sent back with the response"
        ),
        "routes": Field("array", "each route with its protocol, as `websocket /ws/chat/<str:room>/`; the first 20"),
        "running_s": Field("number", "seconds since its start"),
        "seen_s": Field("number", "seconds from the first file event of a change until the change was reported"),
        "sent": Field("integer", "bytes that were sent"),
        "server.port": Field("integer", "the port that the request came to"),
        "settings": Field("string", "Django's settings module"),
        "signal": Field("string", "the signal's name, as `SIGTERM`; or `key r`, if somebody pressed a key"),
        "slow": Field("boolean", "true if the first byte of the response took SLOW_REQUEST_S or longer; else absent"),
        "source": Field("string", "the file that the dependencies come from"),
        "span_id": Field(
            "string", "the request's span, where requests are traced; else the caller's, from a valid `traceparent`"
        ),
        "stack": Field("string", "the stack, if the record was logged with `stack_info`"),
        "step": Field("string", "what has failed: analysis, install, preparation or import"),
        "start_s": Field("number", "seconds from that report until a worker began to import the project"),
        "status": Field("integer", "the exit status"),
        "stream": Field("string", "`stdout` or `stderr`"),
        "subject": Field("string", "of a mail"),
        "surplus": Field("integer", "bytes that were left out"),
        "text": Field("string", "one line of what a process printed, or a whole traceback"),
        "thread": Field("string", "the thread's name, if the thread is not the server's"),
        "to": Field("string", "the first addresses that a mail is for"),
        "total_s": Field("number", "seconds from the start of the process until it could serve a request"),
        "trace_flags": Field("string", "`01` if the request's spans are exported, `00` if not; absent without tracing"),
        "trace_id": Field("string", "the trace (W3C Trace Context), from a valid `traceparent`, or a new one"),
        "trace_state": Field("string", "a valid `tracestate` of the caller"),
        "traceback": Field("string", "the traceback, several lines"),
        "type": Field(
            "string", "the exception's type; of `browser.error`: `error`, `unhandledrejection`, `console.error`"
        ),
        "uptime_s": Field("number", "seconds since the start"),
        "url": Field("string", "the URL that works on the host; absent in a container that does not know it"),
        "url.path": Field("string", "the path as sent, percent-encoding intact"),
        "url.query": Field("string", "the query as sent, secrets as `REDACTED`"),
        "user_agent.original": Field("string", "the client's `User-Agent`"),
        "version": Field("string", "the version of Django"),
        "what": Field("string", "what could not be started, or was not sent"),
        "waits": Field("boolean", "whether the worker waits for a debugger client before it goes on"),
        "why": Field("string", "the rule that found it, and what it found"),
    }
)

# Texts of several lines, which keep their tabs and newlines; nothing that a client sent is among them.
WITH_LINES = frozenset({"details", "exception", "extra", "message", "output", "project", "stack", "text", "traceback"})
