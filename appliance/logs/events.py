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
    by: frozenset[str] = frozenset({"supervisor"})  # "worker" stands for every child process


_CHILD = frozenset({"worker"})
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
    "slow",
)

EVENTS = MappingProxyType(
    {
        # The appliance as a whole.
        "appliance.started": Event("info", "The appliance is up.", ("url", "address", "project")),
        "appliance.stopping": Event("info", "It was told to stop.", ("signal",)),
        "appliance.abandoned": Event(
            "error",
            "It stops though processes are left that could not be ended; `names` are their roles.",
            ("count", "names"),
        ),
        "appliance.stopped": Event("info", "Nothing runs any more.", ("uptime_s",)),
        "appliance.failed": Event("error", "It can't go on.", (*_ERROR, "place")),
        "listen.failed": Event("error", "The address can't be bound.", _ERROR),
        "supervisor.missing": Event("error", "A command found no supervisor that answers.", _ERROR),
        "status.unavailable": Event("warning", "`appliance status` and the health check get no answer.", ("reason",)),
        "process.reaped": Event("debug", "A process that was none of ours ended.", ("pid", "status")),
        # The folders that the appliance keeps things in.
        "folder.replaced": Event(
            "warning",
            "A folder of the appliance's could be written by others; it was renamed to `aside`, and is made again.",
            ("path", "reason", "aside", "action"),
        ),
        "cache.moved": Event(
            "warning",
            "The folder of the cache can't be used, or not safely; another one is used.",
            ("path", "reason", "instead", "action"),
        ),
        "cache.unprotected": Event(
            "warning", "Other users can replace what is run from the cache.", ("path", "reason", "action")
        ),
        "cache.unavailable": Event(
            "warning", "There is no folder to install into, and none for compiled code.", ("path", "reason", "action")
        ),
        "cache.refused": Event(
            "warning",
            "Compiled code in the cache could be written by other users; it was not used.",
            ("path", "reason"),
            _CHILD,
        ),
        "supervisor.failed": Event(
            "error",
            "A step of the supervisor's own failed; it goes on, and what failed is tried again.",
            ("reason", "place", "count", "action"),
        ),
        "start.failed": Event(
            "error",
            "A process or a thread of the appliance's could not be started.",
            (*_ERROR, "what"),
        ),
        # Settings and the environment.
        "settings.invalid": Event("error", "A setting or a command line can't be meant.", _ERROR),
        "settings.ignored": Event("warning", "Settings have no effect.", ("names", "reason")),
        "settings.changed": Event("warning", "A setting in an .env file was changed while it runs.", ("key", "action")),
        "environment.unread": Event(
            "warning",
            "What stands in an .env file can't be read, and is left out; once for each file and state of it.",
            ("file", "line", "reason", "count", "action"),
        ),
        "environment.hidden": Event("warning", "The process environment hides a key of an .env file.", ("key", "file")),
        # The project.
        "project.found": Event("info", "The application was found.", ("application", "framework", "why")),
        "project.missing": Event("error", "The project's folder is not there, or can't be read.", _ERROR),
        "asgi.unserved": Event(
            "warning",
            "Django is served by WSGI, and the project has more in its ASGI application: these routes.",
            ("application", "routes", "count", "action"),
        ),
        "application.missing": Event("error", "No application was found, or several, or one of another kind.", _ERROR),
        "interpreter.missing": Event("error", "No Python that the project can run on is to be had.", _ERROR),
        "interpreter.chosen": Event(
            "info", "What the project pins has wheels for another Python than the usual one.", ("python", "reason")
        ),
        "interpreter.substituted": Event(
            "warning",
            "The project pins a Python that is not here, or too old to be served; another one runs it.",
            ("python", "action"),
        ),
        # Dependencies.
        "install.started": Event("info", "The project's dependencies are being installed.", ("source",)),
        "install.output": Event("info", "One line of what the installer says.", ("text",)),
        "install.adapted": Event(
            "warning", "Part of the dependencies is taken otherwise than their file says.", ("reason",)
        ),
        "install.extended": Event(
            "warning", "An import lacked what nobody declared; it is installed too.", ("package", "reason")
        ),
        "install.finished": Event("info", "The dependencies are installed.", ("duration_s",)),
        "install.failed": Event("error", "The dependencies can't be installed.", (*_ERROR, "output", "offline")),
        # The commands that come before the first worker.
        "preparation.started": Event("info", "The commands of BEFORE_START run.", ("commands",)),
        "preparation.waiting": Event(
            "info", "They wait until nothing is left of an earlier run, which was ended.", ("pid",)
        ),
        "preparation.finished": Event("info", "They have ended well.", ("duration_s",)),
        "preparation.failed": Event("error", "One of them has not.", (*_ERROR, "output")),
        # Workers, and what stands in for them.
        "worker.started": Event("debug", "A worker's process runs.", ("pid", "forked")),
        "worker.ready": Event(
            "info",
            "A worker has imported the application, and serves.",
            ("pid", "python", "application", "import_s", "total_s", "url"),
        ),
        "worker.failed": Event(
            "error",
            "The application can't be imported, or not in time.",
            ("error", "type", "message", "file", "line", "traceback", "action"),
        ),
        "import.endless": Event(
            "warning",
            "The import of the application never ends; what it has bound is served beside.",
            ("file", "line", "action"),
            _CHILD,
        ),
        "worker.stacks": Event("warning", "Where the threads of a worker stand, at SIGQUIT.", ("pid", "traceback")),
        "worker.exited": Event("debug, error", "A worker's process ended.", ("pid", "how")),
        "worker.stuck": Event(
            "error",
            "A worker lives and serves nobody: it is stopped, or takes in no connection, or no request of it has begun "
            "or ended for a minute while somebody waits. The health check says so, too.",
            ("pid", "reason", "traceback", "action"),
        ),
        "worker.resumed": Event("info", "It goes on.", ("pid", "duration_s")),
        "work.running": Event(
            "info",
            "A worker that serves no more has work in the background: a thread, a hook at exit. It has GRACE_S to end.",
            ("thread", "file", "line", "function"),
            _CHILD,
        ),
        "work.cut": Event(
            "warning",
            "Work in the background was not over in time, and is ended where it stands.",
            ("thread", "file", "line", "function"),
            _CHILD,
        ),
        "scheduler.stopped": Event(
            "debug", "A worker that serves no more has told its schedulers to begin nothing.", ("names",), _CHILD
        ),
        "worker.looping": Event(
            "error",
            "Workers end again and again, one soon after the other; `how` is what most have in common.",
            ("count", "duration_s", "how", "action"),
        ),
        "worker.waiting": Event("info", "An address that it needs is taken until the old worker has gone."),
        "worker.restarting": Event("warning", "A worker will be started again.", ("after_s",)),
        "channel.failed": Event(
            "error",
            "What a process of ours sends can't be read any more; it is ended, and another one takes its place.",
            ("pid", "reason"),
        ),
        "standin.ended": Event("error", "What answers while no worker can has ended, or did not start.", ("reason",)),
        # Reloading.
        "watch.started": Event(
            "info",
            "Saves are noticed from now on, and how; `polled` lists where the kernel tells of none.",
            ("how", "polled", "count", "folders", "duration_s"),
        ),
        "watch.failed": Event("warning", "The project's files can't be watched as they should.", ("reason", "action")),
        "reload.started": Event("info", "Files have changed; a new generation starts.", ("files", "count", "signal")),
        "reload.finished": Event(
            "info", "The new generation serves.", ("duration_s", "forked", "seen_s", "start_s", "import_s")
        ),
        "reload.spared": Event(
            "info",
            "The application itself has written a watched file: that is no save. Said once a file.",
            ("file", "action"),
        ),
        "reload.repeated": Event(
            "info",
            "One file, and no other, has caused three reloads within ten seconds. Said once a file.",
            ("file", "count", "action"),
        ),
        "reload.held": Event(
            "warning, info",
            "A file changes whenever the application starts: its next reload is put off, longer each time.",
            ("file", "after_s", "action"),
        ),
        # Debugging.
        "debugger.listening": Event(
            "info", "A worker's debugger is to be had on this address.", ("pid", "address", "waits")
        ),
        "debugger.attached": Event("info", "A debugger's client talks to this worker.", ("pid",)),
        "debugger.detached": Event("info", "A debugger's client has gone, or its worker has.", ("pid",)),
        "debugger.failed": Event("warning", "There is no debugger in this worker.", ("reason", "action"), _CHILD),
        # Preloading.
        "preload.ready": Event(
            "info",
            "The project's packages are imported; reloads are forked from here on.",
            ("pid", "modules", "left_out", "import_s"),
        ),
        "preload.skipped": Event(
            "info, debug", "A module is not safe to preload; workers import it.", ("module", "reason")
        ),
        "preload.unfit": Event(
            "info", "A worker could not use what was preloaded; another one starts cold.", ("reason",)
        ),
        "preload.refused": Event("warning", "Nothing is preloaded; every reload is a cold start.", ("reason",)),
        "preload.ended": Event("warning", "The preloader's process ended; another one is made.", ("how",)),
        # Requests.
        "request.finished": Event(
            "info, warning, error", "A request was answered; its status decides.", _ACCESS, _CHILD
        ),
        "request.slow": Event(
            "warning",
            "A request has run for SLOW_REQUEST_S, and still does; the traceback is where it stands.",
            ("http.request.method", "url.path", "running_s", "request_id", "traceback"),
            _CHILD,
        ),
        "request.refused": Event("warning, error", "A request could not be read, or must not be run.", _ACCESS, _CHILD),
        "request.aborted": Event("warning, error", "A request ended before its response did.", _ACCESS, _CHILD),
        "websocket.closed": Event("info", "A WebSocket has ended; the status is 101.", _ACCESS, _CHILD),
        "request.logged": Event(
            "info, warning, error",
            "A request handler class of one's own wrote a line.",
            ("message", "client.address"),
            _CHILD,
        ),
        "client.left": Event("info", "A client closed its connection.", ("message",), _CHILD),
        "connection.failed": Event(
            "error", "A connection ended with an error of the server's.", ("client.address", "traceback"), _CHILD
        ),
        "handshake.failed": Event(
            "warning",
            "A client and the server could not agree on TLS; often it does not trust the certificate.",
            ("client.address", "reason"),
            _CHILD,
        ),
        "accept.failed": Event("error", "A connection could not be accepted.", ("reason",), _CHILD),
        "thread.failed": Event(
            "error",
            "No thread can be started; requests are served by those that there are, and it is tried again.",
            ("reason", "count"),
            _CHILD,
        ),
        "spool.failed": Event(
            "error",
            "What a slow client has not read yet, or a body, finds no room on the disk: the request waits in its "
            "thread, or is refused.",
            ("reason", "action"),
            _CHILD,
        ),
        "transfer.limit": Event(
            "warning",
            "As many slow clients as may be are sent to, or received from, without a thread.",
            ("limit",),
            _CHILD,
        ),
        "stream.limit": Event("warning", "As many long responses and open sockets as may be.", ("limit",), _CHILD),
        "application.failed": Event(
            "error", "The application raised.", ("error", "file", "line", "traceback", "action", "request_id"), _CHILD
        ),
        "django.checked": Event(
            "debug, info, warning, error",
            "Django's system checks were run, after the first second; the worst issue decides.",
            ("version", "settings", "debug", "count", "issues"),
            _CHILD,
        ),
        "django.unchecked": Event(
            "warning", "Django's checks or migrations could not be looked at.", ("reason", "action"), _CHILD
        ),
        "migrations.found": Event(
            "warning", "Migrations of Django's are not applied yet.", ("count", "apps", "names", "action"), _CHILD
        ),
        "response.short": Event(
            "warning",
            "The application sent less than its Content-Length.",
            ("promised", "sent", "request_id"),
            _CHILD,
        ),
        "response.long": Event(
            "warning",
            "The application sent more than its Content-Length; the surplus was left out.",
            ("promised", "surplus", "request_id"),
            _CHILD,
        ),
        "hook.dropped": Event(
            "debug",
            "Something of the appliance's that takes part in the project has failed, and is left out from now on.",
            ("hook", "reason", "traceback"),
            _CHILD,
        ),
        "breakpoint.passed": Event(
            "warning",
            "A breakpoint was passed: nobody could be asked.",
            ("file", "line", "reason", "action"),
            _CHILD,
        ),
        # An ASGI application that is adapted (APPLIANCE_ASGI).
        "websocket.refused": Event(
            "warning",
            "A WebSocket was asked for, which is not served; answered with 501, and told for the first only.",
            ("url.path", "action"),
            _CHILD,
        ),
        "lifespan.unsupported": Event(
            "debug, warning",
            "The application takes no part in the lifespan protocol; a warning where it raised at its startup.",
            ("reason",),
            _CHILD,
        ),
        "lifespan.slow": Event(
            "warning",
            "The application's startup takes long; where it stands.",
            ("running_s", "file", "line", "function", "traceback"),
            _CHILD,
        ),
        "lifespan.failed": Event("error", "The application did not shut down as it should.", ("reason",), _CHILD),
        # What is printed, and what goes wrong with the log itself.
        "output": Event(
            "info, warning, error",
            "A process printed a line; a warning or a traceback is one event, and its level says so.",
            ("stream", "pid", "request_id", "text", "project", "part", "more"),
        ),
        "project.logged": Event(
            "debug, info, warning, error, critical",
            "The project, or a library of its, logged with `logging` what its configuration lets through to a stream.",
            (
                "logger",
                "message",
                "file",
                "line",
                "function",
                "thread",
                "level_name",
                "extra",
                "exception",
                "stack",
                "pid",
                "request_id",
            ),
        ),
        "records.lost": Event(
            "error",
            "Lines could not be written (told on stderr, at the end), or a worker died before it told of requests "
            "or came to them.",
            ("count", "reason"),
        ),
        "record.malformed": Event("error", "A process sent what is no record.", ("reason", "record")),
    }
)
