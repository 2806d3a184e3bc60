"""What the fields of events mean: one table, from which the documentation is made.

Owns the names, the JSON types and the meanings, and which texts have lines by nature. Data alone; runs nowhere by
itself.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class Field(NamedTuple):
    """One field: its type in JSON, and what it says."""

    type: str
    meaning: str


# These open every line, in this order, and are always the appliance's own words.
ALWAYS = MappingProxyType(
    {
        "timestamp": Field("string", "when, in UTC (RFC 3339, microseconds)"),
        "level": Field("string", "`debug`, `info`, `warning`, `error` or `critical`"),
        "event": Field("string", "what happened: a name of the table below"),
        "role": Field(
            "string",
            "which process: `supervisor`, `preloader`, `worker`, `standin`, `preparation`, `library` without any",
        ),
        "generation": Field("integer", "of the process's code: one more with each reload; absent where there is none"),
    }
)

FIELDS = MappingProxyType(
    {
        "action": Field("string", "what to do about it"),
        "address": Field("string", "the address that is bound, as `host:port`"),
        "after_s": Field("number", "seconds until the next try"),
        "application": Field("string", "the application, as `module:object`"),
        "apps": Field("array", "labels of Django applications"),
        "aside": Field("string", "what it was renamed to"),
        "client.address": Field("string", "the client's address"),
        "commands": Field("string", "the shell commands, as they are set"),
        "count": Field("integer", "how many"),
        "debug": Field("boolean", "Django's DEBUG"),
        "duration_s": Field(
            "number", "how long it took, in seconds; of a request: from its first byte to the last of the response"
        ),
        "error": Field("string", "the exception's type and message"),
        "exception": Field(
            "array",
            "the exception, then what led to it: `type`, `message`, `frames` (`file`, `line`, `function`, `source`), "
            "`left_out` (frames in the middle), `notes`, `left_members` (of a group), "
            "`of` (`cause` or `context` of the one before, `part` of it)",
        ),
        "expected": Field("string", "what would have been right"),
        "extra": Field("object", "what the record was given with `extra=`"),
        "file": Field("string", "where, a path"),
        "files": Field("array", "the files that changed"),
        "first_byte_s": Field("number", "seconds to the first byte of the response"),
        "folders": Field("integer", "how many folders are watched"),
        "found": Field("string", "what was met"),
        "framework": Field("string", "the framework that the project uses"),
        "forked": Field("boolean", "whether the preloader has forked it"),
        "function": Field("string", "where, the function's name"),
        "hook": Field("string", "what it did, as `routes of Flask`"),
        "how": Field("string", "how a process ended; how saves are noticed: `events`, `polling` or both"),
        "http.request.method": Field("string", "the method; `_OTHER` if no standard knows it"),
        "http.request.method_original": Field("string", "the method as sent, where the other is `_OTHER`"),
        "http.response.body.size": Field("integer", "bytes of the response's content that were sent"),
        "http.response.status_code": Field("integer", "the status; absent if none was sent"),
        "http.route": Field("string", "the framework's pattern for the path, where it tells"),
        "import_s": Field("number", "seconds that importing the application took"),
        "instead": Field("string", "the folder that is used"),
        "issues": Field("array", "what Django's system checks say, at most 20"),
        "key": Field("string", "the name of a setting or variable"),
        "left_out": Field("integer", "how many modules are not preloaded"),
        "level_name": Field("string", "the record's own level, where `logging` does not know it"),
        "limit": Field("integer", "how many are allowed"),
        "line": Field("integer", "where, the line's number"),
        "logger": Field("string", "the logger's name"),
        "message": Field("string", "what it says"),
        "module": Field("string", "the module's name"),
        "modules": Field("integer", "how many modules are preloaded"),
        "more": Field("boolean", "whether the line of output goes on in the next event, or never ended"),
        "names": Field("array", "names of settings, variables or migrations"),
        "network.protocol.version": Field("string", "the version of HTTP, as `1.1`"),
        "offline": Field("boolean", "whether the network was out of reach"),
        "output": Field("string", "the installer's words, several lines"),
        "part": Field("integer", "which piece this is of a line of output that was too long, from 1"),
        "path": Field("string", "where, a folder or a file of the appliance's own"),
        "pid": Field("integer", "the process's number"),
        "project": Field("object or string", "of `output`: the project's own JSON line; else its folder"),
        "place": Field("string", "the line of the appliance's own code, as `file:line (function)`"),
        "polled": Field("array", "the folders in which no event tells of a save, with their file systems"),
        "promised": Field("integer", "bytes that Content-Length named"),
        "package": Field("string", "the name of a package"),
        "python": Field("string", "the version of Python"),
        "reason": Field("string", "why; of a request: why it was refused, or who aborted it, and how far it was"),
        "record": Field("string", "the start of what a process sent"),
        "request_id": Field(
            "string", "the request's id: `X-Request-ID`, if it is sane, or new; sent back with the response"
        ),
        "routes": Field("array", "each with its protocol, as `websocket /ws/chat/<str:room>/`; the first 20"),
        "running_s": Field("number", "seconds that it has run for"),
        "seen_s": Field("number", "seconds from the first news of a change until it was whole and told"),
        "sent": Field("integer", "bytes that were sent"),
        "server.port": Field("integer", "the port that the request came to"),
        "settings": Field("string", "Django's settings module"),
        "signal": Field("string", "the signal's name, as `SIGTERM`"),
        "slow": Field("boolean", "whether the first byte of the response took as long as SLOW_REQUEST_S; else absent"),
        "source": Field("string", "the file that the dependencies come from"),
        "span_id": Field("string", "of a valid `traceparent` (W3C Trace Context)"),
        "stack": Field("string", "the stack, where the record was asked for it"),
        "start_s": Field("number", "seconds from then until a worker began to import the project"),
        "status": Field("integer", "the exit status"),
        "stream": Field("string", "`stdout` or `stderr`"),
        "surplus": Field("integer", "bytes that were left out"),
        "text": Field("string", "one line of what a process printed, or a whole traceback"),
        "thread": Field("string", "the thread's name, where it is none of the server's"),
        "total_s": Field("number", "seconds from the start of the process to the first request that it could serve"),
        "trace_id": Field("string", "of a valid `traceparent` (W3C Trace Context)"),
        "traceback": Field("string", "the traceback, several lines"),
        "type": Field("string", "the exception's type"),
        "uptime_s": Field("number", "seconds since the start"),
        "url": Field("string", "the URL that works on the host"),
        "url.path": Field("string", "the path as sent, percent-encoding intact"),
        "url.query": Field("string", "the query as sent, secrets as `REDACTED`"),
        "user_agent.original": Field("string", "the client's `User-Agent`"),
        "version": Field("string", "of Django"),
        "what": Field("string", "what was to be started"),
        "waits": Field("boolean", "whether nothing goes on before a debugger's client has come"),
        "why": Field("string", "the rule that found it, and what it saw"),
    }
)

# Texts that have lines by nature, and whose tabs and newlines therefore stay; what a client sent is never among them.
WITH_LINES = frozenset({"details", "exception", "extra", "message", "output", "project", "stack", "text", "traceback"})
