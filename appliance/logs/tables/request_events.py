"""The events of requests: what a server logs of each, what went wrong with one, and an adapted ASGI application."""

from __future__ import annotations

from types import MappingProxyType

from appliance.logs.tables.event_type import CHILD, Event

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
    "trace_flags",
    "parent_span_id",
    "trace_state",
    "http.route",
    "reason",
    "slow",
)

REQUEST_EVENTS = MappingProxyType(
    {
        # Requests.
        "request.finished": Event(
            "info, warning, error", "A request was answered; its status determines the level.", _ACCESS, CHILD
        ),
        "request.slow": Event(
            "warning",
            "A request has run for SLOW_REQUEST_S, and still runs; the traceback is its current stack.",
            ("http.request.method", "url.path", "running_s", "request_id", "traceback", "action"),
            CHILD,
            action=(
                "Read the traceback: it shows what the request waits for. If it may take so long, raise "
                "APPLIANCE_SLOW_REQUEST_S."
            ),
        ),
        "request.refused": Event(
            "warning, error", "A request could not be read, or was not allowed to run.", _ACCESS, CHILD
        ),
        "request.aborted": Event("warning, error", "A request ended before its response did.", _ACCESS, CHILD),
        "websocket.closed": Event("info", "A WebSocket has ended; the status is 101.", _ACCESS, CHILD),
        "request.logged": Event(
            "info, warning, error",
            "A custom request handler class wrote a log line.",
            ("message", "client.address"),
            CHILD,
        ),
        "client.left": Event("info", "A client closed its connection.", ("message",), CHILD),
        "connection.failed": Event(
            "error",
            "A connection ended with an error in the server.",
            ("client.address", "traceback", "action"),
            CHILD,
            action="Read the traceback. If it ends in a file of the appliance, report it with this line.",
        ),
        "handshake.failed": Event(
            "warning",
            "A client and the server could not agree on TLS; often the client does not trust the certificate.",
            ("client.address", "reason", "action"),
            CHILD,
            action="Let the client trust the certificate (docs/tls.md), and use https:// in its URL.",
        ),
        "accept.failed": Event(
            "error",
            "A connection could not be accepted.",
            ("reason", "action"),
            CHILD,
            action=(
                "Look for files and sockets that the project opens and does not close, or raise the limit of open "
                "files (ulimits: nofile in the compose file)."
            ),
        ),
        "thread.failed": Event(
            "error",
            "No thread can be started; the existing threads serve the requests, and the server tries again.",
            ("reason", "count", "action"),
            CHILD,
            action=(
                "Look for threads that the project starts and does not end, or raise the limit of processes "
                "(pids_limit in the compose file)."
            ),
        ),
        "spool.failed": Event(
            "error",
            "There is no room on the disk for a body, or for data that a slow client has not read yet: the request "
            "waits in its thread, or is refused.",
            ("reason", "action"),
            CHILD,
        ),
        "transfer.limit": Event(
            "warning",
            "The limit of slow clients that are served without a thread is reached.",
            ("limit", "action"),
            CHILD,
            action=(
                "Look for clients that start downloads or uploads and do not go on, unless so many slow clients are "
                "expected."
            ),
        ),
        "stream.limit": Event(
            "warning",
            "The limit of long responses and sockets is reached.",
            ("limit", "action"),
            CHILD,
            action="Look for pages that open streams or WebSockets and do not close them, unless so many are expected.",
        ),
        "application.failed": Event(
            "error",
            "The application raised an exception.",
            ("error", "file", "line", "traceback", "action", "request_id", "trace_id", "span_id"),
            CHILD,
        ),
        "django.checked": Event(
            "debug, info, warning, error",
            "Django's system checks have run, a second after the start; the worst issue determines the level.",
            ("version", "settings", "debug", "count", "issues"),
            CHILD,
        ),
        "django.unchecked": Event(
            "warning", "Django's checks or migrations could not be read.", ("reason", "action"), CHILD
        ),
        "migrations.found": Event(
            "warning",
            "Some of the project's Django migrations are not applied yet.",
            ("count", "apps", "names", "action"),
            CHILD,
        ),
        "response.short": Event(
            "warning",
            "The application sent less than its Content-Length.",
            ("promised", "sent", "request_id", "trace_id", "span_id", "action"),
            CHILD,
            action="Send as many bytes as Content-Length says, or leave the field out.",
        ),
        "response.long": Event(
            "warning",
            "The application sent more than its Content-Length; the rest was left out.",
            ("promised", "surplus", "request_id", "trace_id", "span_id", "action"),
            CHILD,
            action="Send as many bytes as Content-Length says, or leave the field out.",
        ),
        "mail.kept": Event(
            "info",
            "A mail of the project was kept for the page of its request, and not sent.",
            ("to", "subject", "request_id", "action"),
            CHILD,
        ),
        "hook.dropped": Event(
            "debug",
            "One of the appliance's hooks into the project has failed, and is not used any more.",
            ("hook", "reason", "traceback"),
            CHILD,
        ),
        "breakpoint.passed": Event(
            "warning",
            "A breakpoint was skipped, because no terminal could be used.",
            ("file", "line", "reason", "action"),
            CHILD,
        ),
        # An adapted ASGI application (APPLIANCE_ASGI).
        "websocket.refused": Event(
            "warning",
            "A client asked for a WebSocket, which is not served; the answer is 501. Logged for the first one only.",
            ("url.path", "action"),
            CHILD,
        ),
        "lifespan.unsupported": Event(
            "debug, warning",
            "The application does not support the lifespan protocol; a warning if it raised at its startup.",
            ("reason", "action"),
            CHILD,
            action="Correct the exception in the reason, unless the application needs no startup.",
        ),
        "lifespan.slow": Event(
            "warning",
            "The application's startup takes long; the traceback is its current stack.",
            ("running_s", "file", "line", "function", "traceback", "action"),
            CHILD,
            action="Read the traceback: it shows what the startup waits for.",
        ),
        "lifespan.failed": Event(
            "error",
            "The application did not shut down correctly.",
            ("reason", "action"),
            CHILD,
            action="Let the application's shutdown end without an exception, within APPLIANCE_GRACE_S.",
        ),
    }
)
