"""The table of events: every name that a line can bear, at which level, with which fields, and who may say it.

Owns the table. Names are dotted and in the past tense, and are API: a test holds every name in the code against this
table. Runs in the supervisor, which asks who may say what.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class Event(NamedTuple):
    """One event. ``level`` is the usual one, or several, where the case decides."""

    level: str
    meaning: str
    fields: tuple[str, ...] = ()
    by: frozenset[str] = frozenset({"supervisor"})  # "supervisor", "worker" (every child process), or both


_CHILD = frozenset({"worker"})
_BOTH = frozenset({"supervisor", "worker"})
_ERROR = ("found", "expected", "action")
_ACCESS = (  # in the line's order
    "http.request.method",
    "http.request.method_original",
    "url.path",
    "url.query",
    "http.response.status_code",
    "duration_s",
    "first_byte_s",
    "http.response.body.size",
    "request_id",
    "client.address",
    "user_agent.original",
    "network.protocol.version",
    "server.port",
    "trace_id",
    "span_id",
    "http.route",
    "reason",
)

EVENTS = MappingProxyType(
    {
        # The appliance as a whole.
        "appliance.started": Event("info", "The appliance is up.", ("url", "version", "python", "project")),
        "appliance.stopping": Event("info", "It was told to stop.", ("signal",)),
        "appliance.stopped": Event("info", "Nothing runs any more."),
        "appliance.failed": Event("critical", "It can't go on.", (*_ERROR, "traceback")),
        "listen.bound": Event("info", "The address is bound; connections wait from now on.", ("url",)),
        "listen.failed": Event("critical", "The address can't be bound.", _ERROR),
        "process.reaped": Event("debug", "A process that was none of ours ended.", ("pid", "status", "signal")),
        # Settings and the environment.
        "settings.invalid": Event("critical", "A setting or a command line can't be meant.", _ERROR),
        "settings.ignored": Event("warning", "Settings have no effect.", ("keys", "reason")),
        "environment.hidden": Event("warning", "The process environment hides keys of an .env file.", ("keys", "file")),
        # The project.
        "project.found": Event("info", "The application was found.", ("application", "framework", "rule", "project")),
        "project.missing": Event("critical", "The project's folder is not there, or can't be read.", _ERROR),
        "application.missing": Event(
            "error", "No application was found, or more than one, or one of another kind.", _ERROR
        ),
        "interpreter.missing": Event("error", "No Python that the project can run on is to be had.", _ERROR),
        "supervisor.missing": Event("error", "A command found no supervisor that answers.", _ERROR),
        # Dependencies.
        "install.started": Event(
            "info", "The project's dependencies are being installed.", ("source", "installer", "python")
        ),
        "install.output": Event("info", "One line of what the installer says.", ("text",)),
        "install.finished": Event("info", "The dependencies are installed.", ("duration_s",)),
        "install.skipped": Event("info", "The dependencies are as they were, or there are none.", ("reason",)),
        "install.failed": Event("error", "The dependencies can't be installed.", (*_ERROR, "details")),
        # Workers, and what stands in for them.
        "worker.started": Event("info", "A worker's process runs.", ("pid", "python")),
        "worker.ready": Event(
            "info", "A worker has imported the application, and serves.", ("pid", "import_s", "total_s")
        ),
        "worker.failed": Event("error", "The application can't be imported.", ("error", "file", "line", "traceback")),
        "worker.exited": Event("info, error", "A worker's process ended.", ("pid", "status", "signal")),
        "worker.restarting": Event("warning", "A worker will be started again.", ("after_s", "reason")),
        "worker.killed": Event("warning", "A worker had to be killed.", ("pid", "reason")),
        "standin.started": Event("info", "A built-in application answers while no worker can.", ("pid", "reason")),
        "standin.ended": Event("info", "It answers no more.", ("pid",)),
        # Reloading.
        "watch.started": Event("info", "The project's files are watched.", ("method", "paths")),
        "watch.failed": Event("error", "They can't be watched.", ("error", *_ERROR)),
        "reload.started": Event("info", "Files have changed; a new generation starts.", ("files",)),
        "reload.finished": Event("info", "The new generation serves.", ("duration_s",)),
        # Requests.
        "request.finished": Event(
            "info, warning, error", "A request was answered; the status decides the level.", _ACCESS, _CHILD
        ),
        "request.refused": Event("warning, error", "A request could not be read, or must not be run.", _ACCESS, _CHILD),
        "request.aborted": Event("warning, error", "A request ended before its response did.", _ACCESS, _BOTH),
        "websocket.closed": Event("info", "A WebSocket has ended; the status is 101.", _ACCESS, _CHILD),
        "application.failed": Event(
            "error", "The application raised.", ("error", "file", "line", "traceback", "request_id"), _CHILD
        ),
        "response.short": Event(
            "error", "The application sent less than its Content-Length.", ("expected", "found", "request_id"), _CHILD
        ),
        # What is printed, and what goes wrong with the log itself.
        "output": Event(
            "info", "A process printed a line.", ("stream", "pid", "request_id", "text", "project", "part", "more")
        ),
        "records.lost": Event("error", "Lines or records were lost.", ("count", "reason")),
        "record.malformed": Event("error", "A process sent what is no record.", ("reason", "record")),
    }
)
